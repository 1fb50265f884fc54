"""How replays are named in the object store, which recording writes and the gateway reads.

    spaces/<space>/replay.m4a             the mix: AAC in MP4
    spaces/<space>/tracks/<person>.ogg    one speaker's own audio: Opus in Ogg

Both services find the store by `ROSTRUM_RECORDINGS_URL`, or else in the folder FOLDER of `ROSTRUM_VAR`. Names are kept
in stored events, so an object keeps its name for ever.
"""

from __future__ import annotations

from typing import Final

FOLDER: Final = "recordings"
MIX_TYPE: Final = "audio/mp4"
"""Media type of a mix."""
TRACK_TYPE: Final = "audio/ogg"
"""Media type of a track."""


def mix(space_id: str) -> str:
    """Name of a Space's mix."""
    return f"spaces/{space_id}/replay.m4a"


def track(space_id: str, person_id: str) -> str:
    """Name of what one person said in a Space."""
    return f"spaces/{space_id}/tracks/{person_id}.ogg"
