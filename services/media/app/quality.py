"""Loss, jitter and round trip of the connections, published for each Space and measured for the node."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rostrum_forwarder import Report

from contracts.envelope import Event
from contracts.media import v1
from services.media.adapters.metrics import JITTER, LOSS, ROUND_TRIP
from services.media.app.session import Session

_SPACES: Final = 200
"""The most Spaces published in one round, those with the most listeners first."""
_POOR: Final = 3
"""The most poor connections of a Space published in one round, the worst first."""
_POOR_LOSS: Final = 0.05
_POOR_JITTER_MS: Final = 60.0
_POOR_ROUND_TRIP_MS: Final = 600.0
_WORST: Final = 20


@dataclass(frozen=True, slots=True)
class _ConnectionQuality:
    """One connection: what it carried since the last round, and its last reports."""

    session: Session
    packets: int
    lost: int
    recent: bool
    fraction_lost: float
    jitter_ms: float
    round_trip_ms: float | None

    @property
    def poor(self) -> bool:
        """Whether its person hears or is heard badly."""
        return self.recent and (
            self.fraction_lost >= _POOR_LOSS
            or self.jitter_ms >= _POOR_JITTER_MS
            or (self.round_trip_ms or 0.0) >= _POOR_ROUND_TRIP_MS
        )

    @property
    def badness(self) -> tuple[float, float, float]:
        """Orders connections: loss is worse than lateness."""
        return self.fraction_lost, self.jitter_ms, self.round_trip_ms or 0.0


class QualityReports:
    """Publishes how connections fare.

    `reports` returns the forwarder's reports by session number, `sessions` the connections; `tell` publishes an event.
    """

    def __init__(
        self,
        reports: Callable[[], Awaitable[Mapping[int, Report]]],
        sessions: Callable[[], Iterable[Session]],
        *,
        node_id: str,
        tell: Callable[[Event], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._reports = reports
        self._sessions = sessions
        self._node_id = node_id
        self._tell = tell
        self._clock = clock
        self._before: dict[int, tuple[int, int]] = {}
        """Packets and losses of each connection up to the last round, by number."""

    async def run(self, every: float) -> None:
        """Run a round every so many seconds, for ever."""
        while True:
            await asyncio.sleep(every)
            await self.round()

    async def round(self) -> None:
        """Publish and measure how connections fared since the last round."""
        reports = await self._reports()
        spaces: dict[str, list[_ConnectionQuality]] = {}
        for measured in self._measured(reports):
            spaces.setdefault(measured.session.space_id, []).append(measured)
            if measured.recent:
                _count(measured)
        self._before = {number: (report.packets, report.lost) for number, report in reports.items()}
        heard = {space_id: _listeners(those) for space_id, those in spaces.items()}
        reporting = [space_id for space_id, listeners in heard.items() if any(one.recent for one in listeners)]
        for space_id in heapq.nlargest(_SPACES, reporting, key=lambda space_id: len(heard[space_id])):
            self._tell(self._of_space(space_id, heard[space_id]))
            poor = (one for one in spaces[space_id] if one.poor)
            for measured in heapq.nlargest(_POOR, poor, key=lambda one: one.badness):
                self._tell(self._of_connection(measured))

    async def ask(self, space_id: str) -> v1.SpaceConnections:
        """Return how a Space's connections here fare at this moment, with the worst one by one."""
        those = [one for one in self._measured(await self._reports()) if one.session.space_id == space_id]
        worst = heapq.nlargest(_WORST, (one for one in those if one.recent), key=lambda one: one.badness)
        return v1.SpaceConnections(
            summary=self._of_space(space_id, _listeners(those)),
            worst=tuple(map(self._of_connection, worst)),
        )

    def _measured(self, reports: Mapping[int, Report]) -> Iterable[_ConnectionQuality]:
        for session in self._sessions():
            report = reports.get(session.number)
            if report is None:
                continue
            packets, lost = self._before.get(session.number, (0, 0))
            yield _ConnectionQuality(
                session=session,
                packets=max(0, report.packets - packets),
                lost=max(0, report.lost - lost),
                recent=report.recent,
                fraction_lost=report.fraction_lost,
                jitter_ms=report.jitter_us / 1000,
                round_trip_ms=report.round_trip_us / 1000 or None,
            )

    def _of_space(self, space_id: str, listeners: Sequence[_ConnectionQuality]) -> v1.SpaceQuality:
        recent = [one for one in listeners if one.recent]
        return v1.SpaceQuality(
            at=self._clock(),
            space_id=space_id,
            node_id=self._node_id,
            listeners=len(listeners),
            reporting=len(recent),
            packets=sum(one.packets for one in listeners),
            lost=sum(one.lost for one in listeners),
            fraction_lost=_spread(one.fraction_lost for one in recent),
            jitter_ms=_spread(one.jitter_ms for one in recent),
            round_trip_ms=_spread(one.round_trip_ms for one in recent if one.round_trip_ms is not None),
        )

    def _of_connection(self, measured: _ConnectionQuality) -> v1.Quality:
        return v1.Quality(
            **measured.session.head(self._node_id, self._clock()),
            direction=measured.session.direction,
            fraction_lost=round(measured.fraction_lost, 4),
            jitter_ms=round(measured.jitter_ms, 3),
            round_trip_ms=None if measured.round_trip_ms is None else round(measured.round_trip_ms, 3),
        )


def _listeners(those: Iterable[_ConnectionQuality]) -> list[_ConnectionQuality]:
    return [one for one in those if one.session.direction == "subscribe"]


def _spread(values: Iterable[float]) -> v1.Spread | None:
    ordered = sorted(values)
    if not ordered:
        return None

    def percentile(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 4)

    return v1.Spread(p50=percentile(0.5), p95=percentile(0.95), worst=percentile(1.0))


def _count(measured: _ConnectionQuality) -> None:
    direction = measured.session.direction
    LOSS.labels(direction).observe(measured.fraction_lost)
    JITTER.labels(direction).observe(measured.jitter_ms / 1000)
    if measured.round_trip_ms is not None:
        ROUND_TRIP.labels(direction).observe(measured.round_trip_ms / 1000)
