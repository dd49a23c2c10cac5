"""Events: what happened to an object, for people who look at it. They are told at their best, not surely."""

import logging
from typing import Literal

from newel.kubernetes.api import KubernetesAPI, Object
from newel.kubernetes.conditions import format_time
from newel.kubernetes.errors import APIError, OutageError, describe_outage, shorten
from newel.kubernetes.kinds import Kind
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_hex
from newel.runtime.outages import Outage

_COMPONENT = "newel-kubernetes"
_LONGEST_NAME = 253

_log = logging.getLogger(__name__)


class Recorder:
    """Writes events beside the objects they are about."""

    def __init__(self, api: KubernetesAPI, clock: Clock, identity: str) -> None:
        self._api = api
        self._clock = clock
        self._identity = identity
        self._outage = Outage(_log, "writing events")

    async def record(
        self,
        kind: Kind,
        found: Object,
        type_: Literal["Normal", "Warning"],
        reason: str,
        message: str,
    ) -> None:
        """Write one event. An event that cannot be written is logged once a minute, and no error."""
        metadata = found["metadata"]
        namespace = metadata.get("namespace") or "default"
        name: str = metadata["name"]
        now = format_time(self._clock.now())
        suffix = f".{random_hex(8)}"
        body = {
            "metadata": {"name": name[: _LONGEST_NAME - len(suffix)] + suffix, "namespace": namespace},
            "involvedObject": {
                "apiVersion": kind.api_version, "kind": kind.name, "name": name,
                "namespace": metadata.get("namespace", ""), "uid": metadata.get("uid", ""),
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
            "type": type_, "reason": reason, "message": shorten(message),
            "source": {"component": _COMPONENT}, "firstTimestamp": now, "lastTimestamp": now, "count": 1,
            "reportingComponent": _COMPONENT, "reportingInstance": self._identity,
        }  # fmt: skip # a table
        try:
            await self._api.create_event(namespace, body)
        except (APIError, OutageError) as error:
            self._outage.note_failure(describe_outage(error))
        else:
            self._outage.note_recovery()
