"""`newel ssh krl`: the list of revoked certificates that sshd reads, printed or kept in a file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import note, say
from newel.cli.operations.ssh import revocation_list
from newel.cli.operations.times import parse_duration
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.operations.ssh.revocation_age import ListAge
    from newel.cli.options.records.ssh import SSHKrlOptions

PASSED_ON = ("max-age", "metrics", "ca-url", "root", "context")
"""What is typed beside --units stands in the service."""
FILES = ("metrics", "root")


def run(options: "SSHKrlOptions") -> int:
    """Write the list to standard output, or install it, once or until a signal stops it."""
    options.positionals(0)
    authority = authority_options(options)
    if options.install is None:
        for flag in ("daemon", "metrics", "units"):
            if options.is_given(flag) or (flag == "daemon" and options.daemon):
                raise UsageError(f"flag '--{flag}' requires the '--install' flag")
        data = revocation_list.fetch(authority)
        revocation_list.check(data)
        sys.stdout.buffer.write(data)
        return 0
    file = Path(options.install)
    if options.units:
        return write_units(options, file, Path(options.units))
    age = watch_age(options, file)
    if options.daemon:
        from newel.cli.operations.renewal.renewal_daemon import log

        return revocation_list.keep(authority, file, log, age=age)
    install(options, file, age)
    return 0


def watch_age(options: "SSHKrlOptions", file: Path) -> "ListAge":
    """Return what tells how old the list is. Raises UsageError."""
    from newel.cli.operations.ssh.revocation_age import MAX_AGE, ListAge

    max_age = parse_duration(options.max_age, "max-age")
    metrics = Path(options.metrics) if options.metrics else None
    return ListAge(file, MAX_AGE if max_age is None else max_age, metrics)


def install(options: "SSHKrlOptions", file: Path, age: "ListAge") -> None:
    """Install the list once, and warn of what stays old, also when the authority cannot be asked."""
    from newel.client.clock import now

    try:
        found = revocation_list.install(authority_options(options), file)
        age.confirm(now())
    finally:
        if warning := age.look(now()):
            note(f"Warning: {warning}.")
    if found is None:
        print(f"{file} is up to date.")
    else:
        print(f"The key revocation list of version {found.version} is installed in {file}.")


def write_units(options: "SSHKrlOptions", file: Path, folder: Path) -> int:
    """Write the units of systemd that keep the file, and say how they are switched on."""
    from newel.cli.operations.ssh import revocation_units

    watch_age(options, file)
    arguments = ["--daemon"] if options.daemon else []
    for flag in PASSED_ON:
        if options.is_given(flag):
            value = options.require(flag)
            arguments += [f"--{flag}", str(Path(value).absolute()) if flag in FILES else value]
    units = revocation_units.make_units(
        file,
        daemon=options.daemon,
        arguments=arguments,
        metrics=Path(options.metrics) if options.metrics else None,
    )
    unit = revocation_units.write_units(folder, units, force=options.force)
    say("Units", ", ".join(str(folder / name) for name in units))
    note(f"Switch it on by 'systemctl daemon-reload' and 'systemctl enable --now {unit}'.")
    return 0
