"""Spaces that are not recorded, mixed while somebody plays them over HLS.

Media nodes send their speakers' packets to each other while several carry a Space. Recording asks for them in the same
way (`contracts.relayed`), so nothing passes through a stream. The last half minute of the mix is in memory and nowhere
else, and is gone when nobody has asked for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts import capture, live_audio, relayed, subjects
from contracts.relayed import Message, RelayedKind
from contracts.room import v1 as room
from libs.bus import Bus, Unavailable
from libs.ids import is_id, new_id
from libs.keyring import subjects_of
from libs.keyring.rows import ErasureTarget
from libs.refusal import Refusal
from services.recording.replay.live_mixer import Advance, Begin, Drop, FromMixer, Header, LiveMixer, Made, Over, Take

_log = logging.getLogger(__name__)
_EVERY: Final = 0.1
_SAY: Final = 0.5
"""How often media nodes are told that somebody listens; they forget it after two seconds."""
_IDLE: Final = 40.0
"""Seconds without a question after which a Space is mixed no longer."""
_WITHIN: Final = 10.0
"""Seconds in which the process that mixes must have begun."""
_KEPT: Final = 96
"""Parts in memory of each Space: 33 s."""

FetchSpace = Callable[[str], Awaitable[room.Space]]
_Say = Callable[[str, bytes], Awaitable[None]]


@dataclass(slots=True)
class _Run:
    """A Space that somebody plays."""

    space_id: str
    began_ns: int
    first: int
    next: int
    asked_at: float
    parts: OrderedDict[int, bytes] = field(default_factory=OrderedDict)
    people: set[str] = field(default_factory=set)
    """Who is heard in it."""
    subscription: Subscription | None = None
    ending: bool = False
    over: bool = False


class OnDemand:
    """The Spaces that are played and not recorded, at most `most` at once."""

    def __init__(self, bus: Bus, snapshot: FetchSpace, say: _Say, most: int) -> None:
        """`snapshot` asks room for a Space; `say` tells gateways of a part."""
        self._bus = bus
        self._snapshot = snapshot
        self._say = say
        self._most = most
        self._name = f"recording-{new_id()}"
        """As media nodes know who listens."""
        self._runs: dict[str, _Run] = {}
        self._one_at_a_time = asyncio.Lock()
        self._mixer: LiveMixer | None = None
        self._header = b""
        self._has_header = asyncio.Event()
        self._made: asyncio.Queue[tuple[LiveMixer, FromMixer | None]] = asyncio.Queue()

    # -- what is asked -----------------------------------------------------------------------------------------

    async def far(self, space_id: str) -> tuple[datetime, int, int, bytes, bool]:
        """(start of part 0, first part, next part, header, whether it is over) of a Space's mix, which begins with the
        first question. Refuses: not_live, unavailable. May raise Unavailable."""
        run = self._runs.get(space_id)
        if run is None:
            async with self._one_at_a_time:
                run = self._runs.get(space_id) or await self._begin(space_id)
        run.asked_at = time.monotonic()
        return datetime.fromtimestamp(run.began_ns / 1e9, UTC), run.first, run.next, self._header, run.over

    def read(self, space_id: str, first: int, count: int) -> list[bytes]:
        """Some parts, as far as they are in memory. Refuses: not_live, not_found."""
        run = self._runs.get(space_id)
        if run is None:
            raise _not_live()
        found = [run.parts.get(number) for number in range(first, first + count)]
        known = [part for part in found if part is not None]
        if not known or len(known) < len(found):
            raise Refusal("not_found", "There is no such part of what is said there, or not any more.")
        return known

    async def _begin(self, space_id: str) -> _Run:
        space = await self._snapshot(space_id)
        if space.state is not room.State.LIVE or space.settings.recorded or space.started_at is None:
            raise _not_live()
        if len(self._runs) >= self._most:
            raise Refusal(
                "unavailable", "Too many Spaces are played this way at the moment. Try again later.", retry=True
            )
        began_ns = round(space.started_at.timestamp() * 1e9)
        part_ns = live_audio.PART_SAMPLES * 1_000_000_000 // live_audio.RATE
        first = max(time.time_ns() - began_ns, 0) // part_ns // live_audio.SEGMENT_PARTS * live_audio.SEGMENT_PARTS
        run = _Run(space_id, began_ns, first, first, time.monotonic())
        mixer = await self._started()

        async def hear(message: Msg) -> None:
            self._hear(run, message)

        try:
            run.subscription = await self._bus.listen(subjects.relayed_audio(space_id), hear)
            await self._listening(run, RelayedKind.LISTENING)
        except (nats.errors.Error, OSError) as error:
            await self._unsubscribe(run)
            raise Unavailable(f"media nodes are not reached: {error}") from error
        mixer.tell(Begin(space_id, began_ns, first, first, warm=False))
        self._runs[space_id] = run
        return run

    async def _started(self) -> LiveMixer:
        if self._mixer is None:
            loop = asyncio.get_running_loop()

            def heard(mixer: LiveMixer, told: FromMixer | None) -> None:
                with contextlib.suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(self._made.put_nowait, (mixer, told))

            self._has_header.clear()
            self._mixer = LiveMixer(heard)
        mixer = self._mixer
        try:
            async with asyncio.timeout(_WITHIN):
                await self._has_header.wait()
        except TimeoutError:
            raise Unavailable("the process that mixes does not begin") from None
        return mixer

    # -- what happens ------------------------------------------------------------------------------------------

    def end(self, space_id: str) -> None:
        """The Space is over: what is left of it is mixed."""
        run = self._runs.get(space_id)
        if run is not None and not run.ending and self._mixer is not None:
            run.ending = True
            self._mixer.tell(Advance(space_id, time.time_ns(), end=True))

    def drop(self, erased: ErasureTarget) -> None:
        """Forget at once what somebody is heard in whose keys are destroyed, and a Space of which nothing is to be
        left."""
        if erased.unit:
            return  # a caption, a pin: nothing that is heard
        gone = (erased.what,) if erased.unit is None else subjects_of(erased.what)
        for run in [*self._runs.values()]:
            if f"space:{run.space_id}" in gone or any(f"person:{person}" in gone for person in run.people):
                self._forget(run)

    def _hear(self, run: _Run, message: Msg) -> None:
        headers = message.headers or {}
        person, session = headers.get(subjects.HEADER_PERSON, ""), headers.get(subjects.HEADER_SESSION, "")
        if self._mixer is None or self._runs.get(run.space_id) is not run or run.ending:
            return
        try:
            told = relayed.decode(message.data)
            if told.kind is not RelayedKind.AUDIO:
                return
            if not is_id(person) or not is_id(session):
                raise ValueError("packets without a person and a session")
        except ValueError as error:
            _log.warning("a message of a media node makes no sense: %s", error, extra={"space": run.space_id})
            return
        packets = [capture.CapturedPacket(0, one.timestamp, one.sequence, one.payload) for one in told.packets]
        bundle = capture.Bundle(time.time_ns(), told.packets[0].ssrc, packets, continuous=True)
        run.people.add(person)
        self._mixer.tell(Take(run.space_id, person, session, capture.encode(bundle)))

    # -- the work ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Mix what is played, for ever."""
        taking = asyncio.create_task(self._take(), name="parts on demand")
        said_at = 0.0
        try:
            while True:
                await asyncio.sleep(_EVERY)
                if taking.done():
                    await taking
                now = time.monotonic()
                for run in [*self._runs.values()]:
                    if now - run.asked_at > _IDLE:
                        self._forget(run)
                    elif self._mixer is not None and not run.ending:
                        self._mixer.tell(Advance(run.space_id, time.time_ns()))
                if now - said_at >= _SAY:
                    said_at = now
                    await self._tell_nodes()
                if not self._runs and not self._one_at_a_time.locked():
                    await self._end_mixer()
        finally:
            taking.cancel()
            await self._end_mixer()

    async def _tell_nodes(self) -> None:
        for run in [*self._runs.values()]:
            if not run.ending:
                with contextlib.suppress(nats.errors.Error, OSError):  # it is said again in a moment
                    await self._listening(run, RelayedKind.LISTENING)

    async def _listening(self, run: _Run, kind: RelayedKind) -> None:
        subject = subjects.wanted_audio(run.space_id)
        await self._bus.say(subject, relayed.encode(Message(kind)), headers={subjects.HEADER_NODE: self._name})

    async def _end_mixer(self) -> None:
        mixer, self._mixer = self._mixer, None
        self._has_header.clear()
        if mixer is not None:
            await asyncio.to_thread(mixer.close)

    def _forget(self, run: _Run) -> None:
        if self._runs.get(run.space_id) is not run:
            return
        del self._runs[run.space_id]
        run.parts.clear()
        if self._mixer is not None:
            self._mixer.tell(Drop(run.space_id))
        task = asyncio.ensure_future(self._unsubscribe(run))
        task.add_done_callback(lambda done: done.exception())

    async def _unsubscribe(self, run: _Run) -> None:
        with contextlib.suppress(nats.errors.Error, OSError):
            if run.subscription is not None:
                await run.subscription.unsubscribe()
            await self._listening(run, RelayedKind.GONE)

    async def _take(self) -> None:
        """Remember parts, and tell gateways of them."""
        while True:
            mixer, told = await self._made.get()
            if mixer is not self._mixer:
                continue
            match told:
                case Header():
                    self._header = told.header
                    self._has_header.set()
                case Made():
                    await self._keep(told)
                case Over():
                    run = self._runs.get(told.space_id)
                    if run is not None and run.first == told.run:
                        run.over = True
                        await self._say_part(run.space_id, run.next, b"")
                case None:
                    _log.error("the process that mixes on demand has ended")
                    self._mixer = None
                    self._has_header.clear()
                    for run in [*self._runs.values()]:
                        self._forget(run)

    async def _keep(self, made: Made) -> None:
        run = self._runs.get(made.space_id)
        if run is None or run.first != made.run or run.next != made.number:
            return
        run.parts[made.number] = made.part
        run.next = made.number + 1
        while len(run.parts) > _KEPT:
            run.parts.popitem(last=False)
        await self._say_part(run.space_id, made.number, made.part)

    async def _say_part(self, space_id: str, number: int, part: bytes) -> None:
        try:
            await self._say(space_id, live_audio.encode(number, part))
        except (Unavailable, nats.errors.Error, OSError) as error:
            _log.debug("gateways are not told of a part, and ask for it later: %s", error)


def _not_live() -> Refusal:
    return Refusal("not_live", "Nothing is mixed of this Space now.")
