"""What breaks its contract is told without what it says: that may be somebody's words."""

from __future__ import annotations

import logging

import pytest
from pydantic import ValidationError

from contracts import envelope, subjects
from contracts.room import v1 as room
from libs.bus.received import received
from libs.bus.stored import Stored

NEEDLE = "Tea with the Mad Hatter"
BODY = f'{{"space_id": "{NEEDLE}", "version": 1, "title": ["{NEEDLE}"], "settings": "{NEEDLE}"}}'.encode()
SUBJECT = subjects.event("room", "s", room.Created.name)


def test_an_error_names_the_field_and_not_what_stands_in_it() -> None:
    with pytest.raises(ValidationError) as broken:
        envelope.decode(SUBJECT, BODY)
    assert "settings" in str(broken.value)
    assert NEEDLE not in str(broken.value)


async def test_neither_does_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert await received([Stored(SUBJECT, BODY, 7, "2026-05-04T18:00:00Z", {})]) == []
    assert "message 7 breaks its contract" in caplog.text
    assert NEEDLE not in caplog.text
