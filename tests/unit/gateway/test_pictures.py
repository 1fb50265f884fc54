"""Whatever is uploaded as a picture, what comes out is a small square WebP with nothing of the file but its pixels."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from contracts.pictures import LONGEST, SIDES
from libs.refusal import Refusal
from services.gateway.adapters.pictures import PictureMaker
from tests.support.photos import described, halves, noise, opened, plain, saved

WHERE = b"needle 48.8584N 2.2945E"


async def made(data: bytes) -> dict[int, Any]:
    """Each size, decoded."""
    sizes = await PictureMaker().make(data)
    assert tuple(sizes) == SIDES
    pictures = {}
    for side, one in sizes.items():
        assert len(one) <= LONGEST
        picture = opened(one)
        assert (picture.format, picture.size) == ("WEBP", (side, side))
        assert getattr(picture, "n_frames", 1) == 1
        assert not picture.getexif()
        assert not set(picture.info) & {"exif", "icc_profile", "xmp"}
        assert WHERE not in one
        pictures[side] = picture.convert("RGB")
    return pictures


def near(pixel: Any, wanted: tuple[int, int, int], within: int = 60) -> bool:
    return all(abs(a - b) <= within for a, b in zip(pixel, wanted, strict=True))


RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")],
)
async def test_pictures_of_every_kind_are_cropped_to_their_middle(kind: str, mode: str) -> None:
    pictures = await made(saved(halves(mode), kind))
    for side, picture in pictures.items():
        left, right = picture.getpixel((side // 4, side // 2)), picture.getpixel((3 * side // 4, side // 2))
        if mode != "L":
            assert near(left, RED), left
            assert near(right, BLUE), right


async def test_a_photo_is_upright_and_does_not_say_where_it_was_taken() -> None:
    exif = described(WHERE.decode(), turned=6)  # by a quarter: what was on the left is above
    data = saved(halves(size=(400, 400)), "JPEG", exif=exif, comment=WHERE, icc_profile=b"icc " + WHERE)
    assert WHERE in data
    for side, picture in (await made(data)).items():
        assert near(picture.getpixel((side // 2, side // 8)), RED)
        assert near(picture.getpixel((side // 2, side - side // 8)), BLUE)


async def test_of_an_animation_the_first_picture_is_taken() -> None:
    frames = [plain(color, (64, 64)) for color in ("red", "blue", "green")]
    for kind in ("WEBP", "PNG"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        for side, picture in (await made(data)).items():
            assert near(picture.getpixel((side // 2, side // 2)), RED), kind


async def test_what_is_behind_a_picture_or_in_front_of_it_does_not_come_out() -> None:
    page = b"<svg onload=alert(1)></svg><script>alert(1)</script>" + WHERE
    sizes = await PictureMaker().make(saved(halves(), "JPEG") + page)
    assert all(b"script" not in one and WHERE not in one for one in sizes.values())


def bomb(side: int) -> bytes:
    """A PNG of one colour whose pixels need far more room than the file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    row = b"\0" + bytes(side // 8 + 1)
    pixels = zlib.compressobj(9)
    body = b"".join(pixels.compress(row) for _ in range(min(side, 20_000))) + pixels.flush()
    head = struct.pack("!IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [10_000, 60_000, 2**31 - 1])
async def test_a_small_file_with_a_vast_picture_is_too_large(side: int) -> None:
    data = (
        bomb(side)
        if side < 100_000
        else bomb(1000).replace(struct.pack("!II", 1000, 1000), struct.pack("!II", side, side))
    )
    with pytest.raises(Refusal, match=r"too_large|invalid") as refused:
        await PictureMaker().make(data)
    if side < 100_000:
        assert refused.value.reason == "too_large"


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"",
        lambda: b"GIF89a",
        lambda: saved(halves("P"), "GIF"),
        lambda: saved(halves(), "BMP"),
        lambda: saved(halves(), "TIFF"),
        lambda: saved(halves(), "PNG")[:400],
        lambda: saved(halves(), "JPEG")[:200],
        lambda: saved(halves(), "WEBP")[:60],
        lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        lambda: b"<!doctype html><img src=x onerror=alert(1)>",
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        lambda: b"\x89PNG\r\n\x1a\n" + b"\xff" * 1000,
        lambda: b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\0" * 200,
    ],
    ids=[
        "nothing", "beginning", "gif", "bmp", "tiff", "png cut off", "jpeg cut off", "webp cut off", "svg", "html",
        "postscript", "png of rubbish", "webp of rubbish",
    ],
)  # fmt: skip
async def test_what_is_no_such_picture_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(Refusal, match="invalid"):
        await PictureMaker().make(make())


async def test_pictures_beyond_those_that_may_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.adapters.pictures._MOST", 2)
    maker, data = PictureMaker(), saved(halves(), "JPEG")
    one, two, three = await asyncio.gather(*(maker.make(data) for _ in range(3)), return_exceptions=True)
    assert isinstance(one, dict)
    assert one == two
    assert isinstance(three, Refusal)
    assert (three.reason, three.retry) == ("unavailable", True)
    assert await maker.make(data) == one


async def test_noise_is_made_small_enough() -> None:
    await made(saved(noise((900, 900)), "JPEG", quality=60))
