"""A Space has bounds, so that all of it can always be told in one message."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.room import v1
from libs.eventstore import Fact, Meta
from libs.ids import new_id
from libs.keyring.worded import UnopenedWords
from libs.names import Named
from libs.service import BadSettings
from services.room.domain.facts import Created, Invited, Pinned, Removed, SpeakRequested, StageJoined, Started
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
from services.room.settings import Settings as RoomSettings
from services.room.translation import listed, space_json, wire_space
from tests.unit.room.given import ANN, ANN_ASKS, BOB, HOST, LIMITS, LIVE, NOW, Given

NATS_CARRIES = 1024 * 1024
WIDE = "\U0001f41d"
"""A character that takes four bytes."""


def somebody(number: int) -> Person:
    return Person(f"{number:08}" + new_id()[8:])


def called(person_id: str) -> Named:
    """With the longest handle and name there are."""
    return Named(person_id, f"handle_{person_id[:8]}", WIDE * 50)


def test_the_queue_is_full_at_its_limit_and_takes_somebody_when_one_has_left() -> None:
    few = replace(LIMITS, queue=1)

    def ask(space: Space) -> list[Fact]:
        return space.request_to_speak(BOB, "", consent_to_recording=True, followed_by_host=False, limits=few)

    Given(*LIVE, ANN_ASKS).when(ask).refused("queue_full")
    Given(*LIVE).when(ask).then(SpeakRequested(person=BOB, here=True))


def test_a_request_has_280_characters_unless_chosen_otherwise() -> None:
    few = replace(LIMITS, message=10)

    def asking(message: str) -> Given:
        given = Given(*LIVE)
        given.when(
            lambda s: s.request_to_speak(BOB, message, consent_to_recording=True, followed_by_host=False, limits=few)
        ).then(SpeakRequested(person=BOB, message=message, here=True))
        return given

    asking("x" * 10)
    Given(*LIVE).when(
        lambda s: s.request_to_speak(BOB, "x" * 11, consent_to_recording=True, followed_by_host=False, limits=few)
    ).refused("invalid")
    fields = {"command_id": "1", "space_id": "0" * 26}
    assert v1.RequestToSpeak.model_validate({**fields, "message": WIDE * 280}).message == WIDE * 280
    with pytest.raises(ValueError, match="at most 280"):
        v1.RequestToSpeak.model_validate({**fields, "message": WIDE * 281})


def test_so_many_invitations_are_open_and_no_more() -> None:
    few = replace(LIMITS, invitations=1)
    ann = Invited(person=ANN, expires_at=NOW + timedelta(minutes=5))
    Given(*LIVE, ann).when(lambda s: s.invite(HOST.id, BOB, "speak", now=NOW, limits=few)).refused(
        "too_many_invitations"
    )
    Given(*LIVE, ann).when(lambda s: s.invite(HOST.id, ANN, "speak", now=NOW, limits=few)).then()
    Given(*LIVE, ann).when(lambda s: s.invite(HOST.id, BOB, "join", now=NOW, limits=few)).then(
        Invited(person=BOB, to="join")
    )


def full_space(raid: int) -> Space:
    """As much as the limits let in, in the widest characters, and so many who were removed and invited."""
    host = somebody(0)
    facts: list[Fact] = [
        Created(host=host, settings=Settings(title=WIDE * 70, topics=("x" * 40,) * 3)),
        Started(host=host, settings=Settings(title=WIDE * 70, topics=("x" * 40,) * 3)),
    ]
    facts += [StageJoined(person=somebody(n)) for n in range(LIMITS.stage - 1)]
    facts += [Removed(person_id=new_id(), explanation="") for _ in range(raid)]
    facts += [Invited(person=somebody(n), to="join") for n in range(raid)]
    facts += [SpeakRequested(person=somebody(n), message=WIDE * LIMITS.message) for n in range(LIMITS.queue)]
    facts += [Invited(person=somebody(n), expires_at=NOW + timedelta(minutes=5)) for n in range(LIMITS.invitations)]
    link = "https://" + WIDE * (2048 - len("https://"))
    facts += [Pinned(pin_id=new_id(), url=link, text=WIDE * 280, person=somebody(n)) for n in range(LIMITS.pins)]
    space = Space(new_id())
    for fact in facts:
        space.version += 1
        space.apply(fact, Meta(at=NOW, actor=host.id))
    space.words = (WIDE * 40,) * 50
    for request in space.requests.values():
        request.lost_until = NOW
    return space


def test_a_space_that_is_full_in_every_way_fits_into_one_message() -> None:
    space = full_space(raid=5_000)
    told = space_json(space, called, UnopenedWords(), space.host.id)
    assert len(told) < NATS_CARRIES * 0.8
    assert len(wire_space(space, called, UnopenedWords(), all=True).model_dump_json().encode()) < NATS_CARRIES * 0.8


def test_of_thousands_who_are_out_the_newest_are_told_and_all_are_read_in_pages() -> None:
    space = full_space(raid=250)
    told = wire_space(space, called, UnopenedWords(), space.host.id)
    assert list(told.removed) == list(space.removed)[-v1.TOLD :]
    assert list(told.invited) == list(space.invited)[-v1.TOLD :]
    for which, everybody in ((v1.PeopleList.REMOVED, space.removed), (v1.PeopleList.INVITED, space.invited)):
        found: list[str] = []
        while page := listed(space, which, after=found[-1] if found else "", most=100, all=False):
            found += page
        assert found == sorted(everybody)


def test_limits_that_would_not_fit_into_one_message_are_refused_at_the_start() -> None:
    assert RoomSettings.read({"ROSTRUM_ROOM_QUEUE_LIMIT": "300"}).queue_limit == 300
    with pytest.raises(BadSettings, match="lower one of queue_limit"):
        RoomSettings.read({"ROSTRUM_ROOM_QUEUE_LIMIT": "800"})
