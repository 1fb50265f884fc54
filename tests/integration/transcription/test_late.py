"""What arrives late, as where all cores are busy, is no pause in what somebody says."""

from __future__ import annotations

import time

import pytest

from libs.ids import new_id
from libs.service import running
from services.transcription.app.transcriber import Patience
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import PER_BUNDLE, Stage, carried
from tests.support.waiting import eventually, pace

LATE_S = 1.5
FLUSH_AFTER_S = 0.2


async def test_a_sentence_of_which_the_last_word_comes_late_is_one_caption(
    stage: Stage, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # However busy the machine is.
    monkeypatch.setattr(Patience.__init__, "__defaults__", (FLUSH_AFTER_S, 30.0, 3.0, 0.5, 30.0))
    said = carried()["slt"]
    sentence = said.sentences[6]
    start, end = (int(float(sentence[at]) * 50) for at in ("start_s", "end_s"))
    start -= 10
    # "I would do it again tomorrow without thinking | twice."
    cut = start + (end - 20 - start) // PER_BUNDLE * PER_BUNDLE
    async with running(Settings.read({**env, "ROSTRUM_TRANSCRIPTION_FLUSH_AFTER": str(FLUSH_AFTER_S)}), compose):
        captions = await stage.events()
        await stage.start()
        await stage.say(stage.host, said.packets[start:end])
        await captions.finals(1)  # the worker has started
        session = new_id()
        await stage.say(stage.host, said.packets[start:cut], after=10, session=session, last=False)
        await eventually(stage.all_captured_is_read)
        # Longer than whoever had paused is waited for.
        await pace(time.monotonic() + LATE_S)
        await stage.say(
            stage.host, said.packets[cut : end + 8], after=10 + (cut - start) / 50, session=session, first=cut - start
        )
        await stage.end()
        await captions.complete()
    assert [caption.text.endswith("twice.") for caption in captions.final] == [True, True]
