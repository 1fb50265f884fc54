"""Times are given with an offset and told in UTC."""

from __future__ import annotations

import json
import typing
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from contracts import catalogue, times
from contracts.commands import Command, Query
from contracts.room import v1 as room

GIVEN: TypeAdapter[datetime] = TypeAdapter(times.GivenMoment)
TOLD: TypeAdapter[datetime] = TypeAdapter(times.Moment)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-12-01T19:00:16+05:45", "2026-12-01T13:15:16Z"),
        ("2026-12-01T00:30:00+14:00", "2026-11-30T10:30:00Z"),
        ("2026-12-31T23:30:00-09:30", "2027-01-01T09:00:00Z"),
        ("2026-12-01T13:15:16.25Z", "2026-12-01T13:15:16.250000Z"),
        ("2026-12-01t13:15:16z", "2026-12-01T13:15:16Z"),
        ("2026-12-01T13:15:16-00:00", "2026-12-01T13:15:16Z"),
        ("2026-12-01T13:15+00:00", "2026-12-01T13:15:00Z"),
    ],
)
def test_a_time_with_an_offset_is_written_in_utc(text: str, utc: str) -> None:
    for kind in (GIVEN, TOLD):
        for read in (kind.validate_json(json.dumps(text)), kind.validate_python(text)):
            assert kind.dump_json(read) == f'"{utc}"'.encode()


@given(st.integers(0, 4_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_the_moment_stays_the_same(at: int, minutes: int) -> None:
    meant = datetime.fromtimestamp(at, timezone(timedelta(minutes=minutes)))
    read = GIVEN.validate_python(meant.isoformat())
    assert (read, read.utcoffset()) == (meant, timedelta(0))


@pytest.mark.parametrize(
    "wrong",
    [
        1796152516, 1796152516.5, "1796152516", "1796152516000", True, None, [], "2026-12-01T19:00:16", "2026-12-01",
        "20261201T190016Z", "now", "", "2026-12-01T19:00:16 Z", "2026-12-01T19:00:16+05:45 ", "٢٠٢٦-12-01T19:00:16Z",
        "2026-13-01T19:00:16Z", "0001-01-01T00:00:00+05:45", "9999-12-31T23:59:59-05:45",
    ],
)  # fmt: skip
def test_what_is_no_time_with_an_offset_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        GIVEN.validate_json(json.dumps(wrong))
    with pytest.raises(ValidationError):
        GIVEN.validate_python(wrong)


def test_a_local_time_of_no_known_place_is_refused() -> None:
    with pytest.raises(ValidationError):
        GIVEN.validate_python(datetime.now(UTC).replace(tzinfo=None))


def test_every_time_in_a_contract_is_one_of_both_and_those_of_requests_are_given() -> None:
    wrong = []
    for model in [*catalogue.event_types().values(), *catalogue.request_types().values()]:
        request = issubclass(model, Command | Query)
        for name, field in model.model_fields.items():
            if datetime not in (field.annotation, *typing.get_args(field.annotation)):
                continue
            text = repr(field)
            if "in_utc" not in text or (request and "_as_text" not in text):
                wrong.append(f"{model.__name__}.{name}")
    assert wrong == []
    assert AwareDatetime is not times.Moment


def test_an_event_published_with_an_offset_is_read_in_utc() -> None:
    written = {
        "space_id": "01jzzzzzzzzzzzzzzzzzzzzzzz", "version": 2, "at": "2026-12-01T19:00:16+05:45",
        "scheduled_start": 1796152516,
    }  # fmt: skip
    read = room.Rescheduled.model_validate_json(json.dumps(written))
    assert read.model_dump_json().count('"2026-12-01T13:15:16Z"') == 1
    assert read.scheduled_start == datetime.fromtimestamp(1796152516, UTC)
