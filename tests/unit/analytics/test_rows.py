"""From events to rows."""

from __future__ import annotations

from typing import Any

from contracts import catalogue
from contracts.envelope import Event
from contracts.presence import v1 as presence
from contracts.room import v1 as room
from contracts.tipping import v1 as tipping
from services.analytics import projection
from tests.support.events import Stream, at, person, space, started

ANN, BOB = person("ann"), person("bob")
TEA = space("tea")


def row(event: Event) -> dict[str, object]:
    (received,) = Stream(7).receive(event)
    return dict(zip(projection.COLUMNS, projection.row_of(received, "epoch"), strict=True))


def test_every_row_says_what_and_where_and_when() -> None:
    told = row(started(TEA, ANN, seconds=3))
    assert told["event_id"] == "room:7"
    assert (told["context"], told["name"], told["space_id"], told["at"]) == ("room", "started", TEA, at(3))
    assert (told["sequence"], told["epoch"], told["person_id"]) == (7, "epoch", ANN.id)


def test_a_tip_names_both_and_the_amount_but_not_the_note() -> None:
    offered = tipping.TipOffered(
        person_id=ANN.id, version=1, at=at(0), tip_id=BOB.id, space_id=TEA, payer=BOB,
        provider="paypal", amount_minor=500, currency="EUR", note="a secret",
    )  # fmt: skip
    told = row(offered)
    assert (told["person_id"], told["other_id"], told["amount_minor"], told["currency"]) == (BOB.id, ANN.id, 500, "EUR")
    assert "a secret" not in told.values()


def test_an_anonymous_listener_has_no_person() -> None:
    told = row(presence.Joined(space_id=TEA, at=at(0), session_id=BOB.id, source="feed"))
    assert (told["person_id"], told["session_id"], told["source"], told["role"]) == ("", BOB.id, "feed", "listener")


def test_who_is_out_and_only_listened_is_not_named() -> None:
    for listened, named in ((True, ""), (False, ANN.id)):
        for kind in (room.Removed, room.Readmitted):
            event = kind(space_id=TEA, version=3, at=at(1), person_id=ANN.id, listened=listened)
            assert row(event).get("person_id", "") == named


def test_every_event_type_of_the_contexts_read_has_a_row() -> None:
    wanted = {filter.split(".")[1] for filter in projection.FILTERS}
    stream = Stream()
    for (context, name), cls in sorted(catalogue.event_types().items()):
        if context not in wanted:
            continue
        event = cls.model_construct(at=at(0), **_least(cls))
        (received,) = stream.receive(event)
        cells = projection.row_of(received, "epoch")
        assert len(cells) == len(projection.COLUMNS), name
        assert None not in cells, f"{context}.{name}"


def _least(cls: type[Event]) -> dict[str, Any]:
    """Something for each field that has no default."""
    known: dict[str, object] = {
        "counts": {},
        "person_ids": (),
        "host": ANN,
        "person": ANN,
        "payer": ANN if cls is tipping.TipOffered else ANN.id,
        "seconds": 1.0,
        "lapsed": False,
        "window_ms": 250,
        "setup_ms": 1.0,
        "fraction_lost": 0.0,
        "jitter_ms": 0.0,
        "listeners": 1,
        "reporting": 1,
    }
    return {
        name: known.get(name, ANN.id)
        for name, field in cls.model_fields.items()
        if name != "at" and field.is_required()
    }


def test_the_token_tells_batches_and_streams_apart() -> None:
    batch = Stream(5).receive(*(started(TEA, ANN) for _ in range(4)))
    assert projection.token("e", batch) == "EVENTS@e:5-8/4"
    tokens = {projection.token("e", batch), projection.token("f", batch), projection.token("e", batch[:3])}
    assert len(tokens) == 3
