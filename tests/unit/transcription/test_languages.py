"""What somebody is taken to speak."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.envelope import PersonRef
from contracts.room import v1 as room
from libs.bus import Received
from libs.ids import new_id
from services.transcription.app.languages import SpaceLanguages
from services.transcription.domain.facts import Captioned
from services.transcription.projection.stages import Stages

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
LATER = round((AT.timestamp() + 60) * 1e9)
SPACE, ANN = new_id(), PersonRef(id=new_id(), handle="ann", name="Ann")


def found_out(lang: str) -> Captioned:
    return Captioned(
        caption_id="c", session_id="s", person_id=ANN.id, lang=lang, text="...",
        start_at=AT + timedelta(seconds=1), end_at=AT + timedelta(seconds=4), epoch="e", sequence=1, resume=1,
        detected=True,
    )  # fmt: skip


@pytest.mark.parametrize(("lang", "hint"), [("de", "de"), ("nl", "auto")])
async def test_what_was_found_out_holds_unless_it_is_a_language_without_captions_here(
    lang: str, hint: str, tmp_path: Path
) -> None:
    settings = room.Settings(title="On rivers", captions=True, lang="und")
    async with Stages(tmp_path / "stages.db") as stages:
        stages.apply(Received(room.Started(space_id=SPACE, version=1, at=AT, host=ANN, settings=settings), 1, AT, {}))
        (space,) = stages.open()
        languages = SpaceLanguages(stages, space, {"de", "en"}, {})
        assert languages.of(ANN.id, LATER).hint == "auto"
        languages.learn(found_out(lang))
        assert languages.of(ANN.id, LATER).hint == hint
