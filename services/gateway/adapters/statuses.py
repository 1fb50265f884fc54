"""What every process of the installation says of itself."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Final

from nats.aio.msg import Msg
from pydantic import BaseModel, ValidationError

from contracts import subjects
from libs.bus import Bus

_log = logging.getLogger(__name__)
_SILENT: Final = 12.0
_FORGOTTEN: Final = 300.0


class Halted(BaseModel):
    """Before which event a reader of a process stands, because it cannot read it."""

    reader: str
    event_id: str
    subject: str
    sequence: int
    why: str


class Status(BaseModel):
    """One process: whether it is ready, and if not, what is missing."""

    service: str
    instance: str
    pid: int
    health_port: int
    ready: bool
    missing: dict[str, str] = {}
    halted: list[Halted] = []


class _Said(Status):
    figures: dict[str, float] = {}
    """Its counters and gauges (`libs.telemetry.metrics.figures`)."""


class Statuses:
    """The last word of each process, on whichever machine it runs. Use `start` once."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._heard: dict[str, tuple[float, Status]] = {}
        self._figures: dict[str, dict[str, float]] = {}

    async def start(self) -> None:
        """Begin to listen."""
        await self._bus.listen(subjects.service_status("*", "*"), self._hear)

    def all(self) -> list[Status]:
        """Every process heard of lately; one that fell silent is not ready."""
        now = time.monotonic()
        result: list[Status] = []
        for instance, (at, status) in sorted(self._heard.items()):
            if now - at > _FORGOTTEN:
                del self._heard[instance], self._figures[instance]
            elif now - at > _SILENT:
                missing = {"silence": f"nothing heard for {now - at:.0f} s"}
                result.append(status.model_copy(update={"ready": False, "missing": missing}))
            else:
                result.append(status)
        return result

    def figures(self) -> dict[str, float]:
        """Sums of the figures of all processes that are not silent, at most a few seconds old."""
        now = time.monotonic()
        sums: Counter[str] = Counter()
        for instance, told in self._figures.items():
            if now - self._heard[instance][0] <= _SILENT:
                sums.update(told)
        return dict(sums)

    def streams(self) -> str | None:
        """For readiness: what a service says that last spoke of streams which take no writes."""
        for status in self.all():
            if not status.ready and (refused := status.missing.get("streams")) is not None:
                return f"{status.instance}: {refused}"
        return None

    async def _hear(self, msg: Msg) -> None:
        try:
            said = _Said.model_validate_json(msg.data)
        except ValidationError as error:
            _log.warning("a process describes itself wrongly", extra={"subject": msg.subject, "why": str(error)})
            return
        instance = f"{said.service}/{said.instance}"
        self._heard[instance] = (time.monotonic(), Status(**said.model_dump(exclude={"figures"})))
        self._figures[instance] = said.figures
