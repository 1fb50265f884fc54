"""Whose a session is, by its id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.ids import is_id, made_at, new_id
from libs.refusal import Refusal
from services.gateway.app.sessions import SessionIds

IDS = SessionIds(b"secret")
SPACE, ANN, BOB = new_id(), new_id(), new_id()


def refused(session: str, space: str, person: str | None, ids: SessionIds = IDS) -> bool:
    try:
        ids.known_as(session, space, person)
    except Refusal as no:
        return no.reason == "session_unknown"
    return False


def test_a_session_is_good_for_its_person_in_its_space_at_every_gateway() -> None:
    session = IDS.bound(new_id(), SPACE, ANN)
    assert is_id(session)
    assert SessionIds(b"secret").known_as(session, SPACE, ANN) == session
    assert refused(session, SPACE, BOB)
    assert refused(session, SPACE, None)
    assert refused(session, new_id(), ANN)
    assert refused(session, SPACE, ANN, SessionIds(b"another"))


def test_an_anonymous_session_is_known_elsewhere_by_what_does_not_tell_its_secret() -> None:
    secret = IDS.bound(new_id(), SPACE, None)
    known = IDS.known_as(secret, SPACE, None)
    assert is_id(known)
    assert known == IDS.known_as(secret, SPACE, None) != secret
    assert refused(known, SPACE, None)
    assert refused(secret, SPACE, ANN)


@pytest.mark.parametrize("person", [ANN, None])
def test_nobody_makes_a_session_up(person: str | None) -> None:
    genuine = IDS.bound(new_id(), SPACE, person)
    changed = genuine[:-1] + ("0" if genuine[-1] != "0" else "1")
    for made_up in (new_id(), changed, "", "x" * 26, "z" * 26, "0" * 26):
        assert refused(made_up, SPACE, person), made_up


def test_sessions_that_are_made_at_the_same_time_differ_and_tell_when_that_was() -> None:
    before = datetime.now(UTC)
    sessions = {IDS.bound(new_id(), SPACE, None) for _ in range(20_000)}
    assert len(sessions) == 20_000
    assert all(abs(made_at(session) - before) < timedelta(seconds=60) for session in sessions)


def test_a_repeated_command_gets_the_same_session() -> None:
    derived = new_id()
    assert IDS.bound(derived, SPACE, ANN) == IDS.bound(derived, SPACE, ANN)
