"""Captured audio that could not be used, tried again: `rostrum dlq retry` hands the letters over.

Letters of one session that come together are recognised one after another, as what was said without a pause. Each is
answered once its captions are stored, so that none is removed before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Final, Self

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts import subjects
from libs.aio import end
from libs.bus import Bus, Unavailable
from libs.bus.dead_letters import LetterAnswer
from libs.keyring import Expired
from libs.keyring.client import Fetch
from libs.refusal import Refusal
from services.transcription.adapters.captured import CONSUMER, CapturedMessage, from_letter
from services.transcription.adapters.messages import Results
from services.transcription.adapters.worker_pool import DEADLY, BadBundle, WorkerPool
from services.transcription.app.languages import SpaceLanguages
from services.transcription.app.speaking import caption_of
from services.transcription.app.transcripts import AlreadyErased, Transcripts
from services.transcription.projection.stages import CaptionedSpace, KnownSpeaker, Stages

_log = logging.getLogger(__name__)

_Answer = asyncio.Future[str | None]
"""Why a letter still cannot be used; None once its captions are stored."""
_Waiting = tuple[CapturedMessage, _Answer]
_DEADLY: Final = f"{DEADLY}; it is tried again once transcription was restarted"


class Letters:
    """Takes letters while its context is open."""

    def __init__(
        self,
        bus: Bus,
        fetch: Fetch,
        stages: Stages,
        transcripts: Transcripts,
        pool: WorkerPool,
        flush_after: float,
        understood: Collection[str],
    ) -> None:
        """`fetch` gets keys. Nothing more of a session for `flush_after` seconds ends what was said in it."""
        self._bus = bus
        self._fetch = fetch
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
            reason = await self._try(await from_letter(self._fetch, msg))
        except (KeyError, ValueError, Refusal, Unavailable, Expired) as error:
            reason = f"it cannot be used: {error}"
        await msg.respond(LetterAnswer(handled=reason is None, reason=reason).encode())

    async def _try(self, message: CapturedMessage) -> str | None:
        space = next((one for one in self._stages.open() if one.id == message.space_id), None)
        if space is None:
            return "nothing is added to the transcript of its Space any more, or there is none"
        speaker = None if message.person_id is None else self._stages.speaker(space.id, message.person_id)
        if speaker is None:
            return "nobody on the stage of its Space is known to have said it"
        if not speaker.consents or message.erased:
            return None  # what was captured before they said so, or of somebody erased, is kept nowhere
        session = self._sessions.get(message.session_id)
        if session is None:
            session = self._sessions[message.session_id] = asyncio.Queue()
            self._start(self._recognise(message.session_id, space, speaker, session))
        answer: _Answer = asyncio.get_running_loop().create_future()
        session.put_nowait((message, answer))
        return await answer

    async def _recognise(
        self, session_id: str, space: CaptionedSpace, speaker: KnownSpeaker, queue: asyncio.Queue[_Waiting]
    ) -> None:
        answers: list[tuple[int, _Answer]] = []
        failed: str | None = None
        try:
            languages = SpaceLanguages(
                self._stages, space, self._understood, await self._transcripts.detected(space.id)
            )
            with contextlib.closing(await self._pool.session(lambda _: None)) as recognition:
                fed_to = 0
                while (message := await self._next(queue, answers)) is not None:
                    at_ns = message.published_ns if message.bundle is None else message.bundle.base_ns
                    language = languages.of(speaker.person_id, at_ns)
                    if not self._stages.stands(space.id, speaker.person_id, at_ns // 1000):
                        answers.pop()[1].set_result("the speaker had left the stage")
                    elif language.hint is None:
                        answers.pop()[1].set_result(f"nothing here understands {language.tag}")
                    else:
                        fed_to = message.sequence
                        vocabulary = self._stages.vocabulary(space.id, at_ns // 1000)
                        try:
                            results = await recognition.feed(fed_to, message.body, language.hint, vocabulary)
                        except BadBundle as error:
                            answers.pop()[1].set_result(str(error))
                        else:
                            await self._store(session_id, space, speaker, languages, results)
                            _keep_left_out(results, answers)
                results = await recognition.flush(fed_to)
                await self._store(session_id, space, speaker, languages, results)
                _keep_left_out(results, answers)
        except Exception as error:  # noqa: BLE001  (told to whoever asked; the letters stay where they are)
            _log.warning("letters of session %s cannot be recognised", session_id, exc_info=error)
            failed = " ".join(f"{type(error).__name__}: {error}".split())[:500]
            # What follows is not tried from the middle: another utterance would be blamed for the same trouble.
            while not queue.empty():
                message, answer = queue.get_nowait()
                answers.append((message.sequence, answer))
        finally:
            for _, answer in answers:
                if not answer.done():
                    answer.set_result(failed)
        if queue.empty():
            del self._sessions[session_id]
        else:  # what came while the end of what was said before was recognised
            self._start(self._recognise(session_id, space, speaker, queue))

    async def _next(self, queue: asyncio.Queue[_Waiting], answers: list[tuple[int, _Answer]]) -> CapturedMessage | None:
        """The next letter, whose answer is the last one then; None when nothing more comes."""
        try:
            async with asyncio.timeout(self._flush_after):
                message, answer = await queue.get()
        except TimeoutError:
            return None
        answers.append((message.sequence, answer))
        return message

    async def _store(
        self, session_id: str, space: CaptionedSpace, speaker: KnownSpeaker, languages: SpaceLanguages, results: Results
    ) -> None:
        position = await self._transcripts.position(space.id)
        for final in results.finals:
            # How far the stream is accounted for has nothing to do with a letter.
            caption = caption_of(session_id, speaker, languages, final, epoch=position.epoch)
            with contextlib.suppress(AlreadyErased):  # nothing of theirs is kept, the letter neither
                await self._transcripts.caption(space.id, caption)


def _keep_left_out(results: Results, answers: Sequence[tuple[int, _Answer]]) -> None:
    """Have the letters stay whose utterance, the one that has just ended, was left out."""
    for left_out in results.left_out:
        for sequence, answer in answers:
            if sequence >= left_out.first and not answer.done():
                answer.set_result(_DEADLY)
