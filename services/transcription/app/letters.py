"""Captured audio that could not be used, tried again: `rostrum dlq retry` hands the letters over.

Letters of one session that come together are recognised one after another, as what was said without a pause. Each is
answered once its captions are stored, so that none is removed before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts import subjects
from libs.aio import end
from libs.bus import Bus
from libs.bus.dead_letters import Answer
from services.transcription.adapters.captured import CONSUMER, CapturedMessage, from_letter
from services.transcription.adapters.messages import Results
from services.transcription.adapters.worker_pool import BadBundle, WorkerPool
from services.transcription.app.languages import Languages
from services.transcription.app.transcripts import Erased, Transcripts
from services.transcription.domain import Captioned, Word
from services.transcription.projection import CaptionedSpace, Speaker, Stages

_log = logging.getLogger(__name__)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_Waiting = tuple[CapturedMessage, "asyncio.Future[str | None]"]
"""A letter, and why it still cannot be used; None once its captions are stored."""


class Letters:
    """Takes letters while its context is open."""

    def __init__(
        self,
        bus: Bus,
        stages: Stages,
        transcripts: Transcripts,
        pool: WorkerPool,
        flush_after: float,
        understood: Collection[str],
    ) -> None:
        """Nothing more of a session for `flush_after` seconds ends what was said in it."""
        self._bus = bus
        self._stages = stages
        self._transcripts = transcripts
        self._pool = pool
        self._flush_after = flush_after
        self._understood = understood
        self._sessions: dict[str, asyncio.Queue[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> Self:
        subject = subjects.retry(self._bus.service, CONSUMER)
        self._subscription = await self._bus.listen(subject, self._on_letter, queue=CONSUMER)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subscription is not None and self._bus.nc.is_connected:
            await self._subscription.unsubscribe()
        await end(*self._tasks)

    async def _on_letter(self, msg: Msg) -> None:
        self._start(self._answer(msg))  # the next one must come meanwhile, for both to be one sentence

    def _start(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, msg: Msg) -> None:
        try:
            reason = await self._try(from_letter(msg))
        except (KeyError, ValueError) as error:
            reason = f"it cannot be used: {error}"
        await msg.respond(Answer(handled=reason is None, reason=reason).encode())

    async def _try(self, message: CapturedMessage) -> str | None:
        space = next((one for one in self._stages.open() if one.id == message.space_id), None)
        if space is None:
            return "nothing is added to the transcript of its Space any more, or there is none"
        speaker = None if message.person_id is None else self._stages.speaker(space.id, message.person_id)
        if speaker is None:
            return "nobody on the stage of its Space is known to have said it"
        if not speaker.consents:
            return None  # what was captured before they said so is kept nowhere
        session = self._sessions.get(message.session_id)
        if session is None:
            session = self._sessions[message.session_id] = asyncio.Queue()
            self._start(self._recognise(message.session_id, space, speaker, session))
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        session.put_nowait((message, answer))
        return await answer

    async def _recognise(
        self, session_id: str, space: CaptionedSpace, speaker: Speaker, queue: asyncio.Queue[_Waiting]
    ) -> None:
        answers: list[asyncio.Future[str | None]] = []
        failed: str | None = None
        try:
            languages = Languages(self._stages, space, self._understood, await self._transcripts.detected(space.id))
            with contextlib.closing(await self._pool.session(lambda _: None)) as recognition:
                fed_to = 0
                while (message := await self._next(queue, answers)) is not None:
                    at_ns = message.published_ns if message.bundle is None else message.bundle.base_ns
                    language = languages.of(speaker.person_id, at_ns)
                    if not self._stages.stands(space.id, speaker.person_id, at_ns // 1000):
                        answers.pop().set_result("the speaker had left the stage")
                    elif language.hint is None:
                        answers.pop().set_result(f"nothing here understands {language.tag}")
                    else:
                        fed_to = message.sequence
                        vocabulary = self._stages.vocabulary(space.id, at_ns // 1000)
                        try:
                            results = await recognition.feed(fed_to, message.body, language.hint, vocabulary)
                        except BadBundle as error:
                            answers.pop().set_result(str(error))
                        else:
                            await self._store(session_id, space, speaker, languages, results)
                await self._store(session_id, space, speaker, languages, await recognition.flush(fed_to))
        except Exception as error:  # noqa: BLE001  (told to whoever asked; the letters stay where they are)
            _log.warning("letters of session %s cannot be recognised", session_id, exc_info=error)
            failed = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        finally:
            for answer in answers:
                if not answer.done():
                    answer.set_result(failed)
        if queue.empty():
            del self._sessions[session_id]
        else:  # what came while the end of what was said before was recognised
            self._start(self._recognise(session_id, space, speaker, queue))

    async def _next(
        self, queue: asyncio.Queue[_Waiting], answers: list[asyncio.Future[str | None]]
    ) -> CapturedMessage | None:
        """The next letter, whose answer is the last one then; None when nothing more comes."""
        try:
            async with asyncio.timeout(self._flush_after):
                message, answer = await queue.get()
        except TimeoutError:
            return None
        answers.append(answer)
        return message

    async def _store(
        self, session_id: str, space: CaptionedSpace, speaker: Speaker, languages: Languages, results: Results
    ) -> None:
        position = await self._transcripts.position(space.id)
        for final in results.finals:
            caption = Captioned(
                caption_id=f"{session_id}-{final.began_ns // 1_000_000}",
                session_id=session_id,
                person_id=speaker.person_id,
                lang=languages.of(speaker.person_id, final.start_ns).of_final(final.lang),
                text=final.text,
                start_at=_moment(final.start_ns),
                end_at=_moment(final.end_ns),
                epoch=position.epoch,
                # How far the stream is accounted for has nothing to do with a letter.
                sequence=0,
                resume=0,
                words=tuple(Word(w.text, w.start_s, w.end_s, w.confidence) for w in final.words),
                detected=final.detected,
            )
            with contextlib.suppress(Erased):  # nothing of theirs is kept, the letter neither
                await self._transcripts.caption(space.id, caption)


def _moment(ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ns // 1000)
