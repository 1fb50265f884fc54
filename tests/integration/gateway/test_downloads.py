"""Replays are saved as files with readable names, by those whom their host lets."""

from __future__ import annotations

from contracts import object_names
from contracts.commands import Accepted, Nothing
from contracts.recording.v1 import AllowDownloads, Replay, ReplayForm, ReplayFormQuery, ReplayQuery, ReplayState
from contracts.room import v1 as room
from libs.refusal import Refusal
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running
from tests.integration.gateway.test_replays import AUDIO, as_stored, with_keys


async def test_a_form_is_an_attachment_with_a_readable_name_and_the_host_says_who_has_it(
    gateway: Running, behind: Backend
) -> None:
    host, guest = a_person("Hanna"), a_person("Gina")
    space = behind.add(host, settings=room.Settings(title="Über Flüsse", recorded=True))
    keys, made = with_keys(behind), False

    def stored(name: str) -> str:
        path = gateway.var / "recordings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_stored(keys, name, AUDIO))
        return name

    mix = stored(object_names.form(space.id, host.id, 1, "mp3"))
    track = stored(object_names.track(space.id, host.id))

    async def form(query: ReplayFormQuery) -> ReplayForm:
        if query.actor not in (host.id, guest.id):
            raise Refusal("not_allowed", "The host does not let others download this replay.")
        if not made:
            raise Refusal("not_ready", "This file is being made; ask again in a moment.", retry=True)
        return ReplayForm(space_id=space.id, object=track if query.person_id else mix, bytes=len(AUDIO))

    async def allow(command: AllowDownloads) -> Accepted[Nothing]:
        return Accepted(version=1, result=Nothing())

    behind.on(ReplayFormQuery, form)
    behind.on(AllowDownloads, allow)
    at = f"/v1/spaces/{space.id}/downloads"
    async with gateway.client(host.id) as hosts, gateway.client(guest.id) as guests, gateway.client() as nobody:
        early = await hosts.http.head(f"{at}/mix.mp3")
        assert early.status_code == 409
        made = True
        whole = await hosts.http.get(f"{at}/mix.mp3")
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, AUDIO, "audio/mpeg")
        assert whole.headers["content-disposition"] == (
            'attachment; filename="Uber Flusse 2026-01-02.mp3"; '
            "filename*=UTF-8''%C3%9Cber%20Fl%C3%BCsse%202026-01-02.mp3"
        )
        part = await hosts.http.get(f"{at}/mix.mp3", headers={"range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, AUDIO[5:10])
        again = await hosts.http.get(f"{at}/mix.mp3", headers={"if-none-match": whole.headers["etag"]})
        assert again.status_code == 304

        # As a browser saves it, which sends no headers.
        link = await guests.http.post("/v1/links", json={"address": f"{at}/tracks/{host.id}.opus"})
        saved = await nobody.http.get(link.json()["url"])
        assert (saved.status_code, saved.content) == (200, AUDIO)
        assert saved.headers["content-disposition"].endswith("%C3%BCsse%202026-01-02%20Hanna.opus")
        assert (await nobody.http.get(f"{at}/mix.mp3")).status_code == 403
        assert (await nobody.http.get(f"{at}/mix.wav")).status_code == 422

        assert (await hosts.http.put(at, json={"allowed": True})).status_code == 204
        assert (await nobody.http.put(at, json={"allowed": True})).status_code == 401
        asked = [one for one in behind.asked[AllowDownloads.name] if isinstance(one, AllowDownloads)]
        assert [(one.actor, one.allowed) for one in asked] == [(host.id, True)]


async def test_a_replay_that_was_deleted_is_gone_and_one_that_never_was_is_not_found(
    gateway: Running, behind: Backend
) -> None:
    space = behind.add(a_person("Host"))
    deleted = True

    async def answer(query: ReplayQuery) -> Replay:
        return Replay(space_id=space.id, state=ReplayState.NONE, deleted=deleted)

    behind.on(ReplayQuery, answer)
    async with gateway.client() as client:
        at = f"/v1/spaces/{space.id}/replay.m4a"
        gone = await client.http.get(at)
        assert (gone.status_code, gone.json()["reason"]) == (410, "replay_deleted")
        deleted = False
        never = await client.http.get(at)
        assert (never.status_code, never.json()["reason"]) == (404, "replay_unknown")
        assert set((await client.http.get(f"/v1/spaces/{space.id}/replay")).json()) >= {"forms", "downloads"}
