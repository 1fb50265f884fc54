"""Keys are not destroyed while something that was reported is still to be copied; operators are told; not for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.recording import v1 as recording
from libs.bus import Unavailable
from libs.commands import Executor
from libs.eventstore import Store, open_store
from libs.ids import new_id
from libs.keyring import ErasureTarget
from libs.refusal import Refusal
from services.people.app.copies_awaited import CopiesAwaited
from services.people.domain.copies import Copied, Stretch
from services.people.domain.entities import Entity, new, stored_report
from services.people.domain.report import Evidence, Filed, Subject
from services.people.handlers.access import ordered
from services.people.projection.moderation import Moderation

AT = datetime(2026, 12, 1, tzinfo=UTC)
SPACE, PERSON, REPORT = new_id(), new_id(), new_id()
TITLE, MOMENT = 1, 0
PATIENCE = 300.0


class Recording:
    """What recording answers."""

    def __init__(self) -> None:
        self.state: recording.SoundState | None = None

    async def asked(self, query: recording.ReportedSoundsQuery) -> recording.ReportedSounds:
        if self.state is None:
            raise Unavailable("recording does not answer")
        sound = recording.ReportedSound(space_id=SPACE, piece=MOMENT, state=self.state)
        return recording.ReportedSounds(report_id=query.report_id, sounds=(sound,))


class Scene:
    def __init__(self, store: Store[Entity], moderation: Moderation) -> None:
        self.recording = Recording()
        self.seconds = 0.0
        self.executor = Executor(store, lambda: AT, ordered)
        self.awaited = CopiesAwaited(
            store, moderation, self.recording.asked, now=lambda: AT, clock=lambda: self.seconds, patience=PATIENCE
        )

    async def report(self, *copied: Copied) -> None:
        evidence = (Evidence(kind="moment", space=SPACE, from_seconds=1.0),)
        filed = Filed(reporter=PERSON, subject=Subject(space=SPACE), reason="hate", evidence=evidence, copied=True)
        await self.executor.by_itself(stored_report(REPORT), lambda entity, now: [filed, *copied])

    async def refusal(self, what: str, unit: str | None = None) -> str | None:
        try:
            await self.awaited.must_have([ErasureTarget(what, unit)])
        except Refusal as no:
            return no.detail if no.retry else "for good"
        return None


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_store(tmp_path / "people.db", new) as store, Moderation(tmp_path / "read.db") as moderation:
        yield Scene(store, moderation)


SOUND = Copied(piece=MOMENT, stretch=Stretch(space=SPACE, since=AT - timedelta(seconds=9), until=AT))
WORDS = Copied(piece=TITLE)


async def test_keys_of_speech_wait_for_recording_and_all_others_do_not(scene: Scene) -> None:
    await scene.report(SOUND, WORDS)
    lock = f"person:{PERSON}|space:{SPACE}"
    for what, unit in (
        (f"person:{PERSON}", None), (f"space:{SPACE}", None), (lock, ""), (lock, "transcript"), (lock, "replay/spool"),
    ):  # fmt: skip
        assert "recording does not answer" in (await scene.refusal(what, unit) or "")
    for what, unit in (
        (f"space:{new_id()}", None), (lock, "transcript/caption"), (lock, "pin/1"), (f"report:{REPORT}", None),
    ):  # fmt: skip
        assert await scene.refusal(what, unit) is None
    scene.recording.state = recording.SoundState.AWAITED
    assert await scene.refusal(f"person:{PERSON}") == f"keys are kept until the sound of report {REPORT} is copied"
    scene.recording.state = recording.SoundState.NONE
    assert await scene.refusal(f"person:{PERSON}") is None
    scene.recording.state = None
    assert await scene.refusal(f"space:{SPACE}") is None, "it was answered once"


async def test_operators_are_told_why_and_nothing_waits_for_ever(scene: Scene) -> None:
    await scene.report(SOUND, WORDS)
    assert await scene.refusal(f"person:{PERSON}")
    assert scene.awaited.trouble() is None, "it takes a moment always"
    scene.seconds = PATIENCE - 1
    assert REPORT in (scene.awaited.trouble() or "")
    assert await scene.refusal(f"person:{PERSON}")
    scene.seconds = PATIENCE
    assert await scene.refusal(f"person:{PERSON}") is None
    assert scene.awaited.trouble() is None
    assert await scene.refusal(f"space:{SPACE}") is None, "what is lost is not waited for again"


async def test_keys_wait_for_words_that_are_copied_later_too(scene: Scene) -> None:
    await scene.report(SOUND)
    scene.recording.state = recording.SoundState.KEPT
    assert await scene.refusal(f"space:{SPACE}") == f"keys are kept until the words of report {REPORT} are copied"
    await scene.executor.by_itself(stored_report(REPORT), lambda entity, now: [WORDS])
    assert await scene.refusal(f"space:{SPACE}") is None
