"""The commands of the original that this version does not have, and why: said when one is typed."""

ABSENT: dict[str, str] = {
    "api token create": "it is for a service that only the original's makers run",
}
