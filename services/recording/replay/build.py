"""Build a replay from a Space's spool: one Ogg Opus file per speaker, and the mix, each sealed.

`build` starts a process of its own, because decoding and encoding take cores and minutes, and so that the service does
not import numpy and PyAV. The child ends with its parent, which holds the other end of a pipe. Job and answer are JSON
on standard input and output; the job has the keys, of these units alone. No file that has a name holds audio that is
not sealed, so that a child that is killed leaves none.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from libs.keyring import UnitKey
from services.recording.adapters import spool, spooled
from services.recording.replay import ogg, timeline
from services.recording.replay.cut import Cut, CutJob, NothingHeardError, cut_here
from services.recording.replay.form import FormJob, MadeForm, form_here
from services.recording.replay.sealed import SealedFile, opened, seal

_NOTHING: Final = 3  # exit codes of the child
_FULL: Final = 4
_NICE: Final = 10


class BuildError(Exception):
    """The replay could not be built; it may be tried again."""


class NothingCapturedError(Exception):
    """There is not one packet to make a replay of."""


_CONFIG: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", hide_input_in_errors=True)
"""Errors end in the log."""


class Recorded(BaseModel):
    """Somebody who is recorded."""

    model_config = _CONFIG

    name: str
    spool: UnitKey
    track: UnitKey


class BuildJob(BaseModel):
    """What to build."""

    model_config = _CONFIG

    kind: Literal["build"] = "build"
    space_id: str
    title: str
    began_ns: int
    """Wall clock of the Space's start, ns since the Unix epoch."""
    people: dict[str, Recorded]
    """By their ids; nobody else is built."""
    mix: UnitKey
    spool: Path
    out: Path
    """An empty folder; gets `replay.m4a.sealed` and `<person>.ogg.sealed`."""


class StoredTrack(BaseModel):
    """A track that was built before."""

    model_config = _CONFIG

    path: Path
    offset: int
    """Samples at 48 kHz after the replay's start."""
    key: UnitKey | None
    """None for a track of earlier versions, which is not sealed."""


class MixJob(BaseModel):
    """What to mix again."""

    model_config = _CONFIG

    kind: Literal["mix"] = "mix"
    tracks: list[StoredTrack]
    mix: UnitKey
    out: Path
    """A folder; gets `replay.m4a.sealed`."""


class BuiltTrack(BaseModel):
    """One speaker's file."""

    person_id: str
    path: Path
    offset: int
    """Samples at 48 kHz after the replay's start."""
    samples: int
    bytes: int
    """Before they were sealed."""
    packets: int
    left_out: int
    """Packets that are no Opus, that came twice, or that the sender sent faster than real time."""


class Mixed(BaseModel):
    """A mix that was made."""

    mix: Path
    samples: int
    bytes: int
    """Before they were sealed."""
    leaders: list[int | None] = []
    """Which track, by its place in the job, was heard most in each window of time; None where nobody was."""
    window: float = 0
    """How long each is, in seconds."""


class Built(Mixed):
    """What was built."""

    began_ns: int
    """Wall clock of the replay's first moment, ns since the Unix epoch."""
    tracks: list[BuiltTrack]


def build_tracks(job: BuildJob) -> tuple[int, list[BuiltTrack]]:
    """Write the track files; (the replay's first moment, ns since the Unix epoch, tracks in order of their start)."""
    people = [person for person in spooled.people(job.spool) if person in job.people]
    firsts = []
    for person in people:
        with spooled.read(job.spool, person, job.people[person].spool.open_bytes) as packets:
            firsts += [min(packets.arrival)] if len(packets) else []
    if not firsts:
        raise NothingCapturedError
    began = min(job.began_ns, *firsts)
    tracks = [track for person in people if (track := _build_track(job, person, began)) is not None]
    return began, sorted(tracks, key=lambda track: (track.offset, track.person_id))


def _build_track(job: BuildJob, person: str, began_ns: int) -> BuiltTrack | None:
    path, recorded = job.out / f"{person}.ogg.sealed", job.people[person]
    with spooled.read(job.spool, person, recorded.spool.open_bytes) as packets, open(path, "wb") as file:
        sealed = SealedFile(file, recorded.track)
        tags = {"ARTIST": recorded.name, "TITLE": job.title}
        serial = zlib.crc32(f"{job.space_id} {person}".encode())
        channels = 2 if packets.stereo else 1
        kept = first = 0
        with ogg.OggOpusWriter(sealed.write, serial=serial, channels=channels, tags=tags) as writer:
            for row, position in timeline.place(packets, began_ns):
                if kept == 0:
                    first = position
                writer.silence(position - first - writer.samples)
                writer.packet(packets.payload(row), packets.samples[row])
                kept += 1
        sealed.finish()
        left_out = packets.malformed + len(packets) - kept
        if not kept:
            return None
        return BuiltTrack(
            person_id=person,
            path=path,
            offset=first,
            samples=max(writer.samples - ogg.PRE_SKIP, 0),
            bytes=sealed.size,
            packets=kept,
            left_out=left_out,
        )


def build_here(job: BuildJob) -> Built:
    """Build in this process. Raises NothingCapturedError, OSError."""
    began, tracks = build_tracks(job)
    if not tracks:
        raise NothingCapturedError
    stored = [
        StoredTrack(path=track.path, offset=track.offset, key=job.people[track.person_id].track) for track in tracks
    ]
    mixed = mix_here(MixJob(tracks=stored, mix=job.mix, out=job.out))
    return Built(began_ns=began, tracks=tracks, **dict(mixed))


def mix_here(job: MixJob) -> Mixed:
    """Mix in this process. Raises OSError."""
    from services.recording.replay import leads, mix  # numpy and PyAV, only where they are used

    parts = [mix.MixPart(partial(_open, track), track.offset) for track in job.tracks]
    leaders = leads.Leaders()
    path = job.out / "replay.m4a.sealed"
    # FFmpeg reads again what it wrote, to put the index first, so that this is a file; it has no name.
    with tempfile.TemporaryFile(dir=job.out) as plain:
        samples = mix.write_m4a(mix.mixed(parts, leaders.hop), Path(f"/proc/self/fd/{plain.fileno()}"))
        size = seal(plain, path, job.mix)
    led = [None if who is None else int(who) for who in leaders.all()]
    return Mixed(mix=path, samples=samples, bytes=size, leaders=led, window=leads.WINDOW)


def _open(track: StoredTrack) -> BinaryIO:
    return track.path.open("rb") if track.key is None else opened(track.path, track.key)


Begun = Callable[[subprocess.Popen[bytes]], None]
"""Is told the process that builds, once it runs."""


async def build(job: BuildJob, begun: Begun) -> Built:
    """Build in a child process. Raises NothingCapturedError, spool.StorageFullError, BuildError.

    Cancelled, it ends the child.
    """
    return Built.model_validate_json(await _in_child(job, begun))


async def mix_again(job: MixJob, begun: Begun) -> Mixed:
    """Mix in a child process, as `build` does."""
    return Mixed.model_validate_json(await _in_child(job, begun))


async def cut(job: CutJob, begun: Begun) -> Cut:
    """Cut a stretch out in a child process, as `build` does."""
    return Cut.model_validate_json(await _in_child(job, begun))


async def form(job: FormJob, begun: Begun) -> MadeForm:
    """Make a form of a mix in a child process, as `build` does."""
    return MadeForm.model_validate_json(await _in_child(job, begun))


async def _in_child(job: BuildJob | MixJob | CutJob | FormJob, begun: Begun) -> bytes:
    # Popen, in a thread, and not the loop's own subprocesses: uvloop forks and runs Python in the fork, which has hung
    # there; Popen executes the child at once.
    threads = ThreadPoolExecutor(1, thread_name_prefix="build")
    process: subprocess.Popen[bytes] | None = None
    open_while_we_live, held = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: ASYNC220  (it does not wait for the child)
            [sys.executable, "-m", __name__, str(open_while_we_live)],
            pass_fds=(open_while_we_live,),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        begun(process)
        loop = asyncio.get_running_loop()
        answer, said = await loop.run_in_executor(threads, process.communicate, job.model_dump_json().encode())
    finally:
        if process is not None and process.returncode is None:
            process.kill()
        os.close(open_while_we_live)
        os.close(held)
        threads.shutdown(wait=False)
    if process.returncode == 0:
        return answer
    complaint = said.decode(errors="replace").strip()
    if process.returncode == _NOTHING:
        raise NothingCapturedError
    if process.returncode == _FULL:
        raise spool.StorageFullError(complaint.splitlines()[-1])
    raise BuildError(f"the build ended with {process.returncode}: {complaint[-1000:]}")


def _end_with_parent(open_while_it_lives: int) -> None:
    os.read(open_while_it_lives, 1)  # nobody writes; it returns when the other end is closed
    os._exit(1)


_JOB: Final[TypeAdapter[BuildJob | MixJob | CutJob | FormJob]] = TypeAdapter(
    Annotated[BuildJob | MixJob | CutJob | FormJob, Field(discriminator="kind")]
)


def _here(job: BuildJob | MixJob | CutJob | FormJob) -> BaseModel:
    match job:
        case BuildJob():
            return build_here(job)
        case MixJob():
            return mix_here(job)
        case CutJob():
            return cut_here(job)
        case FormJob():
            return form_here(job)


def _main() -> int:
    job = _JOB.validate_json(sys.stdin.buffer.read())
    threading.Thread(target=_end_with_parent, args=(int(sys.argv[1]),), daemon=True).start()
    os.nice(_NICE)
    try:
        made = _here(job)
    except (NothingCapturedError, NothingHeardError):
        return _NOTHING
    except OSError as error:
        if error.errno in spool.FULL:
            sys.stderr.write(f"{job.out}: {error.strerror}\n")
            return _FULL
        raise
    sys.stdout.write(made.model_dump_json())
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(_main())
