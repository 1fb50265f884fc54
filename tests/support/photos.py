"""Pictures to upload. Pillow is imported where it is used, as the gateway's picture maker does."""

from __future__ import annotations

import io
from typing import Any


def saved(picture: Any, kind: str, **options: Any) -> bytes:
    """The file of a picture."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def plain(color: str, size: tuple[int, int] = (300, 200)) -> Any:
    """A picture of one colour."""
    from PIL import Image

    return Image.new("RGB", size, color)


def halves(mode: str = "RGB", size: tuple[int, int] = (600, 300)) -> Any:
    """Red on the left, blue on the right."""
    from PIL import ImageDraw

    picture = plain("red", size)
    ImageDraw.Draw(picture).rectangle((size[0] // 2, 0, *size), fill="blue")
    return picture.convert(mode)


def noise(size: tuple[int, int]) -> Any:
    """A picture that does not become small."""
    from PIL import Image

    return Image.effect_noise(size, 90).convert("RGB")


def described(words: str, turned: int = 1) -> Any:
    """The metadata of a photo: words, a place, and which side is up."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = turned
    exif[0x010E] = words
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    return exif


def opened(data: bytes) -> Any:
    """A file, read."""
    from PIL import Image

    return Image.open(io.BytesIO(data))
