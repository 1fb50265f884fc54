"""The web page has the names and types of the contracts as they are today."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts import catalogue, page
from contracts.envelope import Audience


def test_what_the_page_knows_is_up_to_date() -> None:
    assert list(page.stale()) == []


def test_the_page_knows_every_event_that_people_are_told() -> None:
    names = page.render()["events.js"]
    not_people = {Audience.OPERATORS, Audience.SERVERS}
    for (context, name), event in catalogue.event_types().items():
        assert (f'"{context}.{name}"' in names) is bool(event.audience - not_people)
    assert '"people.reminder_due"' in names
    assert '"recording.replay_deleted"' in names
    assert '"media.node_lost"' in names


def test_a_forgotten_event_a_missing_file_and_one_too_many_are_reported_and_mended(tmp_path: Path) -> None:
    page.write(tmp_path)
    assert list(page.stale(tmp_path)) == []
    names = tmp_path / "events.js"
    names.write_text(names.read_text().replace('  "room.muted",\n', ""))
    (tmp_path / "api.d.ts").unlink()
    (tmp_path / "words.js").write_text("export {};")
    assert [problem.partition(" ")[0] for problem in page.stale(tmp_path)] == ["api.d.ts", "events.js", "words.js"]
    page.write(tmp_path)
    assert list(page.stale(tmp_path)) == []


def test_an_answer_has_every_field_and_a_request_may_leave_out_what_has_a_default() -> None:
    types = page.render()["api.d.ts"]
    assert "  scheduled_start: string | null;" in _declared(types, "SpaceView")
    assert "  scheduled_start?: string | null;" in _declared(types, "NewSpace")
    assert "  title: string;" in _declared(types, "NewSpace")


def test_a_value_that_has_no_type_on_the_page_is_refused() -> None:
    document = {
        "paths": {"/v1/odd": {"get": {"responses": {"200": {"$ref": "#/components/schemas/Odd"}}}}},
        "components": {"schemas": {"Odd": {"properties": {"what": {"type": "object"}}}}},
    }
    with pytest.raises(ValueError, match="no type"):
        page.api(document)


def _declared(types: str, name: str) -> str:
    return types.partition(f"export interface {name} {{")[2].partition("}")[0]
