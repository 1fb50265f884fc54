"""What was stored once is read for ever: these states are never edited, only added to."""

from __future__ import annotations

import pytest

from libs.eventstore import Fact
from libs.eventstore.facts import decode
from services.people.domain import Blocked, Followed, Registered, Unblocked, Unfollowed

GOLDEN: list[tuple[str, bytes, Fact]] = [
    (
        "people.registered",
        b'{"at":"2026-01-01T00:00:00Z","actor":"a","command_id":"c","fact":{"handle":"ann","name":"Ann"}}',
        Registered(handle="ann", name="Ann"),
    ),
    ("people.followed", b'{"at":"2026-01-01T00:00:00Z","fact":{"followee":"b"}}', Followed(followee="b")),
    ("people.unfollowed", b'{"at":"2026-01-01T00:00:00Z","fact":{"followee":"b"}}', Unfollowed(followee="b")),
    ("people.blocked", b'{"at":"2026-01-01T00:00:00Z","fact":{"person":"b"}}', Blocked(person="b")),
    ("people.unblocked", b'{"at":"2026-01-01T00:00:00Z","fact":{"person":"b"}}', Unblocked(person="b")),
]


@pytest.mark.parametrize(("name", "state", "fact"), GOLDEN, ids=[name for name, _, _ in GOLDEN])
def test_stored_facts_stay_readable(name: str, state: bytes, fact: Fact) -> None:
    assert decode(name, state).fact == fact
