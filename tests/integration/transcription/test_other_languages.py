"""People who speak Italian and Russian are captioned in their languages, found out by who speaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.demo import voice
from libs.bus import Bus
from libs.eventstore import open_recorder, rebuild
from libs.service import running
from services.transcription.domain.transcript import Transcript
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import Stage, carried, person
from tests.support.wer import word_error_rate

VOICES = Path(__file__).parents[2] / "support" / "voices"
SAID = {
    "it-lock": "Per bloccare, o sbloccare la conferenza. Quando una conferenza è bloccata solo gli amministratori della"
    " conferenza possono entrare.",
    "it-pin": "Prego inserire il tuo numero identificativo personale seguito dal tasto cancelletto.",
    "ru-lock": "Чтобы заблокировать или разблокировать конференцию. Когда конференция заблокирована, зайти могут только"
    " администраторы.",
}
ENGLISH = slice(225, 470)
"""Of awb's packets: a sentence."""
MOST_WRONG = 0.2

pytestmark = pytest.mark.weights


async def test_each_speakers_language_is_found_out_remembered_and_captioned_in_finals_only(
    bus: Bus, env: dict[str, str]
) -> None:
    stage = Stage(bus, lang="und")
    captions = await stage.events()
    carlo, masha = person("Carlo"), person("Masha")
    turns = [(carlo, "it-lock"), (masha, "ru-lock"), (carlo, "it-pin")]
    async with running(Settings.read(env), compose):
        await stage.start()
        for who in (carlo, masha):
            await stage.join(who)
        for number, (who, said) in enumerate(turns):
            await stage.say(who, voice.encode(VOICES / f"{said}.g722"), after=20 * number)
            await captions.finals(number + 1)
        await stage.say(stage.host, carried()["awb"].packets[ENGLISH], after=60)
        await stage.end()
        await captions.complete()
    for (_, said), caption in zip(turns, captions.final, strict=False):
        assert word_error_rate(SAID[said], caption.text) <= MOST_WRONG, caption.text
    assert [(one.person.name, one.lang) for one in captions.final] == [
        ("Carlo", "it"), ("Masha", "ru"), ("Carlo", "it"), ("Hanna", "en"),
    ]  # fmt: skip
    assert {one.person.id for one in captions.partial} <= {stage.host.id}
    recorder = open_recorder(Settings.read(env).store_place, read_only=True)
    kept = rebuild(recorder, stage.space_id, Transcript)
    recorder.close()
    # The second time Carlo speaks nothing has to be found out.
    assert [caption.detected for caption in kept.spoken()] == [True, True, False, True]
