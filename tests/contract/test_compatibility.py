"""The contract check lets a harmless change through and stops one that would break somebody."""

from __future__ import annotations

import json
import subprocess
from enum import StrEnum
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any

import pytest
from pydantic import StringConstraints, create_model

from contracts import check, generate
from contracts.envelope import Model
from contracts.room.v1 import Mute, Muted


def _released(folder: Path, model: type[Model]) -> Path:
    target = folder / Path(generate.schema_path(model)).relative_to("schemas")
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(model.model_json_schema(mode="validation")))
    return folder


def _changed(**fields: Any) -> type[Model]:
    return create_model("Muted", __base__=Muted, __module__=Muted.__module__, **fields)


def test_everything_generated_is_up_to_date() -> None:
    assert list(check.stale()) == []


def test_every_golden_example_still_decodes() -> None:
    assert list(check.bad_examples()) == []


def test_nothing_released_is_broken() -> None:
    assert (check.ROOT / check.RELEASED).is_dir()
    assert list(check.breaking()) == []


def test_an_added_optional_field_is_compatible(tmp_path: Path) -> None:
    changed = _changed(note=(str, ""))
    assert list(check.breaking(_released(tmp_path, Muted), [changed])) == []


@pytest.mark.parametrize("fields", [{"note": (str, ...)}, {"person_id": (int, ...)}, {"version": (str, ...)}])
def test_a_breaking_change_is_reported(tmp_path: Path, fields: dict[str, Any]) -> None:
    assert list(check.breaking(_released(tmp_path, Muted), [_changed(**fields)]))


class _Two(StrEnum):
    RED = "red"
    BLUE = "blue"


class _Three(StrEnum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


def _coloured(colour: Any) -> type[Model]:
    many, by = GenericAlias(tuple, (colour, ...)), GenericAlias(dict, (colour, int))
    return _changed(one=(colour | None, None), many=(many, ()), by=(by, {}))


@pytest.mark.parametrize("grown", [_Three, Annotated[str, StringConstraints(min_length=1, max_length=40)]])
def test_an_enum_may_gain_values_or_become_open(tmp_path: Path, grown: Any) -> None:
    assert list(check.breaking(_released(tmp_path, _coloured(_Two)), [_coloured(grown)])) == []


@pytest.mark.parametrize("lesser", [_Two, int, Annotated[str, StringConstraints(max_length=3)]])
def test_an_enum_that_loses_a_value_is_reported(tmp_path: Path, lesser: Any) -> None:
    assert list(check.breaking(_released(tmp_path, _coloured(_Three)), [_coloured(lesser)]))


def test_a_text_becomes_longer_in_a_request_and_nowhere_else(tmp_path: Path) -> None:
    def with_note(model: type[Model], most: int) -> type[Model]:
        note = Annotated[str, StringConstraints(max_length=most)]
        return create_model(model.__name__, __base__=model, __module__=model.__module__, note=(note, ""))

    requests, events = (
        _released(tmp_path / "mute", with_note(Mute, 20)),
        _released(tmp_path / "muted", with_note(Muted, 20)),
    )
    assert list(check.breaking(requests, [with_note(Mute, 30)])) == []
    assert list(check.breaking(requests, [with_note(Mute, 10)]))
    assert list(check.breaking(events, [with_note(Muted, 30)]))


def test_a_removed_field_is_reported(tmp_path: Path) -> None:
    before = _changed(note=(str, ""))
    problems = list(check.breaking(_released(tmp_path, before), [Muted]))
    assert any("note was released and is gone" in problem for problem in problems)


def test_a_removed_event_is_reported(tmp_path: Path) -> None:
    assert list(check.breaking(_released(tmp_path, Muted), []))


def test_an_example_that_loses_a_field_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "examples" / "room.v1" / "Muted"
    folder.mkdir(parents=True)
    golden = json.loads((check.ROOT / "examples/room.v1/Muted/1.json").read_text())
    (folder / "1.json").write_text(json.dumps(golden | {"gone": 1}))
    assert any("Muted/1.json loses something" in problem for problem in check.bad_examples(tmp_path))


def test_an_edited_example_is_reported(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    example = tmp_path / "examples" / "1.json"
    example.parent.mkdir()
    example.write_text("{}")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    assert list(check.edited_examples(tmp_path)) == []
    example.write_text('{"a": 1}')
    assert list(check.edited_examples(tmp_path))
    git("commit", "-qam", "two")
    assert list(check.edited_examples(tmp_path))
