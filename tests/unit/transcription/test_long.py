"""A transcript that is longer than one message of NATS may be."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.transcription import v1
from infra.nats.server import configuration
from libs.bus import Handlers
from libs.commands import Executor
from libs.eventstore import Order, Store, open_store
from libs.ids import new_id
from libs.names import Named
from libs.personal_data import Held
from services.transcription.app.transcripts import Transcripts
from services.transcription.domain.facts import Captioned, lock_of
from services.transcription.domain.transcript import Transcript
from services.transcription.handlers import handlers, ordered
from tests.unit.transcription.sealing import Locks

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
SPACE, PERSON = new_id(), new_id()
SEALER = Locks().sealer
HOURS_OF_TALK = 1_001
"""Captions."""
_MOST = configuration(0, Path(), defaultdict(str))["max_payload"]
"""Bytes."""


def caption(number: int) -> Captioned:
    """The longest there are: half a minute of fast speech."""
    return Captioned(
        caption_id=f"{SPACE}-{number}", session_id=SPACE, person_id=PERSON, lang="en",
        text="extraordinarily " * 100, start_at=AT + timedelta(seconds=number),
        end_at=AT + timedelta(seconds=number + 1), epoch="e", sequence=number, resume=number,
    )  # fmt: skip


def called(person_id: str) -> Named:
    return Named(person_id, "ann", "Ä" * 50)


def parts(store: Store[Transcript]) -> tuple[Executor[Transcript], Transcripts]:
    executor = Executor(store, lambda: AT, ordered)
    return executor, Transcripts(store, executor, SEALER)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store[Transcript]]:
    async with open_store(tmp_path / "transcripts.db", Transcript) as store:
        _, transcripts = parts(store)
        await transcripts.open(SPACE, "en", AT)
        order = Order(id="all", actor=None, at=AT)
        await SEALER.fetch([lock_of(SPACE, PERSON)])
        said = [SEALER.seal(SPACE, caption(n)) for n in range(HOURS_OF_TALK)]
        await store.execute(SPACE, order, lambda t: [one for one in said if one is not None], lambda t: None)
        yield store


async def complete() -> None:
    """What people are called is known."""


async def answer(table: Handlers, name: str, **asked: object) -> dict[str, object]:
    body = json.dumps({"space_id": SPACE, **asked}).encode()
    reply = await table.answer("query", name, body, {})
    assert len(reply) < _MOST
    result = json.loads(reply)["result"]
    assert isinstance(result, dict)
    return result


async def test_a_long_transcript_comes_in_parts_that_fit_together_though_somebody_goes_on_speaking(
    store: Store[Transcript],
) -> None:
    executor, transcripts = parts(store)
    table = handlers(executor, transcripts, called, SEALER, held=Held(), must_be_complete=complete)
    part = v1.Transcript.model_validate(await answer(table, "transcript"))
    whole = v1.TranscriptDocument.model_validate(await answer(table, "transcript_document", format="vtt"))
    captions, text = part.captions, whole.body
    # It was begun before all others, so that it would shift them.
    await transcripts.caption(SPACE, caption(-1))
    while part.more:
        asked = {"after": len(captions), "at": part.version}
        part = v1.Transcript.model_validate(await answer(table, "transcript", **asked))
        captions += part.captions
    while whole.more:
        asked = {"after": len(text), "at": whole.version}
        whole = v1.TranscriptDocument.model_validate(await answer(table, "transcript_document", format="vtt", **asked))
        text += whole.body
    assert [c.id for c in captions] == [f"{SPACE}-{n}" for n in range(HOURS_OF_TALK)]
    assert text.count(" --> ") == HOURS_OF_TALK
    assert text.startswith("WEBVTT\n\n1\n")
    assert f"\n{HOURS_OF_TALK}\n" in text


async def test_of_a_transcript_that_is_deleted_between_two_parts_nothing_more_is_told(store: Store[Transcript]) -> None:
    executor, transcripts = parts(store)
    table = handlers(executor, transcripts, called, SEALER, held=Held(), must_be_complete=complete)
    first = await answer(table, "transcript")
    await executor.by_itself(SPACE, lambda t, _: t.delete())
    second = await answer(table, "transcript", after=500, at=first["version"])
    assert (second["state"], second["captions"], second["more"]) == ("none", [], False)
