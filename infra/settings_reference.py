"""Writes `docs/settings.md` from the settings classes: `python -m infra.settings_reference`; `--check` compares."""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from contracts.subjects import SERVICES
from infra.commands.common import DEMO
from infra.doctor.situation import settings_class
from infra.launcher.forks import MEDIA_NODES
from libs.service import ServiceSettings
from libs.service.settings import PREFIX

TARGET: Final = Path(__file__).parent.parent / "docs" / "settings.md"
_HEAD: Final = """\
# Settings

Written from the settings classes by `make contracts`; do not edit.

Settings are environment variables. `ROSTRUM_ROOM_STORE` is a setting of room alone, and `ROSTRUM_STORE` the same
setting of every service that has it; the first wins. A wrong value stops the service with a line that names the
setting, and so does a name that begins with a service's and is unknown. Lists are written as JSON: `["a", "b"]`. A
setting without a default is unset.
"""
_OF_COMMANDS: Final = f"""\
## The `rostrum` command

| setting | default | what it is |
|---|---|---|
| `ROSTRUM_VAR` | `var` | the folder of data, keys and logs |
| `{MEDIA_NODES}` | `1` | media processes that `rostrum up` and `rostrum serve media` start, 1 to 64 |
| `{DEMO}` | `1` | `0`: `rostrum up` starts no Space of speaking bots |

Commands that look after a system whose NATS runs elsewhere take `ROSTRUM_NATS_URL`, `ROSTRUM_NATS_USER`,
`ROSTRUM_NATS_PASSWORD` and `ROSTRUM_NATS_API` too.
"""


def reference() -> str:
    """The whole document. Raises ValueError for a setting that says nothing of itself."""
    parts = [_HEAD, _section("Every service", "", ServiceSettings, ServiceSettings.model_fields)]
    for service in SERVICES:
        settings = settings_class(service)
        own = {name: field for name, field in settings.model_fields.items() if not _inherited(name)}
        if own:
            parts.append(_section(service, f"{service.upper()}_", settings, own))
    return "\n".join([*parts, _OF_COMMANDS])


def _inherited(name: str) -> bool:
    return name in ServiceSettings.model_fields


def _section(title: str, prefix: str, settings: type[ServiceSettings], fields: Mapping[str, FieldInfo]) -> str:
    schema = settings.model_json_schema()["properties"]
    said = dict(_docstrings(settings))
    lines = [f"## {title}", "", "| setting | default | values | what it is |", "|---|---|---|---|"]
    for name, field in fields.items():
        if not said.get(name):
            raise ValueError(f"{settings.__name__}.{name} has no docstring")
        cells = f"`{PREFIX}{prefix}{name.upper()}`", _default(field), _values(schema[name]), said[name]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, ""])


def _docstrings(settings: type[ServiceSettings]) -> Iterator[tuple[str, str]]:
    """The text under each field of a class, by its name."""
    (made,) = ast.parse(inspect.getsource(settings)).body
    assert isinstance(made, ast.ClassDef)
    for field, text in zip(made.body, made.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield name, " ".join(said.split())


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return ""  # of the machine, or too long: the text says
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value in ("", ()):
        return ""
    if isinstance(value, tuple):
        return f"`{json.dumps(value, ensure_ascii=False)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


_KINDS: Final = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "string": "text"}
_FORMATS: Final = {"password": "secret text", "path": "path", "directory-path": "folder"}


def _values(schema: Mapping[str, Any]) -> str:
    """What a setting may be, in words, from its JSON Schema."""
    if "anyOf" in schema:
        return ", or ".join(_values(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return "list"
    kind = _FORMATS.get(schema.get("format", ""), _KINDS[schema["type"]])
    return ", ".join([kind, *_bounds(schema)])


def _bounds(schema: Mapping[str, Any]) -> Iterator[str]:
    least, most = (f"{schema[name]:.15g}" if name in schema else None for name in ("minimum", "maximum"))
    if "exclusiveMinimum" in schema:
        yield f"above {schema['exclusiveMinimum']:.15g}"
    if least and most:
        yield f"{least} to {most}"
    elif least or most:
        yield f"at least {least}" if least else f"at most {most}"


def main() -> int:
    """0 when the committed document is, or now is, up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 where the document is out of date")
    document = reference()
    if not parser.parse_args().check:
        TARGET.write_text(document)
        return 0
    if TARGET.exists() and TARGET.read_text() == document:
        return 0
    sys.stderr.write("docs/settings.md is out of date: run `make contracts`\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
