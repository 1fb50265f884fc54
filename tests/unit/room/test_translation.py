"""Every stored fact becomes a contract event, and following the events gives the Space that the query shows."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.envelope import Event, PersonRef, SealedEvent, body_of, decode, event_of
from contracts.named import with_names
from contracts.room import v1
from contracts.room.follow import follow
from contracts.sealed import Box, sealed_in
from libs.eventstore import Fact, Notification, Record
from libs.ids import new_id
from libs.keyring import Words, lock_name
from libs.keyring.opening import box_of
from libs.keyring.worded import Lack, Text, UnopenedWords
from libs.refusal import Refusal
from services.room.domain.facts import Created, Removed, SettingsChanged, Started
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
from services.room.translation import space_json, translate, wire_space
from tests.unit.room.given import LIMITS, NOW, called, plainly
from tests.unit.room.test_stored_facts import FACTS, SEALED

SPACE = new_id()
PEOPLE = [Person(new_id()) for i in range(16)]
HOST = PEOPLE[0]


def _notification(number: int, version: int, fact: Fact) -> Notification:
    record: Record[Fact] = Record(fact=fact, at=NOW + timedelta(seconds=number), actor=HOST.id)
    return Notification(number, SPACE, version, record)


def test_every_fact_has_a_contract_event_with_its_version() -> None:
    for fact in FACTS:
        # The golden facts name people by words; on the wire they are ids.
        events = translate(_notification(1, 7, _with_ids(fact)), plainly)
        assert events
        assert all(isinstance(e, v1.SpaceEvent) and e.version == 7 and e.space_id == SPACE for e in events)
        assert not {id for e in events if isinstance(e, v1.SpaceEvent) for id in names_in(e)}


def names_in(event: Event) -> list[str]:
    found: list[str] = []

    def look(person: PersonRef) -> PersonRef:
        found.extend(filter(None, (person.handle, person.name)))
        return person

    with_names(event, look)
    return found


def test_words_that_are_sealed_are_told_as_they_are_stored() -> None:
    """The stream is given what the store has, so that nothing is needed to tell it, and no more can be read of it."""
    sealed: dict[str, SealedEvent] = {}
    for fact in SEALED:
        for event in translate(_notification(1, 7, _by_person(fact)), as_stored):
            if isinstance(event, SealedEvent):
                sealed[event.event.name] = event
    assert {name: set(event.boxes) for name, event in sealed.items()} == {
        "created": {"settings.title"},
        "started": {"settings.title"},
        "settings_changed": {"settings.title"},
        "words_changed": {"words"},
        "speak_requested": {"message"},
        "removal_recorded": {"explanation"},
        "pinned": {"pin.url", "pin.text"},
    }
    for name, event in sealed.items():
        body = sealed_in(body_of(event))
        assert body is not None
        assert body.boxes == event.boxes
        text = '["needle"]' if name == "words_changed" else "https://needle"
        read = decode(event.event.subject, body_of(event), body, dict.fromkeys(body.boxes.values(), text))
        assert "needle" in read.model_dump_json()
        assert "needle" not in decode(event.event.subject, body_of(event)).model_dump_json()


def as_stored(space_id: str, by: str, words: Words) -> Text | Box:
    assert (space_id, by) == (SPACE, HOST.id)
    return words if isinstance(words, str) else box_of(words, lock_name(f"person:{by}", f"space:{space_id}"))


def _by_person(fact: Fact) -> Fact:
    named = _with_ids(fact)
    if isinstance(named, Created | Started | SettingsChanged):
        struct: Any = named
        return cast(Fact, replace(struct, settings=replace(named.settings, title_by=HOST.id)))
    return named


def _with_ids(fact: Fact) -> Fact:

    changes: dict[str, object] = {}
    for name in ("person", "host"):
        if hasattr(fact, name):
            changes[name] = HOST
    for name in ("person_id", "previous_id"):
        if hasattr(fact, name):
            changes[name] = HOST.id
    return cast(Fact, msgspec.structs.replace(cast(msgspec.Struct, fact), **changes))


def test_the_reason_of_a_removal_is_told_to_hosts_only() -> None:

    public, private = map(
        event_of, translate(_notification(1, 3, Removed(person_id=HOST.id, explanation="spam")), plainly)
    )
    assert "spam" not in public.model_dump_json()
    assert "spam" in private.model_dump_json()


def test_of_words_that_were_erased_nothing_is_told() -> None:
    def erased(space_id: str, by: str, words: Words) -> Text:
        return words if isinstance(words, str) else Lack.ERASED

    told = [event_of(event) for fact in SEALED for event in translate(_notification(1, 7, _with_ids(fact)), erased)]
    assert not any(isinstance(event, v1.Pinned) for event in told), "there is no link that could be told"
    titles = [e.settings.title for e in told if isinstance(e, v1.Created | v1.Started | v1.SettingsChanged)]
    assert titles == ["[removed]"] * 3
    assert [event.words for event in told if isinstance(event, v1.WordsChanged)] == [()]
    assert [event.message for event in told if isinstance(event, v1.SpeakRequested)] == [""]
    assert [event.explanation for event in told if isinstance(event, v1.RemovalRecorded)] == [""]


ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "cancel", "accept", "decline", "mute", "unmute", "leave", "remove"]),
        st.integers(0, len(PEOPLE) - 1),
        st.integers(0, len(PEOPLE) - 1),
    ),
    max_size=120,
)


def _decide(space: Space, order: str, actor: Person, target: Person) -> Sequence[Fact]:
    match order:
        case "ask":
            return space.request_to_speak(target, "", consent_to_recording=True, followed_by_host=False, limits=LIMITS)
        case "cancel":
            return space.cancel_request(target.id)
        case "accept":
            return space.accept_request(actor.id, target.id, limits=LIMITS)
        case "decline":
            return space.decline_request(actor.id, target.id)
        case "mute":
            return space.mute(actor.id, target.id)
        case "unmute":
            return space.unmute(target.id, target.id)
        case "leave":
            return space.leave_stage(target.id, target.id)
        case _:
            return space.remove(actor.id, target.id, "")


@settings(max_examples=150, deadline=None)
@given(ORDERS)
def test_whatever_is_ordered_the_rules_hold_and_followers_see_what_the_query_shows(
    orders: list[tuple[str, int, int]],
) -> None:
    space = Space(SPACE)
    history: list[Notification] = []

    def take(facts: Sequence[Fact]) -> None:
        for fact in facts:
            notification = _notification(len(history) + 1, space.version + 1, fact)
            space.version += 1
            space.apply(fact, notification.record)
            history.append(notification)

    take(space.create(HOST, Settings(title="x", who_can_speak="invited"), scheduled_start=None, now=NOW, limits=LIMITS))
    for order, by, target in orders:
        # Most orders come from the host, so that they are not all refused.
        actor = PEOPLE[by] if by > 12 else HOST
        before = wire_space(space, called, UnopenedWords(), all=True)
        try:
            facts = _decide(space, order, actor, PEOPLE[target])
        except Refusal:
            assert wire_space(space, called, UnopenedWords(), all=True) == before
            continue
        take(facts)
        assert len(space.stage) <= 13
        assert [m.role for m in space.stage.values()].count("host") == 1
        assert not set(space.removed) & (set(space.stage) | set(space.requests))
        assert not set(space.stage) & set(space.requests)
        asked = [r.requested_at for r in space.requests.values()]
        assert asked == sorted(asked)

    rebuilt = Space(SPACE)
    for notification in history:
        rebuilt.version = notification.version
        rebuilt.apply(notification.fact, notification.record)
    live = wire_space(space, called, UnopenedWords(), all=True)
    assert wire_space(rebuilt, called, UnopenedWords(), all=True) == live

    followed: v1.Space | None = None
    events: list[Event] = [event_of(event) for notification in history for event in translate(notification, plainly)]
    for event in events:
        assert isinstance(event, v1.SpaceEvent)
        if followed is None:
            first = Space(SPACE)
            first.version = 1
            first.apply(history[0].fact, history[0].record)
            followed = wire_space(first, called, UnopenedWords(), all=True)
        followed = follow(followed, event)
    assert followed is not None
    assert with_names(followed, lambda person: called(person.id).ref) == live


def test_the_queue_is_shown_to_hosts_and_to_each_their_own_request() -> None:
    space = Space(SPACE)
    ann, bob = PEOPLE[1], PEOPLE[2]
    orders: list[Callable[[], Sequence[Fact]]] = [
        lambda: space.create(HOST, Settings(title="x"), scheduled_start=None, now=NOW, limits=LIMITS),
        lambda: _decide(space, "ask", ann, ann),
        lambda: _decide(space, "ask", bob, bob),
        lambda: _decide(space, "remove", HOST, PEOPLE[3]),
    ]
    for order in orders:
        for fact in order():
            space.version += 1
            space.apply(fact, Record(fact=fact, at=NOW))
    assert [r.person.id for r in wire_space(space, called, UnopenedWords(), HOST.id).requests] == [ann.id, bob.id]
    assert [r.person.id for r in wire_space(space, called, UnopenedWords(), bob.id).requests] == [bob.id]
    assert wire_space(space, called, UnopenedWords(), None).requests == ()
    assert wire_space(space, called, UnopenedWords(), HOST.id).removed == (PEOPLE[3].id,)
    assert wire_space(space, called, UnopenedWords(), bob.id).removed == ()


def test_a_start_that_was_stored_with_an_offset_is_told_in_utc() -> None:
    start = datetime(2026, 12, 1, 19, 0, 16, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    fact = Created(host=HOST, settings=Settings(title="Abroad"), scheduled_start=start)
    stored = _notification(1, 1, fact)
    (event,) = map(event_of, translate(stored, plainly))
    assert '"scheduled_start":"2026-12-01T13:15:16Z"' in event.model_dump_json()
    space = Space(SPACE)
    space.version = 1
    space.apply(fact, stored.record)
    assert b'"scheduled_start":"2026-12-01T13:15:16Z"' in space_json(space, called, UnopenedWords(), None)
