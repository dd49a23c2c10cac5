"""The commands of the original that this version does not have, and why: said when one is typed."""

LATER = "it comes with a later one"

ABSENT: dict[str, str] = {
    "api token create": "it is for a service that only the original's makers run",
    "ca provisioner webhook add": LATER,
    "ca provisioner webhook remove": LATER,
    "ca provisioner webhook update": LATER,
    "certificate lint": LATER,
    "crl inspect": LATER,
}
