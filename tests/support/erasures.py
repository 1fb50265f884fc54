"""What people publishes of somebody who is erased: the real events, in their order."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.envelope import Event, event_of
from libs.eventstore import Fact, Notification, Record
from libs.keyring import Words
from services.people.domain.erasure import PersonErased
from services.people.translation import translate


def erasure(person_id: str, *, at: datetime | None = None, version: int = 9) -> list[Event]:
    """The events of the fact that somebody is erased."""
    record = Record[Fact](fact=PersonErased(), at=at or datetime.now(UTC))
    return [event_of(one) for one in translate(Notification(1, person_id, version, record), _wordless, _wordless)]


def _wordless(person_id: str, words: Words) -> str:
    raise AssertionError(f"an erasure says nothing about {person_id} in words: {words!r}")
