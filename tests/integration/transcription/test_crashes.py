"""After kill -9 in the middle of a sentence a transcript is the one that it would have been."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest

from contracts.captions.v1 import Partial
from contracts.envelope import PersonRef
from contracts.transcription import v1
from libs.bus import Bus
from libs.service import running
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import Captions, Stage, carried, person
from tests.support.processes import gone
from tests.support.service_process import ServiceProcess

# What pocketsphinx learned of a voice goes with its process.
pytestmark = [pytest.mark.weights]

SECONDS = 17.0


@dataclass
class Talk:
    """The same people saying the same, in one Space after the other."""

    bus: Bus
    said: dict[str, PersonRef] = field(default_factory=lambda: {"rms": person("Hanna"), "slt": person("Selma")})
    first: Stage | None = None

    async def open(self) -> tuple[Stage, Captions]:
        """Another Space, which began when the first one did."""
        stage = Stage(self.bus)
        stage.host = self.said["rms"]
        if self.first is None:
            self.first = stage
        stage.started_at, stage.base_ns = self.first.started_at, self.first.base_ns
        captions = await stage.events()
        await stage.start()
        # Their names are a prompt from then on.
        await stage.join(self.said["slt"], at=stage.started_at)
        return stage, captions

    async def say(
        self, stage: Stage, voices: tuple[str, ...], speed: float | None = None, *, seconds: float = SECONDS
    ) -> None:
        """All of these talk at once, their sentences that end within so many seconds."""
        said = [carried()[voice] for voice in voices]
        until = [[float(s["end_s"]) for s in speech.sentences if float(s["end_s"]) < seconds][-1] for speech in said]
        await asyncio.gather(
            *(
                stage.say(
                    self.said[voice], speech.packets[: int(end * 50) + 25], session=f"session-{voice}", speed=speed
                )
                for voice, speech, end in zip(voices, said, until, strict=True)
            )
        )

    async def undisturbed(self, voices: tuple[str, ...], *, seconds: float = SECONDS) -> Told:
        """What is told where nothing goes wrong."""
        stage, captions = await self.open()
        await self.say(stage, voices, seconds=seconds)
        await stage.end()
        await captions.complete()
        return await told(stage, captions)


@dataclass(frozen=True)
class Told:
    """Everything that people are told of a transcript, but for the Space's id."""

    events: list[v1.Caption]
    """By their time."""
    transcript: tuple[v1.Caption, ...]
    document: dict[str, Any]
    counted: tuple[int, int]


async def told(stage: Stage, captions: Captions) -> Told:
    assert captions.completed is not None
    document = json.loads(await stage.document("json"))
    return Told(
        sorted(captions.final, key=lambda caption: (caption.start_at, caption.id)),
        (await stage.transcript()).captions,
        {key: value for key, value in document.items() if key != "space_id"},
        (captions.completed.captions, captions.completed.words),
    )


@pytest.fixture
def talk(bus: Bus) -> Talk:
    return Talk(bus)


@pytest.fixture
def env(env: dict[str, str]) -> dict[str, str]:
    """A busy machine is no pause in what somebody says."""
    return {**env, "ROSTRUM_TRANSCRIPTION_FLUSH_AFTER": "10", "ROSTRUM_TRANSCRIPTION_WORKERS": "2"}


@pytest.mark.parametrize(
    ("most", "seconds", "captions_at_least"), [(2, 13.0, 5), pytest.param(4, SECONDS, 6, marks=pytest.mark.soak)]
)
async def test_the_service_is_killed_in_the_middle_of_sentences(
    talk: Talk, env: dict[str, str], most: int, seconds: float, captions_at_least: int
) -> None:
    voices = ("rms", "slt")
    async with ServiceProcess("transcription", env) as process:
        stage, captions = await talk.open()
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(talk.say(stage, voices, speed=1.0, seconds=seconds))
            # Each time somebody has said something, or is just saying it. A machine on which starts take long is not
            # through with them when all has been said; one on which everything does has not written any of it.
            kills = 0
            while kills < most and (await captions.next_while(speaking) or not kills):
                children = psutil.Process(process.pid).children(recursive=True)
                process.kill()
                await gone(children)
                await process.start()
                kills += 1
            await speaking
        await stage.end()
        await captions.complete()
        disturbed = await told(stage, captions)
        assert {partial.caption_id for partial in captions.partial} <= {caption.id for caption in captions.final}
        assert disturbed == await talk.undisturbed(voices, seconds=seconds)
        assert await process.stop() == 0
    assert len(disturbed.events) >= captions_at_least
    assert {caption.person.name for caption in disturbed.events} == {"Hanna", "Selma"}
    assert all(caption.words for caption in disturbed.events)


async def test_recognition_workers_are_killed_in_the_middle_of_sentences(talk: Talk, env: dict[str, str]) -> None:
    async with running(Settings.read(env), compose):
        stage, captions = await talk.open()
        kills, seen = 0, set()
        async with asyncio.TaskGroup() as tasks:
            speaking = tasks.create_task(talk.say(stage, ("rms",), speed=1.0))
            while kills < 3 and (event := await captions.next_while(speaking)):
                # Each time in another sentence: one that takes two workers with it is given up.
                if isinstance(event, Partial) and event.caption_id not in seen:
                    seen.add(event.caption_id)
                    kills += 1
                    kill_workers()
        if not kills:  # a busy machine shows no words while they are spoken
            kill_workers()
        await stage.end()
        await captions.complete()
        disturbed = await told(stage, captions)
        assert disturbed == await talk.undisturbed(("rms",))
    assert len(disturbed.events) >= 3


def kill_workers() -> None:
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # the one killed before may just be going
            if "services.transcription.adapters.worker" in child.cmdline():
                child.kill()
