"""What transcription can be told."""

from __future__ import annotations

import pytest

from libs.service import BadSettings
from services.transcription.settings import Settings


@pytest.mark.parametrize("language", ["EN", "en-US", "english", ""])
def test_a_language_that_no_space_could_match_is_refused(language: str) -> None:
    with pytest.raises(BadSettings, match="LANGUAGES"):
        Settings.read({"ROSTRUM_TRANSCRIPTION_LANGUAGES": f'["{language}"]'})
    assert Settings.read({"ROSTRUM_TRANSCRIPTION_LANGUAGES": '["en","de"]'}).languages == ("en", "de")
