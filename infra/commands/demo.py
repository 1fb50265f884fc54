"""`rostrum demo`: one Space from creation to replay, checked."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from infra.commands.common import fail
from infra.commands.up import say
from infra.launcher import LauncherError, System

EXAMPLES = """\
examples:
  rostrum demo                                         the carried speech, five listeners
  rostrum demo --listeners 20 --out /tmp/demo
  rostrum demo --speaker Ada=ada.wav --speaker Bo=bo.mp3 --mute Bo

The first speaker hosts. A text file beside a speech file (ada.txt) tells what is said, for the word error. With
speakers of your own nobody is muted, but those named by --mute, and they speak one after the other. In DIR afterwards:
replay.m4a, tracks/, transcript.txt, .vtt, .srt and .json, events.jsonl, sent.json, summary.json and logs/. Exit code 0
when everything was as it should be; else 1, and the first thing that was wrong on standard error.
"""


_CROWD = {
    "ROSTRUM_GATEWAY_SIGN_UPS_PER_MINUTE": "1000",
    "ROSTRUM_GATEWAY_ANONYMOUS_SESSIONS_BURST": "1000",
    "ROSTRUM_GATEWAY_STREAMS_PER_ADDRESS": "1000",
    "ROSTRUM_GATEWAY_CONNECTIONS_PER_ADDRESS": "5000",
    "ROSTRUM_MEDIA_ANONYMOUS_PER_ADDRESS": "1000",
}
"""Everybody in the demo comes from this machine."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `demo`."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--speaker", action="append", default=[], metavar="NAME=FILE", help="who says what (repeatable)"
    )
    parser.add_argument("--mute", action="append", default=[], metavar="NAME", help="muted in the middle")
    parser.add_argument("--listeners", type=_count, default=5, metavar="N", help="how many listen (default: 5)")
    parser.add_argument("--out", type=Path, default=Path("var/demo"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print summary.json instead of the page")


def _count(text: str) -> int:
    if not text.isdigit() or not 0 <= int(text) <= 200:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 200")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """0 when all was well."""
    from infra.demo import cast
    from infra.demo.client import RefusedError
    from infra.demo.voice import UnreadableAudioError

    try:
        if options.mute and not options.speaker:
            raise cast.CastError("--mute goes with --speaker")
        parts = cast.given(options.speaker, options.mute) if options.speaker else cast.carried()
        if len(parts) > 13:
            raise cast.CastError(f"a stage has 13 places, not {len(parts)}")
        options.out.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_run(options, parts))
    except* (cast.CastError, UnreadableAudioError) as group:
        fail(str(_first(group)), 2)
    except* (LauncherError, RefusedError, TimeoutError, OSError) as group:
        fail(str(_first(group)))


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _run(options: argparse.Namespace, parts: list[Any]) -> int:
    from infra.demo import cast
    from infra.demo import summary as summaries
    from infra.demo.story import play

    out: Path = options.out.resolve()
    _clear(out)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".system-", dir=out) as folder:
        say(f"starting NATS and every service ({sum(part.seconds for part in parts):.0f} s of speech to come)")
        try:
            async with System(Path(folder), gateway_port=0, settings=_CROWD, say=say) as system:
                say(f"ready after {time.monotonic() - began:.1f} s")
                carried = not options.speaker
                told = await play(
                    system.url,
                    parts,
                    title=cast.TITLE if carried else cast.title_of(parts),
                    listeners=options.listeners,
                    overlap=carried,
                    out=out,
                    say=say,
                )
                services = [await _service(system, name) for name in system.services]
                engine = await _engine(system)
                rebuilt = await asyncio.to_thread(_rebuild, Path(folder), told.space_id, told.space["version"])
        finally:
            shutil.copytree(Path(folder) / "logs", out / "logs", dirs_exist_ok=True)
        summary = summaries.summarise(
            told, rebuilt=_same(rebuilt, told.space), engine=engine, services=services, out=out
        )
        _write(out / "sent.json", summaries.timeline(told))
        _write(out / "summary.json", summary)
    sys.stdout.write((json.dumps(summary, indent=1) if options.json else summaries.page(summary, out)) + "\n")
    for problem in summaries.wrong(told, summary):
        fail(problem)
    return 0


async def _service(system: System, name: str) -> dict[str, Any]:
    try:
        await system.ready(name, timeout=2)
    except (LauncherError, TimeoutError):
        ready = False
    else:
        ready = True
    return {"name": name, "ready": ready, "restarts": system.restarts(name)}


async def _engine(system: System) -> str:
    """The speech engine that transcription chose at its start."""
    import httpx

    async with httpx.AsyncClient() as http:
        readiness = (await http.get(f"{system.info('transcription')['health']}/readyz")).json()
    return str(readiness["uses"]["engine"])


def _clear(out: Path) -> None:
    """Removes what an earlier demo left here, and nothing else."""
    from infra.demo.story import TRANSCRIPTS

    for name in ("replay.m4a", *TRANSCRIPTS, "events.jsonl", "summary.json", "sent.json"):
        (out / name).unlink(missing_ok=True)
    for name in ("tracks", "logs"):
        shutil.rmtree(out / name, ignore_errors=True)


def _rebuild(var: Path, space_id: str, version: int) -> dict[str, Any]:
    """The Space from its stored events alone, in a fresh process."""
    command = [
        sys.executable,
        "-m",
        "infra.cli",
        "inspect",
        space_id,
        "--at",
        str(version),
        "--json",
        "--var",
        str(var),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if finished.returncode != 0:
        raise OSError(f"the Space could not be rebuilt: {finished.stderr.strip() or finished.returncode}")
    rebuilt: dict[str, Any] = json.loads(finished.stdout)
    return rebuilt


def _same(rebuilt: dict[str, Any], live: dict[str, Any]) -> bool:
    """Field by field, but for words, which are sealed and which `inspect` has no keys for; what the gateway adds from
    presence is not part of the Space."""
    live = {
        **live,
        "settings": {**live["settings"], "title": rebuilt["settings"]["title"]},
        "requests": [{**request, "message": ""} for request in live["requests"]],
        "pins": rebuilt["pins"],
        "words": rebuilt["words"],
    }
    differing = [field for field in rebuilt if live.get(field, ...) != rebuilt[field]]
    for field in differing:
        say(f"rebuilt differs in {field}: {rebuilt[field]!r}, live {live.get(field)!r}")
    return not differing and rebuilt["version"] == live["version"]


def _write(path: Path, content: Any) -> None:
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    part.rename(path)
