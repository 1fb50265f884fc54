"""Services of two versions run beside each other: what the newer one adds, the older one takes, keeps and passes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import ValidationError, create_model
from starlette.requests import Request

from contracts import check, generate
from contracts.check import ROOT
from contracts.commands import Request as Asked
from contracts.discovery.v1 import LookupQuery, SpacesFound
from contracts.envelope import Event, Model, decode
from contracts.growing import GROWS, Growing, Unknown, read
from contracts.people import hosting
from contracts.people.v1 import HostingPolicy, HostingReason
from contracts.room.v1 import CreateSpace, Ended, Muted, Settings, SettingsChanged, WhoCanJoin
from libs.bus import Received
from libs.names import PeopleNames
from libs.readmodel import ReadModel
from services.analytics.projection import COLUMNS, row_of
from services.discovery.projection.directory import SpaceDirectory
from services.gateway.http.x_spaces.fields import Fields
from services.people.projection.spaces import KnownSpaces
from services.room.projection.people import People
from services.tipping.projection import Stages as TippingStages
from services.transcription.projection.stages import Stages as CaptionStages
from tests.support.events import Stream, at, created, person, space, started

TOMORROW = "of_tomorrow"


def _golden(model: type[Model]) -> Iterator[dict[str, Any]]:
    folder = ROOT / check.EXAMPLES / Path(generate.schema_path(model)).relative_to("schemas").with_suffix("")
    for path in sorted(folder.glob("*.json")):
        yield json.loads(path.read_text())


def _of_tomorrow(value: Any, schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """The value with one of tomorrow in place of each that comes from a set."""
    schema = definitions.get(str(schema.get("$ref", "")).removeprefix("#/$defs/"), schema)
    if "enum" in schema:
        return TOMORROW
    for one in schema.get("anyOf", ()):
        if value is not None and (changed := _of_tomorrow(value, one, definitions)) != value:
            return changed
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        return {k: _of_tomorrow(v, fields.get(k, {}), definitions) for k, v in value.items()}
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_of_tomorrow(one, schema["items"], definitions) for one in value]
    return value


def _newer(model: type[Model]) -> Iterator[dict[str, Any]]:
    """The examples of a model, whole, as a newer sender writes them."""
    schema = model.model_json_schema(mode="validation")
    for golden in _golden(model):
        whole = model.model_validate(golden).model_dump(mode="json")
        yield _of_tomorrow(whole, schema, schema.get("$defs", {})) | {"a_new_field": 1}


TOLD = [model for model in generate.models() if not issubclass(model, Asked)]


@pytest.mark.parametrize("model", TOLD, ids=lambda m: m.__name__)
def test_what_is_told_is_read_with_values_of_tomorrow_and_written_as_it_was(model: type[Model]) -> None:
    for newer in _newer(model):
        told = read(model.model_validate_json, json.dumps(newer))
        for again in (told, model.model_validate(told.model_dump())):  # also after it was put together anew
            wire = again.model_dump(mode="json")
            assert wire == {name: value for name, value in newer.items() if name != "a_new_field"}


def test_an_unknown_value_is_marked_and_is_none_of_the_known_ones() -> None:
    (newer,) = _newer(SettingsChanged)
    event = decode(f"rostrum.room.v1.{newer['space_id']}.settings_changed", json.dumps(newer).encode())
    assert isinstance(event, SettingsChanged)
    who = event.settings.who_can_join
    assert isinstance(who, WhoCanJoin)
    assert who == TOMORROW
    assert not who.known
    assert all(one.known and one != who for one in WhoCanJoin)
    (newer,) = _newer(Ended)
    ended = decode(f"rostrum.room.v1.{newer['space_id']}.ended", json.dumps(newer).encode())
    assert isinstance(ended, Ended)
    assert isinstance(ended.reason, Unknown)


def test_what_is_asked_for_is_refused_where_a_value_is_not_known() -> None:
    newer = next(_newer(CreateSpace))
    with pytest.raises(ValidationError, match="who_can_join"):
        CreateSpace.model_validate_json(json.dumps(newer))


def test_anything_else_that_is_wrong_is_still_refused() -> None:
    (golden,) = _golden(Muted)
    for broken in (golden | {"person_id": "nobody"}, golden | {"version": "seven"}, {}):
        with pytest.raises(ValidationError):
            decode(f"rostrum.room.v1.{golden['space_id']}.muted", json.dumps(broken).encode())
    with pytest.raises(ValueError, match=TOMORROW):
        WhoCanJoin(TOMORROW)


class _Closed(StrEnum):
    RED = "red"
    BLUE = "blue"


class _Open(Growing):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize("closed", [_Closed, Literal["red", "blue"], tuple[_Closed, ...], dict[str, _Closed | None]])
def test_a_set_of_values_that_readers_hold_to_is_refused_in_what_is_told(closed: Any) -> None:
    told = create_model("Muted", __base__=Muted, __module__=Muted.__module__, colour=(closed, ...))
    asked = create_model("CreateSpace", __base__=CreateSpace, __module__=CreateSpace.__module__, colour=(closed, ...))
    assert ["colour is" in problem for problem in check.closed([told])] == [True]
    assert list(check.closed([asked])) == []


@pytest.mark.parametrize("grows", [_Open, Annotated[Literal["red", "blue"], GROWS], tuple[_Open | None, ...]])
def test_a_set_of_values_that_grows_is_no_problem(grows: Any) -> None:
    told = create_model("Muted", __base__=Muted, __module__=Muted.__module__, colour=(grows, ...))
    assert list(check.closed([told])) == []


def test_no_set_of_values_that_is_told_is_closed() -> None:
    assert list(check.closed()) == []


# -- who reads it -----------------------------------------------------------------------------------------------------


def _history() -> Iterator[Event]:
    """Every event there is, first as it is today and then with values of tomorrow."""
    events = [model for model in TOLD if issubclass(model, Event) and not model.passing]
    version = 0
    for make in (_golden, _newer):
        for model in sorted(events, key=lambda m: (m.name != "created", m.name != "started", m.context, m.name)):
            for example in make(model):
                version += 1
                body = example | ({"version": version} if "version" in example else {})
                yield read(model.model_validate_json, json.dumps(body))


def _received() -> list[Received]:
    at = datetime(2026, 11, 20, 10, tzinfo=UTC)
    return [
        Received(event, number, at, {"ce-id": str(number), "ce-source": f"/rostrum/{event.context}"})
        for number, event in enumerate(_history(), 1)
    ]


def _known_spaces(path: Path) -> KnownSpaces:
    return KnownSpaces(path, lambda box: None)


@pytest.mark.parametrize("model", [SpaceDirectory, _known_spaces, People, TippingStages, CaptionStages, PeopleNames])
async def test_every_read_model_takes_every_event_with_values_of_tomorrow(
    model: Callable[[Path], ReadModel], tmp_path: Path
) -> None:
    history = _received()
    async with model(tmp_path / "model.db") as filled:
        for one in history:
            filled.take([one], "epoch")
        assert filled.sequence == len(history)


def test_analytics_has_a_row_of_every_event_with_values_of_tomorrow() -> None:
    rows = [dict(zip(COLUMNS, row_of(one, "epoch"), strict=True)) for one in _received()]
    assert {TOMORROW} <= {row["reason"] for row in rows} & {row["role"] for row in rows}


async def test_a_space_that_people_of_tomorrow_may_join_is_kept_from_strangers_and_found_again(tmp_path: Path) -> None:
    host, stranger, here = person("host"), person("stranger"), space("one")
    stream = Stream()
    open_to_all = Settings(title="Tea")
    newer = json.dumps(open_to_all.model_dump(mode="json") | {"who_can_join": TOMORROW})
    closed = read(Settings.model_validate_json, newer)
    async with SpaceDirectory(tmp_path / "discovery.db") as directory:
        directory.take(stream.receive(created(here, host), started(here, host)), "epoch")
        query = LookupQuery(actor=stranger.id, space_ids=(here,))
        assert [one.id for one in directory.lookup(query)] == [here]
        directory.take(stream.receive(SettingsChanged(space_id=here, version=3, at=at(3), settings=closed)), "epoch")
        assert directory.lookup(query) == ()
        (seen,) = directory.lookup(query.model_copy(update={"actor": host.id}))
        assert seen.id == here
    async with SpaceDirectory(tmp_path / "discovery.db") as directory:  # what it stored is read again
        (seen,) = directory.lookup(query.model_copy(update={"actor": host.id}))
        again = SettingsChanged(space_id=here, version=4, at=at(4), settings=open_to_all)
        directory.take(stream.receive(again), "epoch")
        assert [one.id for one in directory.lookup(query)] == [here]


def test_nobody_hosts_by_a_rule_of_tomorrow() -> None:
    policy = read(HostingPolicy.model_validate_json, json.dumps({"rule": {"who": TOMORROW}}))
    assert hosting.may_host(policy, hosting.Facts("somebody", listed=True)) is HostingReason.NOBODY


def test_a_space_in_a_state_of_tomorrow_is_over_for_clients_of_x() -> None:
    (newer,) = _newer(SpacesFound)
    (found,) = read(SpacesFound.model_validate_json, json.dumps(newer)).spaces
    assert found.state == TOMORROW
    assert Fields(Request({"type": "http", "query_string": b""})).space(found).state == "ended"
