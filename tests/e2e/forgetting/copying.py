"""What somebody takes along before they delete their account: a copy of their data. And their picture."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import httpx

from contracts import object_names
from tests.e2e.forgetting.scene import Person
from tests.support import photos
from tests.support.waiting import LIMIT


async def give_picture(url: str, who: Person) -> None:
    """They upload one."""
    photo = photos.saved(photos.plain("purple"), "PNG")
    async with _as(url, who) as http:
        answer = await http.put("/v1/me/picture", content=photo, headers={"content-type": "image/png"})
    assert answer.status_code == 200, answer.text


def pictures(var: Path, who: Person) -> list[Path]:
    """Their pictures in the object store."""
    return sorted((var / object_names.FOLDER / object_names.pictures(who.client.id)).glob("*"))


async def copy_of(url: str, who: Person) -> dict[str, bytes]:
    """The files of the copy."""
    async with _as(url, who) as http:
        answer = await http.get("/v1/me/export")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def refusals(url: str, who: Person) -> list[tuple[str, int]]:
    """What is answered instead, to them and to anybody who wants their picture."""
    async with _as(url, who) as http, httpx.AsyncClient(base_url=url, timeout=LIMIT) as nobody:
        copy = await http.get("/v1/me/export")
        picture = await nobody.get(f"/v1/people/{who.client.id}/picture")
    return [("copy", copy.status_code), ("picture", picture.status_code)]


def _as(url: str, who: Person) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {who.client.token}"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=LIMIT)
