"""`rostrum export`: a copy of everything that there is about a person."""

from __future__ import annotations

import argparse
import json
import os
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from infra.commands.common import add_var, fail, own_tokens
from infra.commands.connection import find_person, with_bus
from libs.identity import COMMAND_LINE, IdentityError
from libs.private_files import write_privately

_TOKEN: Final = timedelta(minutes=5)
_SILENCE: Final = 120.0
"""Seconds without a byte."""
EXAMPLES: Final = """\
examples:
  rostrum export @ada                      writes rostrum-export-ada-2026-01-02.zip
  rostrum export 01jd0... --out ada.zip --json

The archive has a JSON file for each subject and the person's tracks of replays. Only its owner may read it. The log
says that it was made. The exit code is 0 when it is complete; otherwise no file is left.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `export`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("person", metavar="PERSON", help="a person's id, or @handle")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it; no file may be there")
    parser.add_argument("--json", action="store_true", help="what was written, as JSON")


def run(options: argparse.Namespace) -> int:
    """Write the archive; 0 when it is complete."""
    person = with_bus(options, lambda bus: find_person(bus, options.person))
    today = datetime.now(UTC).date()
    out: Path = options.out or Path(f"rostrum-export-{person.handle}-{today}.zip")
    if out.exists():
        fail(f"{out} is there already", 2)
    url, token = _gateway(options.var), _token(options.var)
    part = out.with_name(out.name + ".part")
    try:
        _fetch(f"{url}/v1/ops/people/{person.id}/export", token, part)
        with zipfile.ZipFile(part) as archive:
            names = archive.namelist()
        part.rename(out)
    except (OSError, zipfile.BadZipFile) as error:
        fail(f"{out} cannot be written: {error}")
    finally:
        part.unlink(missing_ok=True)
    size = out.stat().st_size
    if options.json:
        print(json.dumps({"person_id": person.id, "file": str(out), "bytes": size, "entries": names}))
    else:
        print(f"{out}: everything about {person.name} (@{person.handle}, {person.id}), {size} bytes")
    return 0


def _gateway(var: Path) -> str:
    try:
        url = json.loads((var / "run" / "system.json").read_text())["url"]
    except FileNotFoundError:
        fail(f"nothing runs on {var}: start it first (rostrum up)")
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail(f"{var} cannot be read: {error}")
    return str(url) if url else fail("the gateway of this system runs elsewhere")


def _token(var: Path) -> str:
    try:
        return own_tokens(var).mint(COMMAND_LINE, operator=True, lifetime=_TOKEN)
    except (IdentityError, OSError) as error:
        fail(str(error))


def _fetch(url: str, token: str, path: Path) -> None:
    import httpx

    write_privately()
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.stream("GET", url, headers=headers, timeout=_SILENCE, trust_env=False) as answer:
            if answer.status_code != 200:
                answer.read()
                fail(_detail(answer.text) or f"the gateway answers {answer.status_code}")
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
    except httpx.HTTPError as error:
        fail(f"the archive did not come whole: {error}")


def _detail(text: str) -> str:
    try:
        return str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        return ""
