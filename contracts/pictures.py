"""Pictures of people: how large they are, and where they are served.

A picture is kept in two sizes, each a square WebP that was made of what its person uploaded. Its address stays; what
stands behind `v` changes with the picture, so that whoever holds an older one asks anew.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import StringConstraints

PictureId = Annotated[str, StringConstraints(pattern=r"^[0-9a-hjkmnp-tv-z]{26}$")]
"""Another one for each picture."""
SIDES: Final = (128, 512)
"""Pixels."""
MEDIA_TYPE: Final = "image/webp"
LONGEST: Final = 256 * 1024
"""Bytes of one size."""


def address_of(person_id: str, picture_id: str) -> str:
    """Where somebody's picture is served; `size` may be added to the query."""
    return f"/v1/people/{person_id}/picture?v={picture_id}"


def picture_in(address: str) -> str:
    """The id of the picture at an address."""
    return address.rpartition("=")[2]
