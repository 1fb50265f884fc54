"""The documents name only settings, files, make targets, commands, addresses, events and functions that exist.

What stands between backticks is told apart by its looks (`_KINDS`); what looks like none of these is left alone.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import json
import pkgutil
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from itertools import dropwhile
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from contracts import catalogue
from contracts.media.v1 import NodeNewsName
from contracts.subjects import SERVICES
from infra.cli import COMMANDS
from infra.launcher.forks import MEDIA_NODES
from libs.service import ServiceSettings

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = (
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "libs/README.md"),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")),
)
CODE: Final = ("contracts", "libs", "services", "infra", "tests")
VALUES: Final = {"SERVICE": "room"}
"""What stands for a value in a command, where not any will do."""


class Mention(NamedTuple):
    """A piece of code in a document, and the line it begins on."""

    document: str
    line: int
    text: str


def _mentions(document: str) -> Iterator[Mention]:
    """What a document has between backticks, the lines of its fenced blocks, and the settings in those of Python."""
    fence = None
    for number, line in enumerate((ROOT / document).read_text().splitlines(), 1):
        if line.startswith("```"):
            fence = line[3:] if fence is None else None
        elif fence is None:
            yield from (Mention(document, number, text) for text in re.findall(r"`([^`]+)`", line))
        elif not fence:
            yield Mention(document, number, line.partition("#")[0].strip())
        else:
            yield from (Mention(document, number, text) for text in re.findall(r"ROSTRUM_[A-Z_]*[A-Z]\b", line))


MENTIONS: Final = [mention for document in DOCUMENTS for mention in _mentions(document) if mention.text]


# ---- settings ---------------------------------------------------------------------------------------


@cache
def _settings() -> dict[str, type[ServiceSettings]]:
    """The settings class of each service."""
    found = {}
    for service in SERVICES:
        names = vars(importlib.import_module(f"services.{service}.settings")).values()
        (found[service],) = {one for one in names if isinstance(one, type) and one.__dict__.get("service") == service}
    return found


def a_setting(text: str) -> None:
    """`ROSTRUM_PEOPLE_INVITE_ONLY`, or with a value that it may have, as in `ROSTRUM_MEDIA_NODES=3 rostrum up`."""
    for word in shlex.split(text):
        name, given, value = word.partition("=")
        if not name.startswith("ROSTRUM_") or name == MEDIA_NODES:
            continue
        named = [service for service in SERVICES if name.startswith(f"ROSTRUM_{service.upper()}_")]
        field = name.removeprefix(f"ROSTRUM_{named[0].upper()}_" if named else "ROSTRUM_").lower()
        readers = [_settings()[service] for service in named or SERVICES]
        readers = [one for one in readers if field in one.model_fields]
        assert readers, f"{name} is no setting"
        for one in readers if given else ():
            one.read({name: value})


# ---- files ------------------------------------------------------------------------------------------


@cache
def _git(*arguments: str) -> bool:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False).returncode == 0


def a_file(text: str) -> None:
    """A file or folder, whole or its last part; or one that the running system writes, which the code names."""
    path = re.sub(r"<\w+>", "*", text).rstrip("/")
    if any(_git("ls-files", "--error-unmatch", f":(glob){one}") for one in (path, f"**/{path}", f"**/{path}/**")):
        return
    written = [part for part in path.removeprefix("var/").split("/") if "*" not in part]
    assert written, f"{text} does not exist"
    for part in written:
        assert _git("grep", "-qE", rf"[\"/]{re.escape(part)}[\"/]", "--", *CODE), f"{text} does not exist"


# ---- commands ---------------------------------------------------------------------------------------


def make(words: list[str]) -> None:
    """`make bench PARTS=store`: targets and variables of the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        name, is_variable, _ = word.partition("=")
        pattern = rf"\$\({name}\)" if is_variable else rf"^{name}:"
        assert re.search(pattern, makefile, re.MULTILINE), f"make has no {word}"


def rostrum(words: list[str]) -> None:
    """`rostrum dlq list --json`: a subcommand and its arguments. Capitals and a dash stand for a value."""
    name, *rest = words
    assert name in COMMANDS, f"rostrum has no {name}"
    parser = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(f"infra.commands.{name}").configure(parser)
    arguments = [VALUES.get(word, "1") if re.fullmatch("[A-Z]+|…", word) else word for word in rest]
    if arguments != ["--help"]:
        parser.parse_args(arguments)


def python(words: list[str]) -> None:
    """`python -m contracts.check --release`: a module, and options that it knows."""
    spec = importlib.util.find_spec(words[1]) if words[0] == "-m" else None
    assert spec, f"there is no module {words[1]}"
    for option in words[2:]:
        assert f'"{option}"' in Path(str(spec.origin)).read_text(), f"{words[1]} has no {option}"


def a_command(text: str) -> None:
    """One of ours; before it there may be variables of its environment."""
    text = re.sub(r"\$\(.*\)", "ID", text)  # what another command says
    words = list(dropwhile(lambda word: "=" in word, shlex.split(re.sub(r"[][]| &$| > \S+$", "", text))))
    if "|" in words:
        assert set(words[1:]) - {"|"} <= COMMANDS.keys()
    else:
        {"make": make, "rostrum": rostrum, "python": python}[words[0]](words[1:])


# ---- addresses, events, names -----------------------------------------------------------------------


def _plain(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)


@cache
def _operations() -> dict[str, dict[str, set[str]]]:
    """The gateway's addresses, with the names of their parameters by method."""
    paths = json.loads((ROOT / "contracts/openapi/gateway.json").read_text())["paths"]
    return {
        _plain(path): {
            method.upper(): {parameter["name"] for parameter in operation.get("parameters", ())}
            for method, operation in operations.items()
        }
        for path, operations in paths.items()
    }


@cache
def _other_addresses() -> set[str]:
    """Pages, sockets and probes, which OpenAPI does not describe: what the code has in quotes."""
    quoted = ["git", "grep", "-ohE", r'"/[^" ]*"', "--", "services", "libs"]
    found = subprocess.run(quoted, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {_plain(path.strip('"')) for path in found.splitlines()}


def an_address(text: str) -> None:
    """`GET /v1/spaces?q=`; `/whep` stands for what ends in it, `/2/spaces...` for what begins with it."""
    method, _, address = text.rpartition(" ")
    path, _, query = _plain(address).partition("?")
    wanted = {parameter.partition("=")[0] for parameter in query.split("&") if parameter}
    start = path.removesuffix("...")
    described = [
        parameters
        for one, operations in _operations().items()
        if (one.endswith(path) if start == path else one.startswith(start))
        for at, parameters in operations.items()
        if method in ("", at)
    ]
    assert described or path in _other_addresses(), f"nothing answers at {text}"
    assert not wanted or any(wanted <= parameters for parameters in described), f"{path} does not take all of {wanted}"


def an_event(text: str) -> None:
    """`media.node_lost`, as clients see it."""
    names = {f"{context}.{name}" for context, name in catalogue.event_types()} | set(NodeNewsName)
    assert text in names, f"there is no event {text}"


def a_name(text: str) -> None:
    """`contracts.room.v1.Mute`: a module, or something in one."""
    pkgutil.resolve_name(text.partition("(")[0])


_KINDS: Final[list[tuple[str, Callable[[str], None]]]] = [
    (r"(\w+=\S+ )*ROSTRUM_[A-Z_]+\b.*", a_setting),
    (r"(\w+=\S+ )*(make|rostrum|python -m) .*", a_command),
    (r"((GET|POST|PUT|DELETE|PATCH) )?/(?!etc/|opt/|srv/|usr/|var/|backups/)[\w/]+.*", an_address),
    (rf"({'|'.join(CODE)})\.[\w.]+(\(.*\))?", a_name),
    (rf"({'|'.join(sorted({context for context, _ in catalogue.event_types()}))})\.(?!py$)[a-z_]+", an_event),
    (r"[\w.<>-]+/[\w.<>/-]*|\.ci/run|[\w-]+\.(py|md|toml|lock|json|jsonl|m4a|vtt|txt)", a_file),
]


def _checks(text: str) -> list[Callable[[str], None]]:
    return [check for pattern, check in _KINDS if re.fullmatch(pattern, text)]


CHECKED: Final = [(mention, check) for mention in MENTIONS for check in _checks(mention.text)]


@pytest.mark.parametrize(
    ("mention", "check"), CHECKED, ids=[f"{one.document}:{one.line} {one.text}" for one, _ in CHECKED]
)
def test_what_a_document_mentions_exists(mention: Mention, check: Callable[[str], None]) -> None:
    check(mention.text)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files(document: str) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", (ROOT / document).read_text()):
        assert ((ROOT / document).parent / target).exists(), target


def test_every_kind_of_mention_is_found() -> None:
    assert {check for _, check in CHECKED} == {check for _, check in _KINDS}


def test_the_map_of_the_code_names_every_library_service_and_kind_of_test() -> None:
    described = (ROOT / "ARCHITECTURE.md").read_text().partition("## Where things are")[2].partition("```\n\n")[0]
    for folder in ("libs", "services", "tests"):
        packages = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
        assert packages <= set(re.findall(r"\w+", described)), folder


LIBRARIES: Final = re.findall(r"^\| `(libs\.\w+)` \| (.*) \|$", (ROOT / "libs/README.md").read_text(), re.MULTILINE)


def _excerpts(document: str) -> Iterator[tuple[str, list[str]]]:
    """The file that each part of a document's Python names in its first line, and the lines below it but blank ones."""
    for block in re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL):
        for part in re.split(r"^(?=# \S+\.py$)", block, flags=re.MULTILINE):
            first, *lines = [line for line in part.splitlines() if line.strip()] or [""]
            if first:
                yield first.removeprefix("# "), lines


EXCERPTS: Final = [excerpt for document in DOCUMENTS for excerpt in _excerpts(document)]


@pytest.mark.parametrize(("file", "lines"), EXCERPTS, ids=[file for file, _ in EXCERPTS])
def test_an_excerpt_is_what_the_file_says(file: str, lines: list[str]) -> None:
    """Line by line, but for comments that explain it; three dots stand for lines that are left out."""
    left = [line for line in (ROOT / file).read_text().splitlines() if line.strip()]
    skips = True
    for line in lines:
        code = line.partition("  # ")[0]
        if line.strip() == "...":
            skips = True
        elif code in left and (skips or left[0] == code):
            left = left[left.index(code) + 1 :]
            skips = False
        else:
            assert line.strip().startswith("# "), f"{file} does not go on with {line!r}"


def test_every_library_has_a_line() -> None:
    there = {f"libs.{module.name}" for module in pkgutil.iter_modules([str(ROOT / "libs")])}
    assert there <= {library for library, _ in LIBRARIES}


@pytest.mark.parametrize(("library", "described"), LIBRARIES, ids=[name for name, _ in LIBRARIES])
def test_a_library_has_what_its_line_says(library: str, described: str) -> None:
    """A function or class of it, or a method, property or attribute of a class that the line names before."""
    places: list[Any] = [importlib.import_module(library)]
    for name in re.findall(r"`(\w+)(?:\(.*?\))?`", described):
        owner = next((one for one in places if hasattr(one, name) or _sets(one, name)), None)
        assert owner, f"{library} has no {name}"
        if inspect.isclass(getattr(owner, name, None)):
            places.append(getattr(owner, name))


def _sets(place: object, name: str) -> bool:
    """Whether a class, or one of ours that it comes from, gives its objects this attribute."""
    ours = (
        [one for one in inspect.getmro(place) if one.__module__.startswith("libs.")] if inspect.isclass(place) else []
    )
    return any(re.search(rf"self\.{name}\b.* = ", inspect.getsource(one)) for one in ours)
