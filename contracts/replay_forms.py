"""The forms in which a replay is downloaded. A further form is one entry here: recording makes it, and the gateway
serves it, by what the entry says."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from pydantic import StringConstraints


class Form(NamedTuple):
    """One form of file."""

    extension: str
    media_type: str
    muxer: str
    """FFmpeg's name of the container."""
    codec: str | None = None
    """FFmpeg's name of the encoder; None: the mix is copied as it is."""
    bit_rate: int = 0
    """In bit/s, of the encoder; one channel at 48 kHz."""
    of_tracks: bool = False
    """Whether tracks are had in it too: as they are stored, Opus in Ogg."""


FORMS: Final = {
    "m4a": Form("m4a", "audio/mp4", "ipod"),
    "mp3": Form("mp3", "audio/mpeg", "mp3", "libmp3lame", 96_000),
    "opus": Form("opus", "audio/ogg", "ogg", "libopus", 48_000, of_tracks=True),
}
"""By the names that addresses have."""
TRACKS: Final = next(name for name, form in FORMS.items() if form.of_tracks)
"""The form of tracks."""

FormName = Annotated[str, StringConstraints(pattern=f"^(?:{'|'.join(FORMS)})$")]
"""The name of a form."""
