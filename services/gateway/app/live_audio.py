"""The mix of live Spaces, for players of HLS: the newest parts in memory, older ones asked for.

Recording says each part as it is made (`contracts.live_audio`). A gateway listens to a Space for as long as somebody
plays it, and keeps its last half minute. Of a Space that is not recorded there is no more than that, and recording
mixes it only while a gateway asks for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64decode
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts import live_audio, object_names, subjects
from contracts.recording.v1 import LiveMix, LiveMixQuery, LivePartsQuery
from libs.bus import Bus, Unavailable
from libs.keyring import subjects_of
from libs.keyring.rows import ErasureTarget
from libs.refusal import Refusal

_log = logging.getLogger(__name__)
_KEPT: Final = 96
"""Parts in memory of each Space."""
_SHOWN: Final = 90
"""Parts that players are shown of a Space that is not recorded: half a minute."""
_PLAYED: Final = 20.0
"""Seconds after the last request for which recording is still asked to mix a Space that is not recorded."""
_ASK_AGAIN: Final = 1.0
"""Seconds without a part, after which recording is asked: a message may have been lost."""
_IDLE: Final = 60.0
_FULL_SEGMENTS: Final = 3
"""The newest segments, of which the parts are listed too."""
_UNSKIPPED: Final = 12.288
"""Seconds: six segments. What is older is left out where a player has it."""
_PLAYLISTS: Final = 8
_PER_SEGMENT: Final = live_audio.SEGMENT_PARTS


@dataclass(slots=True)
class _Station:
    """A Space that somebody plays."""

    space_id: str
    began_at: datetime
    first: int
    next: int
    header: bytes
    over: bool
    kept: bool = True
    """Whether all parts are kept; otherwise only the newest can be had."""
    subscription: Subscription | None = None
    parts: OrderedDict[int, bytes] = field(default_factory=OrderedDict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and another one put in its place, whenever there is something new."""
    used_at: float = field(default_factory=time.monotonic)
    playlists: OrderedDict[tuple[int, bool, str, bool], str] = field(default_factory=OrderedDict)

    @property
    def shown(self) -> int:
        """The first part that players are shown; it begins a segment."""
        if self.kept:
            return self.first
        return max(self.first, -(-(self.next - _SHOWN) // _PER_SEGMENT) * _PER_SEGMENT)

    def told(self) -> None:
        """There is something new."""
        self.news.set()
        self.news = asyncio.Event()

    def keep(self, number: int, part: bytes) -> None:
        """Remember a part, as it was told first."""
        self.parts.setdefault(number, part)
        while len(self.parts) > _KEPT:
            self.parts.popitem(last=False)


class LiveAudio:
    """What this gateway's players of HLS listen to."""

    def __init__(self, bus: Bus, ask_seconds: float) -> None:
        self._bus = bus
        self._ask_seconds = ask_seconds
        self._stations: dict[str, _Station] = {}
        self._one_at_a_time = asyncio.Lock()
        self._ended: list[Subscription] = []

    async def run(self) -> None:
        """Stop listening to what nobody plays any more, and have mixed what somebody plays, for ever."""
        while True:
            await asyncio.sleep(_IDLE / 4)
            for station in [*self._stations.values()]:
                unused = time.monotonic() - station.used_at
                if unused > _IDLE:
                    self._end(station)
                elif not station.kept and not station.over and unused < _PLAYED:
                    await self._go_on(station)
            while self._ended:
                try:
                    await self._ended.pop().unsubscribe()
                except (nats.errors.Error, OSError) as error:
                    _log.debug("a subscription is gone already: %s", error)

    async def _go_on(self, station: _Station) -> None:
        """Have recording mix a Space further that is not recorded."""
        try:
            far = await self._ask(station.space_id)
        except (Refusal, Unavailable) as error:
            _log.debug("recording does not mix %s: %s", station.space_id, error)
            return
        if far.first != station.first:
            self._end(station)

    def forget(self, erased: ErasureTarget) -> None:
        """Something was destroyed, which may be heard in any of it, unless it is of another Space or only what somebody
        wrote."""
        if erased.unit and not f"{erased.unit}/".startswith(f"{object_names.REPLAY}/"):
            return
        concerned = (erased.what,) if erased.unit is None else subjects_of(erased.what)
        elsewhere = any(subject.startswith("space:") for subject in concerned)
        for station in [*self._stations.values()]:
            if not elsewhere or f"space:{station.space_id}" in concerned:
                self._end(station)

    def _end(self, station: _Station) -> None:
        if self._stations.get(station.space_id) is station:
            del self._stations[station.space_id]
        station.parts.clear()
        if station.subscription is not None:
            self._ended.append(station.subscription)
            station.subscription = None
        station.told()

    # -- what is asked -----------------------------------------------------------------------------------------------

    async def playlist(self, space_id: str, key: str, *, msn: int | None, part: int | None, skip: bool) -> str:
        """The media playlist (RFC 8216 and its second edition, for low latency); `key` opens its parts.

        With `msn`, once it has that segment, or that `part` of it. Refuses: not_live, invalid, unavailable.
        """
        station = await self._station(space_id)
        if msn is None and station.next < station.first + _PER_SEGMENT:
            # Many players take a list without a segment for the end.
            await self._wait_for(station, station.first + _PER_SEGMENT - 1)
            station = await self._station(space_id)
        if msn is not None:
            wanted = msn * _PER_SEGMENT + (_PER_SEGMENT - 1 if part is None else part)
            if wanted > station.next + 2 * _PER_SEGMENT:
                raise Refusal("invalid", "_HLS_msn: ask for the segment that is made now, or the next one.")
            await self._wait_for(station, wanted)
            station = await self._station(space_id)
        wanted_list = station.next, station.over, key, skip
        if (made := station.playlists.get(wanted_list)) is None:
            made = station.playlists[wanted_list] = _written(station, key, skip=skip)
            while len(station.playlists) > _PLAYLISTS:
                station.playlists.popitem(last=False)
        return made

    async def kept(self, space_id: str) -> bool:
        """Whether all parts of a Space are kept; others may not keep them either, otherwise. Refuses: not_live."""
        return (await self._station(space_id)).kept

    async def header(self, space_id: str) -> bytes:
        """What players read before the first part. Refuses: not_live."""
        return (await self._station(space_id)).header

    async def part(self, space_id: str, number: int) -> bytes:
        """One part; the one that is made now, once it is. Refuses: not_live, not_found."""
        station = await self._station(space_id)
        if number == station.next:
            await self._wait_for(station, number)
        (found,) = await self._parts(station, number, 1)
        return found

    async def segment(self, space_id: str, number: int) -> bytes:
        """A segment. Refuses: not_live, not_found."""
        station = await self._station(space_id)
        count = min(_PER_SEGMENT, station.next - number * _PER_SEGMENT)
        if count < _PER_SEGMENT and not (station.over and count > 0):
            raise Refusal("not_found", "There is no such segment yet.")
        return b"".join(await self._parts(station, number * _PER_SEGMENT, count))

    # -- where it comes from -----------------------------------------------------------------------------------------

    async def _station(self, space_id: str) -> _Station:
        station = self._stations.get(space_id)
        if station is None:
            async with self._one_at_a_time:
                station = self._stations.get(space_id) or await self._listen(space_id)
        station.used_at = time.monotonic()
        return station

    async def _listen(self, space_id: str) -> _Station:
        far = await self._ask(space_id)
        station = _Station(space_id, far.began_at, far.first, far.next, b64decode(far.header), far.over, far.kept)

        async def hear(message: Msg) -> None:
            try:
                number, part = live_audio.decode(message.data)
            except ValueError as error:
                _log.error("a part of %s makes no sense: %s", space_id, error)
                return
            if not part:
                station.over = True
            elif number >= station.next:
                station.next = number + 1
                station.keep(number, part)
            station.told()

        try:
            station.subscription = await self._bus.listen(subjects.live_audio(space_id), hear)
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"live audio: {error}") from error
        self._stations[space_id] = station
        return station

    async def _ask(self, space_id: str) -> LiveMix:
        return (await self._bus.ask(LiveMixQuery(space_id=space_id), timeout=self._ask_seconds)).result

    async def _wait_for(self, station: _Station, number: int) -> None:
        """Wait until a part is there, or the last one was. Refuses: unavailable, and what recording refuses."""
        deadline = time.monotonic() + 3 * live_audio.SEGMENT_SECONDS
        while station.next <= number and not station.over:
            if self._stations.get(station.space_id) is not station:
                return
            if time.monotonic() > deadline:
                raise Refusal("unavailable", "Nothing was mixed for a while. Try again.", retry=True)
            try:
                async with asyncio.timeout(_ASK_AGAIN):
                    await station.news.wait()
            except TimeoutError:
                far = await self._ask(station.space_id)
                if far.first != station.first:  # it has begun anew, without somebody who was erased
                    self._end(station)
                    return
                station.next, station.over = max(station.next, far.next), far.over

    async def _parts(self, station: _Station, first: int, count: int) -> list[bytes]:
        found = [station.parts.get(number) for number in range(first, first + count)]
        known = [part for part in found if part is not None]
        if len(known) == count:
            return known
        if not station.first <= first <= first + count <= station.next:
            raise Refusal("not_found", "There is no such part of what is said there.")
        query = LivePartsQuery(space_id=station.space_id, first=first, count=count)
        asked = (await self._bus.ask(query, timeout=self._ask_seconds)).result
        parts = [b64decode(part) for part in asked.parts]
        if len(parts) < count:
            raise Refusal("not_found", "There is no such part of what is said there.")
        for number, part in enumerate(parts, first):
            if number >= station.next - _KEPT // 2:
                station.keep(number, part)
        return parts


def _written(station: _Station, key: str, *, skip: bool) -> str:
    first, whole = station.shown // _PER_SEGMENT, station.next // _PER_SEGMENT
    left = station.next % _PER_SEGMENT
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:9",
        f"#EXT-X-TARGETDURATION:{round(live_audio.SEGMENT_SECONDS)}",
        f"#EXT-X-PART-INF:PART-TARGET={live_audio.PART_SECONDS:.5f}",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,"
        f"PART-HOLD-BACK={3 * live_audio.PART_SECONDS + 0.001:.3f},CAN-SKIP-UNTIL={_UNSKIPPED}",
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
    ]
    skipped = max(whole - first - round(_UNSKIPPED / live_audio.SEGMENT_SECONDS), 0) if skip else 0
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    else:
        lines.append(f'#EXT-X-MAP:URI="init.mp4?key={key}"')
    for number in range(first + skipped, whole):
        began = station.began_at + timedelta(seconds=number * live_audio.SEGMENT_SECONDS)
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{began.isoformat(timespec='milliseconds')}")
        if number >= whole - _FULL_SEGMENTS:
            lines += [_part(part, key) for part in range(number * _PER_SEGMENT, (number + 1) * _PER_SEGMENT)]
        lines += [f"#EXTINF:{live_audio.SEGMENT_SECONDS:.5f},", f"segment-{number}.m4s?key={key}"]
    if left:
        began = station.began_at + timedelta(seconds=whole * live_audio.SEGMENT_SECONDS)
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{began.isoformat(timespec='milliseconds')}")
        lines += [_part(part, key) for part in range(whole * _PER_SEGMENT, station.next)]
    if not station.over:
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-{station.next}.m4s?key={key}"')
    elif left:
        lines += [f"#EXTINF:{left * live_audio.PART_SECONDS:.5f},", f"segment-{whole}.m4s?key={key}"]
    if station.over:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _part(number: int, key: str) -> str:
    uri = f"part-{number}.m4s?key={key}"
    return f'#EXT-X-PART:DURATION={live_audio.PART_SECONDS:.5f},INDEPENDENT=YES,URI="{uri}"'
