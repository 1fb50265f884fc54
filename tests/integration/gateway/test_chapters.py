"""Chapters are read by whoever may look into a Space, and set by its host."""

from __future__ import annotations

from contracts.commands import Accepted, Nothing
from contracts.recording.v1 import Chapter, Chapters, ChaptersQuery, SetChapters
from libs.refusal import Refusal
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running


async def test_chapters_are_files_for_whoever_may_look_and_the_host_sets_them(
    gateway: Running, behind: Backend
) -> None:
    host, removed = a_person("Hanna"), a_person("Rem")
    space = behind.add(host, removed=(removed.id,))
    found = Chapters(space_id=space.id, seconds=60)

    async def chapters(query: ChaptersQuery) -> Chapters:
        if query.proposed and query.actor != host.id:
            raise Refusal("not_host", "Only the host of a Space sets the chapters of its replay.")
        return found

    async def set_chapters(command: SetChapters) -> Accepted[Nothing]:
        return Accepted(version=1, result=Nothing())

    behind.on(ChaptersQuery, chapters)
    behind.on(SetChapters, set_chapters)
    at = f"/v1/spaces/{space.id}/chapters"
    async with gateway.client(host.id) as hosts, gateway.client(removed.id) as others, gateway.client() as nobody:
        assert (await nobody.http.get(f"{at}.json")).status_code == 404
        found = found.model_copy(update={"chapters": (Chapter(seconds=1, title="Where they begin"),)})
        file = await nobody.http.get(f"{at}.json")
        assert (file.status_code, file.json()["chapters"]) == (200, [{"startTime": 1, "title": "Where they begin"}])
        assert file.headers["content-type"].startswith("application/json+chapters")
        again = await nobody.http.get(f"{at}.json", headers={"if-none-match": file.headers["etag"]})
        assert again.status_code == 304
        assert (await nobody.http.get(f"{at}.vtt")).text.startswith("WEBVTT\n\n00:00:01.000 --> 00:01:00.000\n")
        assert (await hosts.http.get(at)).json()["chapters"][0]["title"] == "Where they begin"
        assert (await others.http.get(f"{at}.json")).status_code == 403
        assert (await hosts.http.get(f"{at}/proposed")).status_code == 200
        assert (await nobody.http.get(f"{at}/proposed")).json()["reason"] == "not_host"

        wanted = {"chapters": [{"seconds": 0, "title": "  The source "}, {"seconds": 5, "person_id": host.id}]}
        assert (await hosts.http.put(at, json=wanted)).status_code == 204
        assert (await nobody.http.put(at, json=wanted)).status_code == 401
        for wrong in (
            {"seconds": 0},
            {"seconds": -1, "title": "a"},
            {"seconds": 0, "title": "a", "url": "javascript:1"},
        ):
            assert (await hosts.http.put(at, json={"chapters": [wrong]})).status_code == 422
        assert (await hosts.http.put(at, json={"chapters": [wanted["chapters"][0]] * 101})).status_code == 422
        (asked,) = [one for one in behind.asked[SetChapters.name] if isinstance(one, SetChapters)]
        assert [(one.seconds, one.title, one.person_id) for one in asked.chapters] == [
            (0, "The source", None),
            (5, "", host.id),
        ]
