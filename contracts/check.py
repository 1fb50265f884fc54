"""Refuses a change that would break somebody: `python -m contracts.check`.

Five rules. What is generated is up to date. Every schema of the last release is still readable in both directions by
today's models, with what each role may do: who tells something may add fields, and values to a set, which loses none;
who reads it takes values that it does not know, so every set of values in events and in answers is one that grows
(`contracts.growing`). A text in a request may become longer: only its one service reads it. Every golden example
decodes and loses nothing. An example, once committed, is never edited or removed.
`python -m contracts.check --release` takes today's schemas as the released ones, after the check passed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from contracts import client, generate, page
from contracts.commands import Request
from contracts.envelope import Model
from contracts.growing import GROWS, Growing

ROOT = generate.ROOT
RELEASED = "released"
EXAMPLES = "examples"


def stale(root: Path = ROOT) -> Iterator[str]:
    """Generated files that are missing, out of date, or no longer generated."""
    wanted = generate.render()
    for path, content in sorted(wanted.items()):
        target = root / path
        if not target.exists() or target.read_text() != content:
            yield f"{path} is out of date: run `make contracts`"
    for folder in ("schemas", "asyncapi"):
        for found in sorted((root / folder).rglob("*.json")):
            if str(found.relative_to(root)) not in wanted:
                yield f"{found.relative_to(root)} is no longer generated: run `make contracts`"


def breaking(released: Path = ROOT / RELEASED, models: list[type[Model]] | None = None) -> Iterator[str]:
    """Released schemas that today's models no longer serve."""
    from jsoncompat_py import check_compat

    today = {generate.schema_path(m): m for m in (generate.models() if models is None else models)}
    for old in sorted(released.rglob("*.json")):
        path = f"schemas/{old.relative_to(released)}"
        model = today.get(path)
        if model is None:
            yield f"{path} was released and is gone"
            continue
        before, after = json.loads(old.read_text()), model.model_json_schema(mode="validation")
        grown = _with_grown_enums(before, after, before.get("$defs", {}), after.get("$defs", {}))
        if issubclass(model, Request):
            grown = _with_longer_texts(grown, after)
        if not check_compat(json.dumps(grown), json.dumps(after), "both"):
            yield f"{path} changed in a way that breaks a reader or a writer of the last release"
        yield from (f"{path}: {field} was released and is gone" for field in _lost_fields(before, after))


def closed(models: list[type[Model]] | None = None) -> Iterator[str]:
    """Sets of values in events and answers whose readers refuse what is not in them."""
    for model in generate.models() if models is None else models:
        if not issubclass(model, Request):
            for field, kind in _closed_in(model, frozenset()):
                path = generate.schema_path(model)
                yield f"{path}: {field} is {kind}, whose readers refuse values to come: see contracts/growing.py"


def bad_examples(root: Path = ROOT) -> Iterator[str]:
    """Golden examples that today's models refuse or would lose something of, and models without an example."""
    for model in generate.models():
        folder = root / EXAMPLES / Path(generate.schema_path(model)).relative_to("schemas").with_suffix("")
        examples = sorted(folder.glob("*.json"))
        if not examples:
            yield f"{folder.relative_to(root)} has no example: add 1.json"
        for example in examples:
            golden = json.loads(example.read_text())
            try:
                again = model.model_validate(golden).model_dump(mode="json")
            except ValidationError as error:
                yield f"{example.relative_to(root)} no longer decodes: {error.errors()[0]['msg']}"
                continue
            if not _contains(again, golden):
                yield f"{example.relative_to(root)} loses something when decoded"


def edited_examples(root: Path = ROOT) -> Iterator[str]:
    """Examples that some commit, or the working tree, edited or removed."""
    range_of = ["git", "-C", str(root), "log", "--diff-filter=MDT", "--name-only", "--format=", "--", EXAMPLES]
    working = ["git", "-C", str(root), "diff", "HEAD", "--diff-filter=MDT", "--name-only", "--", EXAMPLES]
    for command in (range_of, working):
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            continue  # not a checkout, or no commit yet: there is no history to hold to
        for path in sorted(set(run.stdout.split())):
            yield f"{path} was edited or removed; examples are only added to"


def release(root: Path = ROOT) -> None:
    """Takes today's schemas as the released ones."""
    shutil.rmtree(root / RELEASED, ignore_errors=True)
    shutil.copytree(root / "schemas", root / RELEASED)


def _with_grown_enums(before: Any, after: Any, old: dict[str, Any], new: dict[str, Any]) -> Any:
    """The released schema, with what is there today in place of each enum that has lost no value.

    `old` and `new` are the `$defs` of both.
    """
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [_with_grown_enums(one, other, old, new) for one, other in zip(before, after, strict=True)]
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before
    values, today = _target(before, old).get("enum"), _target(after, new)
    if values is not None and all(_takes(today, value) for value in values):
        return today
    return {key: _with_grown_enums(value, after.get(key), old, new) for key, value in before.items()}


def _with_longer_texts(before: Any, after: Any) -> Any:
    """The schema, with today's bound in place of each lower one of a text's length."""
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [_with_longer_texts(one, other) for one, other in zip(before, after, strict=True)]
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before
    longer = {key: _with_longer_texts(value, after.get(key)) for key, value in before.items()}
    if before.get("type") == after.get("type") == "string" and "maxLength" in before and "maxLength" in after:
        longer["maxLength"] = max(before["maxLength"], after["maxLength"])
    return longer


def _closed_in(model: type[BaseModel], above: frozenset[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    """Fields of a model, and of those in it, that hold a set of values which does not grow."""
    if model in above:
        return
    for name, field in model.model_fields.items():
        for found in _closed_of(field.annotation, GROWS in field.metadata, above | {model}):
            yield (f"{name}.{found[0]}".removesuffix("."), found[1])


def _closed_of(kind: Any, grows: bool, above: frozenset[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    kind = getattr(kind, "__value__", kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from _closed_in(kind, above)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        if not issubclass(kind, Growing):
            yield "", f"the enum {kind.__name__}"
    elif get_origin(kind) is Literal:
        if not grows and len(get_args(kind)) > 1:
            yield "", "a Literal"
    elif get_origin(kind) is Annotated:
        inner, *metadata = get_args(kind)
        yield from _closed_of(inner, grows or GROWS in metadata, above)
    else:
        for inner in get_args(kind):
            yield from _closed_of(inner, grows, above)


def _target(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    target: dict[str, Any] = definitions.get(str(schema.get("$ref", "")).removeprefix("#/$defs/"), schema)
    return target


def _takes(schema: dict[str, Any], value: Any) -> bool:
    """Whether an enum, or a string that is bounded in length only, takes a value."""
    if "enum" in schema:
        return value in schema["enum"]
    bounds = schema.get("minLength", 0), schema.get("maxLength", sys.maxsize)
    return schema.get("type") == "string" and "pattern" not in schema and bounds[0] <= len(value) <= bounds[1]


def _lost_fields(before: Any, after: Any, at: str = "") -> Iterator[str]:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    gone = set(before.get("properties", {})) - set(after.get("properties", {}))
    yield from (f"{at}{name}" for name in sorted(gone))
    for name, definition in before.get("$defs", {}).items():
        yield from _lost_fields(definition, after.get("$defs", {}).get(name), f"{name}.")


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and _contains(whole[k], v) for k, v in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(_contains, whole, part))
    return bool(whole == part)


def main() -> int:
    """Prints what is wrong, a line each; 1 when anything is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", action="store_true", help="take today's schemas as the released ones")
    arguments = parser.parse_args()
    problems = [*stale(), *page.stale(), *client.stale(), *breaking(), *closed(), *bad_examples(), *edited_examples()]
    for problem in problems:
        sys.stderr.write(f"contracts: {problem}\n")
    if problems:
        return 1
    if arguments.release:
        release()
    sys.stdout.write(f"contracts: {len(generate.models())} models up to date and compatible\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
