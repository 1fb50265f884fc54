"""Cut a stretch of a Space out of what was captured of it: everybody who is heard in it, mixed, sealed for a report.

Runs in the process that builds (`services.recording.replay.build`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal

from pydantic import BaseModel, ConfigDict

from libs.audio.opus import RATE
from libs.keyring import UnitKey
from services.recording.adapters import spooled
from services.recording.replay import ogg, timeline
from services.recording.replay.sealed import opened, seal

if TYPE_CHECKING:
    from services.recording.replay import mix
    from services.recording.replay.loudness import Audio

_CONFIG: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", hide_input_in_errors=True)
"""Errors end in the log."""
_LEAD: Final = 2
"""Seconds that are read before and after the stretch: a bundle begins before its packets, and so does a timeline."""


class NothingHeardError(Exception):
    """Nobody was captured in that time."""


class StoredVoice(BaseModel):
    """A track of a replay."""

    model_config = _CONFIG

    person_id: str
    path: Path
    began_ns: int
    """Wall clock of its first moment, ns since the Unix epoch."""
    samples: int
    """How long it is, at 48 kHz."""
    key: UnitKey | None
    """None for a track of earlier versions, which is not sealed."""


class CutJob(BaseModel):
    """What to cut out."""

    model_config = _CONFIG

    kind: Literal["cut"] = "cut"
    since_ns: int
    """Wall clock, ns since the Unix epoch."""
    until_ns: int
    spool: Path
    """A folder with bundles of `people`; it may be missing."""
    people: dict[str, UnitKey]
    """What opens what is spooled of whom."""
    tracks: list[StoredVoice]
    sound: UnitKey
    out: Path
    """A folder; gets `sound.m4a.sealed`."""


class Cut(BaseModel):
    """What was cut out."""

    path: Path
    samples: int
    people: list[str]
    """Who is heard."""


def cut_here(job: CutJob) -> Cut:
    """Cut in this process. Raises NothingHeardError, OSError."""
    from services.recording.replay import mix  # numpy and PyAV, only where they are used

    length = (job.until_ns - job.since_ns) * RATE // 1_000_000_000
    voices = [*_spooled(job, length), *_stored(job, length)]
    if not voices:
        raise NothingHeardError
    parts = [part for _, part in voices]
    path = job.out / "sound.m4a.sealed"
    with tempfile.TemporaryFile(dir=job.out) as plain:
        chunks = _window(mix.mixed(parts), _LEAD * RATE, length)
        samples = mix.write_m4a(chunks, Path(f"/proc/self/fd/{plain.fileno()}"))
        seal(plain, path, job.sound)
    return Cut(path=path, samples=samples, people=sorted({person for person, _ in voices}))


def _window(chunks: Iterator[Audio], skip: int, length: int) -> Iterator[Audio]:
    """`length` samples of audio after `skip` samples."""
    for chunk in chunks:
        piece, skip = chunk[skip : skip + length], max(skip - len(chunk), 0)
        length -= len(piece)
        if len(piece):
            yield piece
        if not length:
            return


def _spooled(job: CutJob, length: int) -> Iterator[tuple[str, mix.MixPart]]:
    """Who is heard in what is spooled, each with their audio from `_LEAD` before the stretch on."""
    from services.recording.replay import mix

    lead_ns = _LEAD * 1_000_000_000
    origin, within = job.since_ns - lead_ns, range(job.since_ns - lead_ns, job.until_ns + lead_ns)
    for person, key in sorted(job.people.items()):
        file, heard, first = BytesIO(), False, 0
        with spooled.read(job.spool, person, key.open_bytes, within) as packets:
            channels = 2 if packets.stereo else 1
            with ogg.OggOpusWriter(file.write, serial=1, channels=channels, tags={}) as writer:
                for row, position in timeline.place(packets, origin):
                    if not writer.samples:
                        first = position
                    writer.silence(position - first - writer.samples)
                    writer.packet(packets.payload(row), packets.samples[row])
                    heard = heard or _LEAD * RATE - packets.samples[row] < position < _LEAD * RATE + length
        if heard:
            yield person, mix.MixPart(partial(BytesIO, file.getvalue()), first)


def _stored(job: CutJob, length: int) -> Iterator[tuple[str, mix.MixPart]]:
    from services.recording.replay import mix

    for track in job.tracks:
        offset = (track.began_ns - job.since_ns) * RATE // 1_000_000_000
        if offset < length and offset + track.samples > 0:
            yield track.person_id, mix.MixPart(partial(_open, track), offset + _LEAD * RATE)


def _open(track: StoredVoice) -> BinaryIO:
    return track.path.open("rb") if track.key is None else opened(track.path, track.key)
