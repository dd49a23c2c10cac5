"""From where a provisioner's challenges are looked at: its resolvers, and a second view that must agree."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from newel.registration.challenges.caa import CAAFinder
from newel.registration.challenges.validation import Validation, Validator
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.runtime.errors import NewelError

_MOST = 64

Resolvers = tuple[str, ...]
"""Name servers, ``address`` or ``address:port``; empty: those that the system's find."""


class View(NamedTuple):
    """The validators and the CAA records as one list of resolvers shows them."""

    name: str
    validators: Mapping[str, Validator]
    caa: CAAFinder


class Views:
    """Finds the views of a provisioner; those of equal resolvers are one."""

    def __init__(self, make: Callable[[Resolvers], View], usual: Resolvers) -> None:
        """``usual`` are the resolvers of provisioners that name none."""
        self._make = make
        self._usual = usual
        self._known: dict[Resolvers, View] = {}

    def of(self, provisioner: ACMEProvisioner) -> Sequence[View]:
        """Return the views that have to agree, the first being the one that is asked first."""
        first = self._find(provisioner.resolvers or self._usual)
        if not provisioner.second_resolvers:
            return (first,)
        return (first, self._find(provisioner.second_resolvers))

    def _find(self, resolvers: Resolvers) -> View:
        if resolvers not in self._known:
            if len(self._known) >= _MOST:
                self._known.clear()  # provisioners come and go while the service runs
            self._known[resolvers] = self._make(resolvers)
        return self._known[resolvers]


class EveryViewValidator:
    """Validates a challenge by each view of its provisioner; all must find the proof."""

    def __init__(self, challenge: str, views: Views) -> None:
        self._challenge = challenge
        self._views = views

    async def __call__(self, validation: Validation) -> bytes:
        """Validate one challenge. Raises what its validator raises."""
        first, *others = self._views.of(validation.provisioner)
        key = await first.validators[self._challenge](validation)
        for each in others:
            try:
                await each.validators[self._challenge](validation)
            except NewelError as error:
                raise disagree(error, each) from error
        return key


def disagree(error: NewelError, view: View) -> NewelError:
    """Return the error of a further view, which says that the first one had none."""
    detail = f"{error.detail} (by the second resolver, {view.name}; the first found no fault)"
    return NewelError(error.type, detail)
