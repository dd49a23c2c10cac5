"""One call of a command: its words sorted into flags and positionals, each value from where it ranks first.

Precedence: command line, environment, defaults.json (of the context, where there is one), built-in default.
"""

import os

from newel.cli import program
from newel.cli.errors import UsageError
from newel.cli.options.grammar import EVERYWHERE, SWITCHES, Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from newel.cli.store.steppath import Context, Defaults
NOT_SAVED = {"config", "context", "authority", "profile", "help", "output", "no-context"}
RESERVED = {"all", "from", "json", "list", "set"}
"""Names of flags that mean something else in Python or in an invocation."""
TRUE = {"1", "t", "true", "yes"}
FALSE = {"0", "f", "false", "no"}


class Invocation:
    """A command with the values it was called with.

    Every flag is a field: `--not-after` is `not_after`. `newel.cli.options.records` declares their types for each
    command. A value is looked up when it is read, so that a command opens defaults.json only when it needs it.
    """

    output: str | None

    def __init__(self, command: Command, arguments: list[str]) -> None:
        self.command = command
        self._flags: dict[str, Flag] = {
            name: flag for flag in (*EVERYWHERE, *command.flags) for name in flag.names
        }
        self._line: dict[str, list[str]] = {}
        self._defaults: Defaults | dict[str, object] | None = None
        self.args = self._sort(arguments)

    if not TYPE_CHECKING:

        def __getattr__(self, field: str) -> object:
            """Return the value of a flag in the type of its kind; None for an integer that is not given."""
            if not field.startswith("_"):
                for flag in self._flags.values():
                    if field_name(flag.name) == field:
                        return self.value(flag)
            raise AttributeError(field)

    def value(self, flag: Flag) -> str | bool | int | list[str] | None:
        """Return the value of a flag in the type of its kind."""
        if flag.kind in SWITCHES:
            return self.on(flag.name)
        if flag.kind == "m":
            return self.all(flag.name)
        text = self.get(flag.name)
        return text if text is None or flag.kind != "i" else self.integer(flag.name)

    def _sort(self, arguments: list[str]) -> list[str]:
        """Split the words; flags may stand before, between and after the positionals."""
        positionals: list[str] = []
        rest = iter(arguments)
        for word in rest:
            if word == "--":
                positionals.extend(rest)
                break
            if not word.startswith("-") or word == "-" or negative_value(word):
                positionals.append(word)
                continue
            name, equals, value = word.lstrip("-").partition("=")
            flag = self._flags.get(name)
            if flag is None:
                raise UsageError(f"flag provided but not defined: -{name}")
            if not equals:
                if flag.kind in SWITCHES:
                    value = "true"
                else:
                    following = next(rest, None)
                    if following is None:
                        raise UsageError(f"flag needs an argument: -{name}")
                    value = following
            self._line.setdefault(flag.name, []).append(value)
        return positionals

    @property
    def command_name(self) -> str:
        """The program and the command as errors quote them, `newel ca renew`."""
        return f"{program.name()} {self.command.path}"

    def read_saved(self, name: str) -> object:
        """Return the saved value of a flag; defaults.json is opened when it is first needed."""
        if self._defaults is None:
            from newel.cli.store.steppath import Defaults

            file = self.get("config")
            self._defaults = Defaults(file, None if file else context_of(self))
        return self._defaults.get(name)

    def check_saved(self) -> None:
        """Raise CliError for a defaults.json that is no JSON: what is missed may be what it would say."""
        from newel.cli.store.steppath import Defaults

        if isinstance(self._defaults, Defaults):
            self._defaults.check()

    def forget_defaults(self) -> None:
        """For a command that makes the context it is told to use: there is nothing saved to read yet."""
        self._defaults = {}

    def is_given(self, name: str) -> bool:
        """Say whether the flag stands on the command line itself."""
        return name in self._line

    def read_typed(self, name: str) -> str | None:
        """Return the value that stands on the command line itself; None when the flag does not.

        For acts and lists, whose reach no environment and no defaults.json may change. Raises UsageError for
        an empty value, which would leave out a limit that was meant: it is often a shell's variable that is
        not set.
        """
        values = self._line.get(name)
        if not values:
            return None
        if "" in values:
            raise UsageError(f"flag '--{name}' is empty; give it a value, or leave it out")
        return values[-1]

    def supply(self, name: str, value: str) -> None:
        """Set a flag as if it stood on the command line."""
        self._line[self._flags[name].name] = [value]

    def is_settled(self, name: str) -> bool:
        """Say whether the line, the environment or defaults.json says anything about the flag."""
        flag = self._flags[name]
        elsewhere = flag.environment and os.environ.get(flag.environment)
        if flag.typed:
            return self.is_given(flag.name)
        return self.is_given(flag.name) or bool(elsewhere) or self.read_saved(flag.name) is not None

    def has(self, name: str) -> bool:
        """Say whether the command has such a flag."""
        return name in self._flags

    def all(self, name: str) -> list[str]:
        """Every value of a repeatable flag, in order; [] when there is none."""
        flag = self._flags[name]
        if flag.typed:
            self.read_typed(flag.name)  # refuses what is empty
        if flag.name in self._line:
            return self._line[flag.name]
        if flag.typed:
            return [flag.default] if flag.default else []
        from_environment = os.environ.get(flag.environment) if flag.environment else None
        if from_environment:
            return from_environment.split(",") if flag.kind == "m" else [from_environment]
        if flag.name not in NOT_SAVED:
            saved = self.read_saved(flag.name)
            if saved is not None and saved != "":
                return [str(item) for item in saved] if isinstance(saved, list) else [text(saved)]
        return [flag.default] if flag.default else []

    def get(self, name: str) -> str | None:
        """Return the value of a flag, the last where it was given twice; None when there is none."""
        values = self.all(name)
        return values[-1] if values and values[-1] != "" else None

    def on(self, name: str) -> bool:
        """Say whether a switch is on."""
        values = self.all(name)
        if not values:
            return self._flags[name].kind == "B"
        word = values[-1].lower()
        if word not in TRUE | FALSE:
            raise UsageError(f'invalid boolean value "{values[-1]}" for -{name}')
        return word in TRUE

    def integer(self, name: str, default: int = 0) -> int:
        """Return a whole number, or ``default`` when the flag is not given."""
        value = self.get(name)
        if value is None:
            return default
        try:
            return int(value, 10)
        except ValueError:
            raise UsageError(f'invalid value "{value}" for flag -{name}') from None

    def require(self, name: str) -> str:
        """Return the value of a flag that the command needs. Raises UsageError without one."""
        value = self.get(name)
        if value is None:
            self.check_saved()
            raise UsageError(
                f"'{self.command_name}' requires the '--{name}' flag",
                hint=program.BOOTSTRAP.format(program.name()) if name in {"ca-url", "root"} else "",
            )
        return value

    def exclusive(self, *names: str) -> None:
        """Refuse two flags of which only one makes sense."""
        present = [name for name in names if self.has(name) and self.is_given(name)]
        if len(present) > 1:
            first, second = present[:2]
            raise UsageError(f"flag '--{first}' and flag '--{second}' are mutually exclusive")

    def positionals(self, least: int, most: int | None = None) -> list[str]:
        """Return the positionals if their number is right; ``most`` is ``least`` unless given, -1 any."""
        most = least if most is None else most
        if len(self.args) < least:
            raise UsageError(
                f"not enough positional arguments were provided in '{self.command.usage}'"
            )
        if most != -1 and len(self.args) > most:
            raise UsageError(
                f"too many positional arguments were provided in '{self.command.usage}'"
            )
        return self.args

    @property
    def json(self) -> bool:
        """Whether the caller asked for JSON on stdout."""
        value = self.get("output")
        if value not in {None, "text", "json"}:
            raise UsageError(f"invalid value '{value}' for flag '--output'; options are text, json")
        return value == "json"


def context_of(call: Invocation) -> "Context | None":
    """Return the context of a command: --context, STEP_CONTEXT, the selected one; none with --no-context."""
    from newel.cli.store import steppath

    if call.has("no-context") and call.is_given("no-context") and call.on("no-context"):
        return None
    chosen = call.get("context") if call.has("context") else None
    return steppath.current(chosen)


def field_name(flag: str) -> str:
    """Name the field of a flag: `not-after` is `not_after`, `reasonCode` is `reason_code`, `from` is `from_`."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in flag)
    return name.replace("-", "_") + ("_" if name in RESERVED else "")


def negative_value(word: str) -> bool:
    """Say whether a word such as -5m or -1 is a value and no flag."""
    return len(word) > 1 and (word[1].isdigit() or (word[1] == "." and word[2:3].isdigit()))


def text(value: object) -> str:
    """Return a JSON scalar as a flag would spell it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
