"""What the wire itself, and the settings, keep of the rules."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from contracts.room import v1
from services.room.settings import Settings


def test_a_headline_has_up_to_70_characters_and_a_space_up_to_three_topics() -> None:
    v1.Settings(title="x" * 70, topics=("a", "b", "c"), lang="de-AT")
    for wrong in (
        {"title": "x" * 71},
        {"title": " "},
        {"title": "x", "topics": list("abcd")},
        {"title": "x", "lang": "?"},
    ):
        with pytest.raises(ValidationError):
            v1.Settings.model_validate(wrong)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://example.org/", "https://", "http:// x", "x" * 3000])
def test_only_links_are_pinned(url: str) -> None:
    with pytest.raises(ValidationError):
        v1.PinLink.model_validate({"command_id": "1", "space_id": "0" * 26, "pin_id": "0" * 26, "url": url})


def test_reactions_are_those_ten_unless_chosen_otherwise_and_some_take_a_skin_tone() -> None:
    ten = (
        "laughing", "surprised", "crying", "purple_heart", "hundred",
        "clap", "fist", "thumbs_up", "thumbs_down", "wave",
    )  # fmt: skip
    assert sorted(Settings.model_fields["reactions"].default) == sorted(ten)
    for tone in (0, 7):
        with pytest.raises(ValidationError):
            v1.React.model_validate({"command_id": "1", "space_id": "0" * 26, "reaction": "clap", "skin_tone": tone})
