"""Build a replay from a Space's spool: one Ogg Opus file per speaker, and the mix.

`build` starts a process of its own, because decoding and encoding take cores and minutes, and so that the service does
not import numpy and PyAV. The child ends with its parent, which holds the other end of a pipe. Job and answer are JSON
on standard input and output.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from services.recording.adapters import spool
from services.recording.replay import ogg, timeline

_NOTHING: Final = 3  # exit codes of the child
_FULL: Final = 4
_NICE: Final = 10


class BuildError(Exception):
    """The replay could not be built; it may be tried again."""


class NothingCapturedError(Exception):
    """There is not one packet to make a replay of."""


class Job(BaseModel):
    """What to build."""

    model_config = ConfigDict(hide_input_in_errors=True)  # which end in the log

    space_id: str
    title: str
    began_ns: int
    """Wall clock of the Space's start, ns since the Unix epoch."""
    names: dict[str, str]
    """Person id to name, of those who are recorded; nobody else is built."""
    spool: Path
    out: Path
    """An empty folder; gets `replay.m4a` and `<person>.ogg`."""


class BuiltTrack(BaseModel):
    """One speaker's file."""

    person_id: str
    path: Path
    offset: int
    """Samples at 48 kHz after the replay's start."""
    samples: int
    bytes: int
    packets: int
    left_out: int
    """Packets that are no Opus, that came twice, or that the sender sent faster than real time."""


class Built(BaseModel):
    """What was built."""

    began_ns: int
    """Wall clock of the replay's first moment, ns since the Unix epoch."""
    mix: Path
    samples: int
    bytes: int
    tracks: list[BuiltTrack]


def build_tracks(job: Job) -> tuple[int, list[BuiltTrack]]:
    """Write the track files; (the replay's first moment, ns since the Unix epoch, tracks in order of their start)."""
    people = [person for person in spool.people(job.spool) if person in job.names]
    firsts = []
    for person in people:
        with spool.read(job.spool, person) as packets:
            firsts += [min(packets.arrival)] if len(packets) else []
    if not firsts:
        raise NothingCapturedError
    began = min(job.began_ns, *firsts)
    tracks = [track for person in people if (track := _build_track(job, person, began)) is not None]
    return began, sorted(tracks, key=lambda track: (track.offset, track.person_id))


def _build_track(job: Job, person: str, began_ns: int) -> BuiltTrack | None:
    path = job.out / f"{person}.ogg"
    with spool.read(job.spool, person) as packets, open(path, "wb") as file:
        tags = {"ARTIST": job.names[person], "TITLE": job.title}
        serial = zlib.crc32(f"{job.space_id} {person}".encode())
        channels = 2 if packets.stereo else 1
        kept = first = 0
        with ogg.OggOpusWriter(file, serial=serial, channels=channels, tags=tags) as writer:
            for row, position in timeline.place(packets, began_ns):
                if kept == 0:
                    first = position
                writer.silence(position - first - writer.samples)
                writer.packet(packets.payload(row), packets.samples[row])
                kept += 1
        left_out = packets.malformed + len(packets) - kept
        if not kept:
            return None
        return BuiltTrack(
            person_id=person,
            path=path,
            offset=first,
            samples=max(writer.samples - ogg.PRE_SKIP, 0),
            bytes=file.tell(),
            packets=kept,
            left_out=left_out,
        )


def build_here(job: Job) -> Built:
    """Build in this process. Raises NothingCapturedError, OSError."""
    from services.recording.replay import mix  # numpy and PyAV, only where they are used

    began, tracks = build_tracks(job)
    if not tracks:
        raise NothingCapturedError
    path = job.out / "replay.m4a"
    samples = mix.write_m4a(mix.mixed([mix.Part(track.path, track.offset) for track in tracks]), path)
    return Built(began_ns=began, mix=path, samples=samples, bytes=path.stat().st_size, tracks=tracks)


async def build(job: Job) -> Built:
    """Build in a child process. Raises NothingCapturedError, spool.StorageFullError, BuildError.

    Cancelled, it ends the child.
    """
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
        loop = asyncio.get_running_loop()
        answer, said = await loop.run_in_executor(threads, process.communicate, job.model_dump_json().encode())
    finally:
        if process is not None and process.returncode is None:
            process.kill()
        os.close(open_while_we_live)
        os.close(held)
        threads.shutdown(wait=False)
    if process.returncode == 0:
        return Built.model_validate_json(answer)
    complaint = said.decode(errors="replace").strip()
    if process.returncode == _NOTHING:
        raise NothingCapturedError
    if process.returncode == _FULL:
        raise spool.StorageFullError(complaint.splitlines()[-1])
    raise BuildError(f"the build ended with {process.returncode}: {complaint[-1000:]}")


def _end_with_parent(open_while_it_lives: int) -> None:
    os.read(open_while_it_lives, 1)  # nobody writes; it returns when the other end is closed
    os._exit(1)


def _main() -> int:
    job = Job.model_validate_json(sys.stdin.buffer.read())
    threading.Thread(target=_end_with_parent, args=(int(sys.argv[1]),), daemon=True).start()
    os.nice(_NICE)
    try:
        built = build_here(job)
    except NothingCapturedError:
        return _NOTHING
    except OSError as error:
        if error.errno in spool.FULL:
            sys.stderr.write(f"{job.out}: {error.strerror}\n")
            return _FULL
        raise
    sys.stdout.write(built.model_dump_json())
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(_main())
