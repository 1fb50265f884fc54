"""What is there of Spaces without captions: nothing; and what is told of the engine."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import httpx
import pytest

from contracts.transcription import v1
from libs.service import Service, running
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import Stage, carried
from tests.support.waiting import LIMIT, eventually


async def test_a_space_without_captions_has_none(stage: Stage, service: Service[Settings]) -> None:
    silent = Stage(stage.bus, captions=False)
    foreign = Stage(stage.bus, lang="tlh")
    for space in (silent, foreign, stage):
        await space.list_words("Rivers")
        await space.start()
        await space.say(space.host, carried()["slt"].packets[:200])
        await space.end()
    captions = await stage.events()
    await captions.complete()

    assert (await stage.transcript()).state == "complete"
    for space in (silent, foreign):
        transcript = await space.transcript()
        assert transcript.state == "none"
        assert "en" in transcript.languages
        assert "tlh" not in transcript.languages, "told to whoever chooses"
        assert (await stage.bus.ask(v1.LanguagesQuery())).result.languages == transcript.languages
    with closing(sqlite3.connect(service.settings.var / "stores" / "transcription-stages.db")) as db:
        await eventually(
            lambda: (
                not db.execute("SELECT 1 FROM spaces UNION SELECT 1 FROM speakers UNION SELECT 1 FROM words").fetchall()
            )
        )


@pytest.mark.parametrize(
    "engine", ["pocketsphinx", pytest.param("auto", marks=pytest.mark.weights, id="whisper, which auto takes")]
)
async def test_readiness_says_which_engine_transcribes(env: dict[str, str], engine: str) -> None:
    async with running(Settings.read({**env, "ROSTRUM_TRANSCRIPTION_ENGINE": engine}), compose) as service:
        async with httpx.AsyncClient(timeout=LIMIT) as client:
            told = (await client.get(f"http://127.0.0.1:{service.health_port}/readyz")).json()
        assert told["uses"] == {"engine": "whisper" if engine == "auto" else engine}
