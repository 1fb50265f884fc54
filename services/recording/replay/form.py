"""Make a form of a mix to be downloaded: copied or encoded anew, with tags and chapters, sealed.

Runs in the process that builds (`services.recording.replay.build`).
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, cast

from pydantic import BaseModel, ConfigDict

from contracts.replay_forms import FORMS, Form
from libs.audio.opus import RATE
from libs.keyring import UnitKey
from services.recording.replay.sealed import opened, seal

_CONFIG: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", hide_input_in_errors=True)
"""Errors end in the log."""
_MILLISECONDS: Final = 1000


class Chapter(BaseModel):
    """Where a chapter begins in the replay, and what it is called."""

    seconds: float
    title: str


class FormJob(BaseModel):
    """What to make."""

    model_config = _CONFIG

    kind: Literal["form"] = "form"
    form: str
    """Its name in `contracts.replay_forms.FORMS`."""
    mix: Path
    key: UnitKey | None
    """What opens the mix; None for one of earlier versions, which is not sealed."""
    tags: dict[str, str]
    """FFmpeg's names of tags, and what they say."""
    chapters: list[Chapter]
    """In order."""
    seconds: float
    """How long the mix is."""
    sealed: UnitKey
    """What the form is sealed with."""
    out: Path
    """A folder; gets `form.sealed`."""


class MadeForm(BaseModel):
    """A form that was made."""

    path: Path
    bytes: int
    """Before it was sealed."""
    sha384: str
    """Of those bytes, in base64."""


def form_here(job: FormJob) -> MadeForm:
    """Make it in this process. Raises OSError."""
    path = job.out / "form.sealed"
    # FFmpeg reads again what it wrote, to put the index first, so that this is a file; it has no name.
    with tempfile.TemporaryFile(dir=job.out) as plain:
        with _mix(job) as source:
            write_form(source, Path(f"/proc/self/fd/{plain.fileno()}"), job)
        plain.seek(0)
        digest = hashlib.file_digest(plain, "sha384").digest()
        size = seal(plain, path, job.sealed)
    return MadeForm(path=path, bytes=size, sha384=base64.b64encode(digest).decode())


def _mix(job: FormJob) -> BinaryIO:
    return job.mix.open("rb") if job.key is None else opened(job.mix, job.key)


def write_form(mix: BinaryIO, path: Path, job: FormJob) -> None:
    """Write a mix, AAC in MP4, in a form. Imports PyAV."""
    import av  # only where it is used

    form = FORMS[job.form]
    options = {"movflags": "+faststart"} if form.muxer == "ipod" else {}
    with av.open(mix, "r") as source, av.open(str(path), "w", format=form.muxer, options=options) as container:
        given = source.streams.audio[0]
        container.metadata.update(job.tags)
        if form.codec is None:
            stream: Any = container.add_stream_from_template(given)
        else:
            stream = container.add_stream(form.codec, rate=RATE, layout="mono")
            stream.bit_rate = form.bit_rate
        if form.muxer == "ogg":  # tags of Ogg are those of its stream
            stream.metadata.update(job.tags)
        container.set_chapters(cast(Any, _chapters(job)))
        _copy(source, given, container, stream, form)


def _copy(source: Any, given: Any, container: Any, stream: Any, form: Form) -> None:
    if form.codec is None:
        for packet in source.demux(given):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
        return
    for frame in source.decode(given):
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _chapters(job: FormJob) -> list[dict[str, object]]:
    """As PyAV takes them: each lasts until the next one begins."""
    starts = [round(chapter.seconds * _MILLISECONDS) for chapter in job.chapters]
    ends = [*starts[1:], round(job.seconds * _MILLISECONDS)] if starts else []
    return [
        {
            "id": number,
            "start": start,
            "end": max(end, start),
            "time_base": Fraction(1, _MILLISECONDS),
            "metadata": {"title": chapter.title},
        }
        for number, (chapter, start, end) in enumerate(zip(job.chapters, starts, ends, strict=True))
    ]
