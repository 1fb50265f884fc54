"""Makes small square pictures of one that somebody uploaded: a program of its own, which imports nothing of ours.

The file on standard input may be made to break whatever decodes it. So it is decoded here, in a process that has no
keys, no connection and no files, a bounded amount of memory and a few seconds. On standard output, each size follows
its length (4 bytes, network order). Exit code 3: it is no picture that can be read, 4: it is too large.

What leaves is drawn anew: no metadata (where a photo was taken), no colour profile, no second frame, no trailing bytes.
"""

from __future__ import annotations

import io
import resource
import struct
import sys
import warnings
from typing import Any

NO_PICTURE, TOO_LARGE = 3, 4
_FORMATS = ("JPEG", "PNG", "WEBP")
_PIXELS = 40_000_000
_PIXELS_JPEG = 120_000_000
"""Of an uploaded picture. A JPEG is decoded at a smaller scale, so photos of telephones, of 12 to 50 million, fit."""
_MEMORY = 1 << 30
_SECONDS = 10
_QUALITIES = (82, 60, 40, 20)
"""The first with which a size is small enough is taken."""


def main(sides: list[int], longest: int) -> int:
    """Read, make, write; the exit code."""
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    from PIL import Image, ImageOps

    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # the bounds are ours
    given = sys.stdin.buffer.read()
    try:
        with Image.open(io.BytesIO(given), formats=_FORMATS) as picture:
            width, height = picture.size
            if width * height > (_PIXELS_JPEG if picture.format == "JPEG" else _PIXELS):
                return TOO_LARGE
            picture.draft("RGB", (2 * max(sides), 2 * max(sides)))
            picture.load()
            try:
                upright = ImageOps.exif_transpose(picture)
            except Exception:  # noqa: BLE001  (whatever is wrong with its metadata, the picture is there)
                upright = picture
            made = [_squeezed(_square(Image, ImageOps, upright, side), longest) for side in sides]
    except MemoryError:
        return TOO_LARGE
    except Exception:  # noqa: BLE001  (a decoder may raise anything)
        return NO_PICTURE
    for one in made:
        sys.stdout.buffer.write(struct.pack("!I", len(one)) + one)
    sys.stdout.buffer.flush()
    return 0


def _square(image: Any, ops: Any, picture: Any, side: int) -> Any:
    """The middle of it on white, drawn into a new image that has nothing of the old one but its pixels."""
    fitted = ops.fit(picture.convert("RGBA"), (side, side), image.Resampling.LANCZOS)
    drawn = image.new("RGB", (side, side), "white")
    drawn.paste(fitted, mask=fitted.getchannel("A"))
    return drawn


def _squeezed(picture: Any, longest: int) -> bytes:
    for quality in _QUALITIES:
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality, method=4)
        if out.tell() <= longest:
            break
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main([int(side) for side in sys.argv[2:]], int(sys.argv[1])))
