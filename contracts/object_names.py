"""How objects are named in the object store, which recording and people write and the gateway reads, and how they are
sealed.

    spaces/<space>/replay.<n>.m4a.sealed         the nth mix: AAC in MP4
    spaces/<space>/tracks/<person>.ogg.sealed    one speaker's own audio: Opus in Ogg
    spaces/<space>/forms/<host>/<n>.<form>.sealed   the mix in another form, with what the host calls it
    reports/<report>/<piece>.m4a.sealed          what was heard of a piece of a report: AAC in MP4
    people/<person>/<picture>.<side>.webp.sealed a picture of somebody: WebP; people writes it

    spaces/<space>/replay.m4a                    the same as earlier versions stored it, not sealed
    spaces/<space>/tracks/<person>.ogg

An object is sealed in chunks (`libs.keyring.objects`) for a unit of the lock of its subjects; `seal_of` tells both from
the name. All units of a replay lie below REPLAY, so that they can be destroyed together.

The three services find the store by `ROSTRUM_RECORDINGS_URL`, or else in the folder FOLDER of `ROSTRUM_VAR`. Names are
kept in stored events, so an object keeps its name for ever.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

FOLDER: Final = "recordings"
MIX_TYPE: Final = "audio/mp4"
"""Media type of a mix and of what is kept for a report, once they are opened."""
TRACK_TYPE: Final = "audio/ogg"
"""Media type of a track, once it is opened."""
SEALED_TYPE: Final = "application/octet-stream"
"""Media type of what is sealed."""
REPLAY: Final = "replay"
"""The unit above all units of a replay."""
TRACK: Final = f"{REPLAY}/track"
SPOOL: Final = f"{REPLAY}/spool"
"""What was captured of a speaker, until there is a track of it."""
LIVE: Final = f"{REPLAY}/live"
"""Above the units of the mix as it is made while the Space runs."""
CHAPTERS: Final = f"{REPLAY}/chapters"
"""Above the units of lists of chapters."""
FORM: Final = f"{REPLAY}/form"
"""Above the units of the forms in which the mix is downloaded."""
TITLE: Final = f"{REPLAY}/title"
"""What the Space was called, for the tags of tracks."""

_MIX: Final = re.compile(r"spaces/([0-9A-Za-z_-]{1,64})/replay\.([0-9]{1,9})\.m4a\.sealed")
_TRACK: Final = re.compile(r"spaces/([0-9A-Za-z_-]{1,64})/tracks/([0-9A-Za-z_-]{1,64})\.ogg\.sealed")
_FORM: Final = re.compile(
    r"spaces/([0-9A-Za-z_-]{1,64})/forms/([0-9A-Za-z_-]{1,64})/([0-9]{1,9})\.[0-9a-z]{1,8}\.sealed"
)
_CHAPTERS: Final = re.compile(r"spaces/([0-9A-Za-z_-]{1,64})/chapters/([0-9A-Za-z_-]{1,64})/([0-9]{1,9})")
_REPORTED: Final = re.compile(r"reports/([0-9A-Za-z_-]{1,64})/([0-9]{1,3})\.m4a\.sealed")

_PICTURE: Final = re.compile(r"people/([0-9a-z]{26})/([0-9a-z]{26})\.([0-9]{2,4})\.webp\.sealed")


class Seal(NamedTuple):
    """What an object is sealed with."""

    subjects: tuple[str, ...]
    unit: str


def mix(space_id: str, number: int) -> str:
    """Name of a Space's mix, the first one or (`number` 2 and up) one that took its place."""
    return f"spaces/{space_id}/replay.{number}.m4a.sealed"


def track(space_id: str, person_id: str) -> str:
    """Name of what one person said in a Space."""
    return f"spaces/{space_id}/tracks/{person_id}.ogg.sealed"


def forms(space_id: str) -> str:
    """What the names of all forms of a Space's mix begin with."""
    return f"spaces/{space_id}/forms/"


def form(space_id: str, host_id: str, number: int, extension: str) -> str:
    """Name of the `number`th form that was made of a Space's mix, when somebody hosted it."""
    return f"{forms(space_id)}{host_id}/{number}.{extension}.sealed"


def chapters(space_id: str, host_id: str, number: int) -> str:
    """What the `number`th list of chapters of a Space is called. It is in stored facts alone, and no object has it."""
    return f"spaces/{space_id}/chapters/{host_id}/{number}"


def reported(report_id: str, piece: int) -> str:
    """Name of the sound of a piece of a report, by the piece's number."""
    return f"reports/{report_id}/{piece}.m4a.sealed"


def pictures(person_id: str) -> str:
    """What the names of somebody's pictures begin with."""
    return f"people/{person_id}/"


def picture(person_id: str, picture_id: str, side: int) -> str:
    """Name of a picture of somebody, so many pixels wide and high."""
    return f"{pictures(person_id)}{picture_id}.{side}.webp.sealed"


def picture_of(name: str) -> str | None:
    """The id of the picture that has a name; None where it is none's."""
    found = _PICTURE.fullmatch(name)
    return None if found is None else found[2]


def of_picture(person_id: str, picture_id: str) -> Seal:
    """What all sizes of a picture are sealed with."""
    return Seal((f"person:{person_id}",), f"picture/{picture_id}")


def of_reported(report_id: str, piece: int) -> Seal:
    """What the sound of a piece of a report is sealed with."""
    return Seal((f"report:{report_id}",), f"sound/{piece}")


def of_mix(space_id: str, number: int) -> Seal:
    """What a mix is sealed with."""
    return Seal((f"space:{space_id}",), f"{REPLAY}/mix/{number}")


def of_form(space_id: str, host_id: str, number: int) -> Seal:
    """What a form of the mix is sealed with: it has words of the host in it, and goes with either."""
    return Seal((f"person:{host_id}", f"space:{space_id}"), f"{FORM}/{number}")


def of_chapters(space_id: str, host_id: str, number: int) -> Seal:
    """What a list of chapters is sealed with, which a host wrote."""
    return Seal((f"person:{host_id}", f"space:{space_id}"), f"{CHAPTERS}/{number}")


def of_live(space_id: str, number: int) -> Seal:
    """What the mix is sealed with that is made while the Space runs, where recording keeps it: of the run of parts that
    begins with `number`."""
    return Seal((f"space:{space_id}",), f"{LIVE}/{number}")


def of_speaker(space_id: str, person_id: str, unit: str = TRACK) -> Seal:
    """What a track, or (SPOOL) what is captured of a speaker, is sealed with."""
    return Seal((f"person:{person_id}", f"space:{space_id}"), unit)


def seal_of(name: str) -> Seal | None:
    """What an object is sealed with, by its name; None for those of earlier versions, which are not."""
    if found := _MIX.fullmatch(name):
        return of_mix(found[1], int(found[2]))
    if found := _TRACK.fullmatch(name):
        return of_speaker(found[1], found[2])
    if found := _FORM.fullmatch(name):
        return of_form(found[1], found[2], int(found[3]))
    if found := _CHAPTERS.fullmatch(name):
        return of_chapters(found[1], found[2], int(found[3]))
    if found := _REPORTED.fullmatch(name):
        return of_reported(found[1], int(found[2]))
    if found := _PICTURE.fullmatch(name):
        return of_picture(found[1], found[2])
    return None
