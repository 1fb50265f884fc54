"""One Space: from captured packets to captions, and on from where it was after a crash."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Counter, Histogram

from contracts import subjects
from contracts.captions import v1 as captions
from contracts.envelope import PersonRef
from libs.bus import Bus, Unavailable
from services.transcription.adapters.captured import Captured, bury, captured, newest
from services.transcription.adapters.messages import Heard, Said, SoFar
from services.transcription.adapters.workers import BadBundle, EarOf, Workers
from services.transcription.app.transcripts import Transcripts
from services.transcription.app.turns import Turns
from services.transcription.domain import Captioned, Position
from services.transcription.projection import CaptionedSpace, Speaker, Stages

_log = logging.getLogger(__name__)

CAPTIONS: Final = Counter("rostrum_captions_total", "Captions published", ["kind"])
CAPTION_DELAY: Final = Histogram(
    "rostrum_caption_delay_seconds",
    "From the end of what was said to its caption on disk",
    buckets=(0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60),
)
LEFT_OUT: Final = Counter("rostrum_transcription_left_out_total", "Captured audio not transcribed", ["reason"])

_QUEUE: Final = 64
"""Bundles of one session read ahead: about six seconds."""
_LOOK: Final = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """When a Space's audio is taken to be over; all in seconds."""

    flush_after: float = 0.8
    """Nothing arriving from a speaker for this long ends what they were saying."""
    settle: float = 3.0
    """Nothing arriving for this long after the Space's end completes the transcript."""
    settle_closed: float = 0.5
    """The same, when every session has said that it is over."""
    partial_age: float = 30.0
    """Partial captions of audio older than this help nobody, and are not published."""


@dataclass(slots=True, eq=False)
class _Session:
    """One speaking session."""

    id: str
    speaker: Speaker
    queue: asyncio.Queue[Captured] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    pending: deque[int] = field(default_factory=deque)
    """Bundles that were read and not heard yet."""
    held: int | None = None
    """The oldest bundle of what is being said and is not stored yet."""
    task: asyncio.Task[None] | None = None

    @property
    def needed(self) -> int | None:
        """The oldest bundle that must be heard again after a crash; None where none must."""
        return self.held if self.held is not None else self.pending[0] if self.pending else None


class Hearing:
    """Listens to one Space until all that was captured of it is transcribed.

    Raises whatever goes wrong on the way (a dead worker, a store that is away); a new one goes on from what is stored.
    """

    def __init__(
        self,
        bus: Bus,
        space: CaptionedSpace,
        stages: Stages,
        transcripts: Transcripts,
        workers: Workers,
        pace: Pace,
    ) -> None:
        self._bus = bus
        self._space = space
        self._stages = stages
        self._transcripts = transcripts
        self._workers = workers
        self._pace = pace
        self._sessions: dict[str, _Session] = {}
        self._turns = Turns(pace.flush_after)
        self._left_out: set[str] = set()
        self._position = Position()
        self._epoch = ""
        self._reading = False
        self._read_to = 0
        self._read_at = 0.0

    async def run(self) -> None:
        """Returns when the transcript is complete."""
        self._epoch = await self._bus.stream_epoch(subjects.CAPTURE_STREAM)
        position = await self._transcripts.position(self._space.id)
        if position.epoch == self._epoch:
            self._position = position
        self._read_to = self._position.resume
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(self._read(tasks), name=f"read {self._space.id}")
            await self._until_over()
            reader.cancel()
            for session in self._sessions.values():
                if session.task is not None:
                    session.task.cancel()
        await self._transcripts.complete(self._space.id)

    # -- reading -----------------------------------------------------------------------------------------------

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        async for batch in captured(self._bus, self._space.id, self._position.resume, self._epoch):
            self._reading = True
            for message in batch:
                if message.sequence > self._position.of(message.session_id):
                    await self._dispatch(message, tasks)
                else:
                    self._turns.read(message)
                self._read_to = message.sequence
            self._read_at = time.monotonic()
            self._reading = False

    async def _dispatch(self, message: Captured, tasks: asyncio.TaskGroup) -> None:
        session = self._sessions.get(message.session_id)
        if session is None:
            if message.session_id in self._left_out:
                return
            speaker = await self._admit(message)
            if speaker is None:
                self._left_out.add(message.session_id)
                return
            session = self._sessions[message.session_id] = _Session(message.session_id, speaker)
            session.task = tasks.create_task(self._listen(session), name=f"listen {session.id}")
        message = self._turns.read(message)
        session.pending.append(message.sequence)
        await session.queue.put(message)

    async def _admit(self, message: Captured) -> Speaker | None:
        """Who speaks in a session; None for somebody who must not be transcribed."""
        person_id, space_id = message.person_id, self._space.id
        speaker: Speaker | None = None
        if person_id is None:
            reason = "no_person"
        else:
            # Audio may be faster than room's events, and far ahead of them while we catch up after a start.
            await self._stages.until(lambda: self._stages.lack() is None or self._consents(person_id))
            await self._stages.until(lambda: self._consents(person_id), self._pace.settle)
            speaker = self._stages.speaker(space_id, person_id)
            if speaker is not None and speaker.consents:
                return speaker
            reason = "not_on_stage" if speaker is None else "no_consent"
        LEFT_OUT.labels(reason).inc()
        _log.warning("session %s is not transcribed", message.session_id, extra={"why": reason})
        return None

    def _consents(self, person_id: str) -> bool:
        speaker = self._stages.speaker(self._space.id, person_id)
        return speaker is not None and speaker.consents

    # -- listening ---------------------------------------------------------------------------------------------

    async def _listen(self, session: _Session) -> None:
        ear = await self._workers.ear()
        heard_to = 0
        try:
            while True:
                arrived = await self._next(session)
                message = None if arrived is None else await self._in_turn(session, arrived)
                if message is None:
                    heard = await ear.flush(heard_to)
                else:
                    heard_to = message.sequence
                    heard = await self._hear(session, ear, message)
                await self._take(session, heard)
                session.held = heard.needed
                if arrived is not None:
                    session.pending.popleft()
                if heard.last and session.queue.empty():
                    del self._sessions[session.id]
                    self._turns.close(session.speaker.person_id, session.id)
                    return
        finally:
            ear.close()

    async def _next(self, session: _Session) -> Captured | None:
        """The next bundle; None when the speaker fell silent in the middle of something and nothing arrives."""
        while True:
            if session.held is None:
                return await session.queue.get()
            try:
                async with asyncio.timeout(self._pace.flush_after):
                    return await session.queue.get()
            except TimeoutError:
                # While we are behind, an empty queue means nothing.
                if not self._reading:
                    return None

    async def _in_turn(self, session: _Session, message: Captured) -> Captured | None:
        """A message with what only it has; None where another session of the same speaker has all of it."""
        # With a full queue nothing is read any more, and nothing could come that it waits for.
        while self._turns.must_wait(message) and not session.queue.full():
            try:
                async with asyncio.timeout(self._pace.flush_after):
                    await self._turns.news()
            except TimeoutError:
                if not self._reading:
                    self._turns.stop_waiting(message)
        taken = self._turns.take(message)
        bundle = taken.bundle
        return taken if bundle is None or bundle.packets or bundle.last else None

    async def _hear(self, session: _Session, ear: EarOf, message: Captured) -> Heard:
        try:
            return await ear.hear(message.sequence, message.body)
        except BadBundle as error:
            LEFT_OUT.labels("bad_bundle").inc()
            _log.warning("captured message %d cannot be used", message.sequence, extra={"why": str(error)})
            await bury(self._bus, message, str(error))
            return Heard(session.held)

    # -- captions ----------------------------------------------------------------------------------------------

    async def _take(self, session: _Session, heard: Heard) -> None:
        if heard.undecodable:
            LEFT_OUT.labels("not_opus").inc(heard.undecodable)
        if not heard.said and heard.so_far is None:
            return
        speaker = self._stages.speaker(self._space.id, session.speaker.person_id) or session.speaker
        if not speaker.consents:
            LEFT_OUT.labels("no_consent").inc()
            return
        for said in heard.said:
            await self._store(session, speaker, said)
        if heard.so_far is not None:
            await self._show(session, speaker, heard.so_far)

    async def _store(self, session: _Session, speaker: Speaker, said: Said) -> None:
        # What the others are saying, and what was read and not heard, must be heard again after a crash.
        needed = [said.sequence + 1]
        needed += [s.needed for s in self._sessions.values() if s is not session and s.needed is not None]
        end_at = _moment(said.end_ns)
        caption = Captioned(
            caption_id=_caption_id(session, said.began_ns),
            session_id=session.id,
            person_id=speaker.person_id,
            handle=speaker.handle,
            name=speaker.name,
            lang=self._space.lang,
            text=said.text,
            start_at=_moment(said.start_ns),
            end_at=end_at,
            epoch=self._epoch,
            sequence=said.sequence,
            resume=min(needed) - 1,
        )
        if await self._transcripts.caption(self._space.id, caption):
            CAPTIONS.labels("final").inc()
            CAPTION_DELAY.observe(max(0.0, (datetime.now(UTC) - end_at).total_seconds()))

    async def _show(self, session: _Session, speaker: Speaker, so_far: SoFar) -> None:
        now = datetime.now(UTC)
        start_at = _moment(so_far.start_ns)
        if (now - start_at).total_seconds() > self._pace.partial_age:
            return
        partial = captions.Partial(
            at=now,
            space_id=self._space.id,
            caption_id=_caption_id(session, so_far.began_ns),
            person=PersonRef(id=speaker.person_id, handle=speaker.handle, name=speaker.name),
            lang=self._space.lang,
            text=so_far.text,
            start_at=start_at,
        )
        try:
            await self._bus.publish_event(partial, timeout=0.5)
            CAPTIONS.labels("partial").inc()
        except Unavailable:
            # The next one says more, and the final caption everything.
            CAPTIONS.labels("partial_lost").inc()

    # -- the end -----------------------------------------------------------------------------------------------

    async def _until_over(self) -> None:
        """Until the Space has ended and everything captured is heard and stored."""
        while not await self._stages.until(lambda: self._stages.has_ended(self._space.id), 3600):
            pass
        ended_at = time.monotonic()
        while True:
            closed = self._read_at > 0 and not self._sessions
            quiet = time.monotonic() - max(ended_at, self._read_at)
            heard = not self._reading and all(s.needed is None for s in self._sessions.values())
            if (
                heard
                and quiet >= (self._pace.settle_closed if closed else self._pace.settle)
                and await newest(self._bus, self._space.id) <= self._read_to
            ):
                return
            await asyncio.sleep(_LOOK)


def _caption_id(session: _Session, began_ns: int) -> str:
    return f"{session.id}-{began_ns // 1_000_000}"


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)
