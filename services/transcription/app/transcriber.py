"""One Space: from captured packets to captions, continued after a crash from where it was."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
from prometheus_client import Counter, Histogram

from contracts import subjects
from contracts.captions import v1 as captions
from libs.bus import Bus, Unavailable
from libs.keyring.client import Fetch
from libs.refusal import Refusal
from services.transcription.adapters.captured import CapturedMessage, bury, follow_capture, newest
from services.transcription.adapters.messages import FinalResult, LeftOut, PartialResult, Results
from services.transcription.adapters.worker_pool import DEADLY, BadBundle, WorkerPool, WorkerSession
from services.transcription.app.languages import SpaceLanguages
from services.transcription.app.overlaps import Overlaps
from services.transcription.app.speaking import Session, caption_of, moment
from services.transcription.app.transcripts import AlreadyErased, Transcripts
from services.transcription.domain.transcript import CapturePosition
from services.transcription.projection.stages import CaptionedSpace, KnownSpeaker, Stages

_log = logging.getLogger(__name__)

CAPTIONS: Final = Counter("rostrum_captions_total", "Captions published", ["kind"])
CAPTION_DELAY: Final = Histogram(
    "rostrum_caption_delay_seconds",
    "From the end of what was said to its caption on disk",
    buckets=(0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60),
)
WAITED: Final = Histogram(
    "rostrum_transcription_lag_seconds",
    "From the end of an utterance until it was recognised: rises when cores are short",
    buckets=(0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60),
)
LEFT_OUT: Final = Counter("rostrum_transcription_left_out_total", "Captured audio not transcribed", ["reason"])

_LOOK: Final = 0.1


@dataclass(frozen=True, slots=True)
class Patience:
    """When a Space's audio is taken to be over; all in seconds."""

    flush_after: float = 0.8
    """Nothing arriving from a speaker for this long ends what they were saying,"""
    cut_off_after: float = 2.5
    """and this long where they had not paused."""
    settle: float = 3.0
    """Nothing arriving for this long after the Space's end completes the transcript."""
    settle_closed: float = 0.5
    """The same, when every session has said that it is over."""
    partial_age: float = 30.0
    """Partial captions of audio older than this help nobody, and are not published."""


class Transcriber:
    """Transcribes one Space until nothing of what was captured is left.

    Raises whatever goes wrong on the way (a dead worker, a store that is away); a new one continues where it was.
    """

    def __init__(
        self,
        bus: Bus,
        fetch: Fetch,
        space: CaptionedSpace,
        stages: Stages,
        transcripts: Transcripts,
        pool: WorkerPool,
        pace: Patience,
        understood: Collection[str],
    ) -> None:
        """`fetch` gets keys; `understood` are the primary subtags (BCP 47) of what the recogniser knows."""
        self._bus = bus
        self._fetch = fetch
        self._space = space
        self._understood = understood
        self._languages = SpaceLanguages(stages, space, understood, {})
        self._stages = stages
        self._transcripts = transcripts
        self._pool = pool
        self._pace = pace
        self._sessions: dict[str, Session] = {}
        self._overlaps = Overlaps(pace.flush_after)
        self._left_out: set[str] = set()
        self._over: dict[str, int] = {}
        """Sessions that are over: their last bundles, as long as others are needed from before them."""
        self._position = CapturePosition()
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
        detected = await self._transcripts.detected(self._space.id)
        self._languages = SpaceLanguages(self._stages, self._space, self._understood, detected)
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(self._read(tasks), name=f"read {self._space.id}")
            await self._until_over()
            reader.cancel()
            for session in self._sessions.values():
                for task in (session.task, session.showing):
                    if task is not None:
                        task.cancel()
        await self._transcripts.complete(self._space.id)

    # -- reading -----------------------------------------------------------------------------------------------

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        async for batch in follow_capture(self._bus, self._fetch, self._space.id, self._position.resume, self._epoch):
            self._reading = True
            for message in batch:
                if message.erased:
                    LEFT_OUT.labels("erased").inc()
                elif message.sequence > self._position.of(message.session_id):
                    await self._dispatch(message, tasks)
                elif not self._overlaps.has_had(message):
                    self._overlaps.read(message)
                self._read_to = message.sequence
            self._read_at = time.monotonic()
            self._reading = False

    async def _dispatch(self, message: CapturedMessage, tasks: asyncio.TaskGroup) -> None:
        session = self._sessions.get(message.session_id)
        if session is None:
            if message.session_id in self._left_out:
                return
            speaker = await self._admit(message)
            if speaker is None:
                self._left_out.add(message.session_id)
                return
            session = self._sessions[message.session_id] = Session(message.session_id, speaker)
            session.task = tasks.create_task(self._recognise(session), name=f"recognise {session.id}")
            session.showing = tasks.create_task(self._show_partials(session), name=f"show {session.id}")
        if message.person_id != session.speaker.person_id:
            LEFT_OUT.labels("another_person").inc()
            return
        if self._overlaps.has_had(message):
            return
        message = self._overlaps.read(message)
        session.pending.append(message.sequence)
        await session.queue.put(message)

    async def _admit(self, message: CapturedMessage) -> KnownSpeaker | None:
        """Who speaks in a session; None for somebody who must not be transcribed."""
        person_id, space_id = message.person_id, self._space.id
        speaker: KnownSpeaker | None = None
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

    # -- recognising -------------------------------------------------------------------------------------------

    async def _recognise(self, session: Session) -> None:
        recognition = await self._pool.session(session.show)
        fed_to = 0
        try:
            while True:
                arrived = await self._next(session)
                message = None if arrived is None else await self._without_overlap(session, arrived)
                if message is None:
                    results = await recognition.flush(fed_to)
                else:
                    fed_to = message.sequence
                    results = await self._feed(session, recognition, message)
                await self._publish(session, results)
                session.held, session.speaking = results.needed, results.speaking
                session.keep_needed()
                if arrived is not None:
                    session.done = session.pending.popleft()
                if results.last and session.queue.empty():
                    del self._sessions[session.id]
                    self._over[session.id] = session.done
                    self._overlaps.close(session.speaker.person_id, session.id)
                    return
        finally:
            recognition.close()
            if session.showing is not None:
                session.showing.cancel()

    async def _next(self, session: Session) -> CapturedMessage | None:
        """The next bundle; None when the speaker fell silent in the middle of something and nothing arrives."""
        while True:
            if session.held is None:
                return await session.queue.get()
            try:
                async with asyncio.timeout(self._patience_with(session)):
                    return await session.queue.get()
            except TimeoutError:
                # While we are behind, an empty queue means nothing.
                if not self._reading:
                    return None

    def _patience_with(self, session: Session) -> float:
        """How long to wait for more. In the middle of speech what comes next may only be late, as where all cores are
        busy; cut off there, the rest of a sentence would be recognised alone, or not at all."""
        if session.speaking and not self._stages.has_ended(self._space.id):
            return max(self._pace.flush_after, self._pace.cut_off_after)
        return self._pace.flush_after

    async def _without_overlap(self, session: Session, message: CapturedMessage) -> CapturedMessage | None:
        """The part of a message that no other session of the speaker has; None where it has none."""
        # With a full queue nothing is read any more, and nothing could come that it waits for.
        while self._overlaps.must_wait(message) and not session.queue.full():
            try:
                async with asyncio.timeout(self._pace.flush_after):
                    await self._overlaps.news()
            except TimeoutError:
                if not self._reading:
                    self._overlaps.stop_waiting(message)
        taken = self._overlaps.take(message)
        bundle = taken.bundle
        return taken if bundle is None or bundle.packets or bundle.last else None

    async def _feed(self, session: Session, recognition: WorkerSession, message: CapturedMessage) -> Results:
        bundle = message.bundle
        at_ns = message.published_ns if bundle is None else bundle.base_ns
        language = self._languages.of(session.speaker.person_id, at_ns)
        if not await self._stands(session, at_ns // 1000):
            return await self._leave_out(session, recognition, message, "not_on_stage", "the speaker left the stage")
        if language.hint is None:
            why = f"nothing here understands {language.tag}"
            return await self._leave_out(session, recognition, message, "language", why)
        session.left_out = ""
        try:
            vocabulary = self._stages.vocabulary(self._space.id, at_ns // 1000)
            results = await recognition.feed(message.sequence, message.body, language.hint, vocabulary)
            session.heard.append(message)
            return results
        except BadBundle as error:
            LEFT_OUT.labels("bad_bundle").inc()
            _log.warning("captured message %d cannot be used", message.sequence, extra={"why": str(error)})
            await bury(self._bus, message, str(error))
            return Results(session=0, needed=session.held)

    async def _stands(self, session: Session, at_us: int) -> bool:
        """Whether the speaker was on stage; waited for once, as audio may be faster than the news of their return."""

        def stands() -> bool:
            return self._stages.stands(self._space.id, session.speaker.person_id, at_us)

        return stands() if session.left_out else await self._stages.until(stands, self._pace.settle)

    async def _leave_out(
        self, session: Session, recognition: WorkerSession, message: CapturedMessage, reason: str, why: str
    ) -> Results:
        LEFT_OUT.labels(reason).inc()
        if session.left_out != why:
            _log.warning("session %s is not transcribed", session.id, extra={"why": why})
        session.left_out = why
        results = await recognition.flush(message.sequence)
        return msgspec.structs.replace(results, last=message.bundle is not None and message.bundle.last)

    # -- captions ----------------------------------------------------------------------------------------------

    async def _publish(self, session: Session, results: Results) -> None:
        if results.undecodable:
            LEFT_OUT.labels("not_opus").inc(results.undecodable)
        for left_out in results.left_out:
            await self._give_up(session, left_out)
        if not results.finals:
            return
        speaker = self._stages.speaker(self._space.id, session.speaker.person_id) or session.speaker
        if not speaker.consents:
            LEFT_OUT.labels("no_consent").inc()
            return
        async with session.publishing:
            # A partial caption after the final one of its utterance would take its place.
            if session.partial is not None and session.partial.began_ns <= results.finals[-1].began_ns:
                session.partial = None
            for final in results.finals:
                await self._store(session, speaker, final)

    async def _give_up(self, session: Session, utterance: LeftOut) -> None:
        """Tell of an utterance that is left out, and keep its bundles as dead letters."""
        LEFT_OUT.labels("utterance").inc()
        _log.error("an utterance of session %s has no caption", session.id, extra={"why": DEADLY})
        speaker = self._stages.speaker(self._space.id, session.speaker.person_id) or session.speaker
        for message in session.heard:
            if speaker.consents and utterance.first <= message.sequence <= utterance.last:
                await bury(self._bus, message, DEADLY)

    async def _show_partials(self, session: Session) -> None:
        """Publish the newest partial result whenever there is another one, for as long as the session lasts."""
        while True:
            await session.to_show.wait()
            session.to_show.clear()
            async with session.publishing:
                partial, session.partial = session.partial, None
                speaker = self._stages.speaker(self._space.id, session.speaker.person_id) or session.speaker
                if partial is not None and speaker.consents:
                    await self._show(session, speaker, partial)

    async def _store(self, session: Session, speaker: KnownSpeaker, final: FinalResult) -> None:
        # Other utterances that go on, and what was read and not recognised, must be recognised again after a crash.
        others = {s.id: s.accounted for s in self._sessions.values() if s is not session}
        needed = [s.needed for s in self._sessions.values() if s is not session and s.needed is not None]
        resume = min([final.sequence + 1, *needed]) - 1
        self._over = {id: done for id, done in self._over.items() if done > resume}
        others = {id: done for id, done in (others | self._over).items() if done > resume and id != session.id}
        caption = caption_of(
            session.id,
            speaker,
            self._languages,
            final,
            epoch=self._epoch,
            sequence=final.sequence,
            resume=resume,
            others=others,
        )
        self._languages.learn(caption)
        WAITED.observe(final.waited_s)
        try:
            fresh = await self._transcripts.caption(self._space.id, caption)
        except AlreadyErased:
            LEFT_OUT.labels("erased").inc()
            return
        if fresh:
            CAPTIONS.labels("final").inc()
            CAPTION_DELAY.observe(max(0.0, (datetime.now(UTC) - caption.end_at).total_seconds()))

    async def _show(self, session: Session, speaker: KnownSpeaker, partial: PartialResult) -> None:
        now = datetime.now(UTC)
        start_at = moment(partial.start_ns)
        if (now - start_at).total_seconds() > self._pace.partial_age:
            return
        try:
            person = self._stages.names(speaker.person_id).ref
        except Refusal:
            return  # it is found out; the next one can be told
        event = captions.Partial(
            at=now,
            space_id=self._space.id,
            caption_id=session.caption_id(partial.began_ns),
            person=person,
            lang=self._languages.of(speaker.person_id, partial.start_ns).of_partial(),
            text=partial.text,
            start_at=start_at,
        )
        try:
            await self._bus.tell(event)
            CAPTIONS.labels("partial").inc()
        except Unavailable:
            # The next one says more, and the final caption everything.
            CAPTIONS.labels("partial_lost").inc()

    # -- the end -----------------------------------------------------------------------------------------------

    async def _until_over(self) -> None:
        """Until the Space has ended and everything captured is recognised and stored."""
        while not await self._stages.until(lambda: self._stages.has_ended(self._space.id), 3600):
            pass
        ended_at = time.monotonic()
        while True:
            closed = self._read_at > 0 and not self._sessions
            quiet = time.monotonic() - max(ended_at, self._read_at)
            recognised = not self._reading and all(s.needed is None for s in self._sessions.values())
            if (
                recognised
                and quiet >= (self._pace.settle_closed if closed else self._pace.settle)
                and await newest(self._bus, self._space.id) <= self._read_to
            ):
                return
            await asyncio.sleep(_LOOK)
