"""The podcast of a host: what everybody may hear, at addresses that stay, checked at each request."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from contracts import object_names
from contracts.discovery.v1 import SearchQuery, SpaceCard, SpacePage
from contracts.envelope import PersonRef
from contracts.people.v1 import Erased, Person
from contracts.recording.v1 import Replay, ReplayForm, ReplayQuery, Replays, ReplaysQuery, ReplayState, Track
from contracts.room import v1 as room
from services.gateway.http.rss import PODCAST, feed_guid
from tests.integration.gateway.backend import AT, Backend, a_person
from tests.integration.gateway.conftest import Running, running_gateway
from tests.integration.gateway.test_replays import AUDIO, as_stored, with_keys
from tests.support.nats import NatsServer
from tests.support.waiting import eventually

END = datetime(2026, 1, 2, 4, tzinfo=UTC)
NAMES = {"podcast": PODCAST, "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd"}


class Podcast:
    """A host whose Spaces discovery finds, whether everybody may join them or not, and what recording keeps."""

    def __init__(self, behind: Backend, host: PersonRef) -> None:
        self.behind, self.host = behind, host
        self.spaces: list[str] = []
        self.replays: dict[str, Replay] = {}
        behind.people[host.id] = Person(
            id=host.id, handle=host.handle, name=host.name, bio="Rivers & <seas>", version=1
        )
        behind.on(SearchQuery, self._found)
        behind.on(ReplaysQuery, self._kept)
        behind.on(ReplayQuery, self._one)

    def add(self, title: str, state: room.State, **changes: Any) -> str:
        settings = room.Settings(title=title, recorded=True, captions=True, lang="de").model_copy(
            update=changes.pop("settings", {})
        )
        space = self.behind.add(changes.pop("host", self.host), settings=settings, state=state, **changes)
        self.spaces.append(space.id)
        return space.id

    def keep(self, space_id: str, state: ReplayState = ReplayState.READY, **changes: Any) -> None:
        self.replays[space_id] = Replay(space_id=space_id, state=state, **changes)

    async def _found(self, query: SearchQuery) -> SpacePage:
        assert (query.creator, query.actor, query.state) == (self.host.id, None, "all")
        return SpacePage(spaces=tuple(SpaceCard.of(self.behind.spaces[id]) for id in self.spaces))

    async def _kept(self, query: ReplaysQuery) -> Replays:
        return Replays(replays=tuple(self.replays.get(id) or _none(id) for id in query.space_ids))

    async def _one(self, query: ReplayQuery) -> Replay:
        return self.replays.get(query.space_id) or _none(query.space_id)


def _none(space_id: str) -> Replay:
    return Replay(space_id=space_id, state=ReplayState.NONE)


def texts(tree: etree._Element, path: str) -> list[Any]:
    found: list[Any] = list(tree.xpath(path, namespaces=NAMES))
    return found


async def test_the_podcast_has_what_everybody_may_hear_and_nothing_else(gateway: Running, behind: Backend) -> None:
    host, guest = a_person("Hanna & Söhne"), a_person("Gina")
    podcast = Podcast(behind, host)
    over = podcast.add("Über Flüsse <1>", room.State.ENDED, ended_at=END)
    track = Track(person=guest, object="t", offset_seconds=0, seconds=9, bytes=1)
    mp3 = ReplayForm(space_id=over, form="mp3", object="o", bytes=77, sha384="abc=")
    podcast.keep(over, seconds=61.4, bytes=1234, mix="m", tracks=(track,), downloads=True, chapters=True, made=(mp3,))
    podcast.add("For followers", room.State.ENDED, settings={"who_can_join": room.WhoCanJoin.FOLLOWERS})
    podcast.add("A conversation", room.State.ENDED, settings={"kind": room.Kind.CONVERSATION})
    podcast.add("Of another host by now", room.State.ENDED, host=guest)
    podcast.add("Not recorded", room.State.LIVE, settings={"recorded": False})
    podcast.add("Canceled", room.State.CANCELED)
    for id in podcast.spaces[1:4]:
        podcast.keep(id, seconds=1, bytes=1, mix="m")
    podcast.add("Its replay was deleted", room.State.ENDED)
    async with gateway.client() as nobody:
        at = f"/v1/people/{host.id}/feed.xml"
        answer = await nobody.http.get(at)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
        tree = etree.fromstring(answer.content)
        assert texts(tree, "//item/title/text() | //podcast:liveItem/title/text()") == ["Über Flüsse <1>"]
        base = f"{gateway.base}/v1/spaces/{over}"
        assert texts(tree, "//item/enclosure/@url") == [f"{base}/replay.m4a"]
        assert "token" not in answer.text
        assert "link=" not in answer.text
        assert texts(tree, "//item/enclosure/@length") == ["1234"]
        assert texts(tree, "//item/itunes:duration/text()") == ["61"]
        assert [texts(tree, f"//podcast:transcript[{n}]/@type")[0] for n in (1, 2, 3)] == [
            "text/vtt", "application/x-subrip", "application/json",
        ]  # fmt: skip
        assert texts(tree, "//podcast:chapters/@url") == [f"{base}/chapters.json"]
        assert texts(tree, "//item/podcast:person/text()") == ["Gina"]
        assert texts(tree, "//podcast:alternateEnclosure/podcast:source/@uri") == [f"{base}/downloads/mix.mp3"]
        assert texts(tree, "//podcast:integrity/@value") == ["sha384-abc="]
        assert texts(tree, "/rss/channel/podcast:guid/text()") == [feed_guid(f"{gateway.base}{at}")]
        again = await nobody.http.get(at, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        behind.spaces[over] = behind.spaces[over].model_copy(
            update={"settings": behind.spaces[over].settings.model_copy(update={"title": "Another title"})}
        )
        changed = await nobody.http.get(at, headers={"if-none-match": answer.headers["etag"]})
        assert changed.status_code == 200


async def test_one_guid_leads_from_before_the_start_to_the_replay_which_is_gone_when_it_is_deleted(
    gateway: Running, behind: Backend
) -> None:
    host = a_person("Hanna")
    podcast, keys = Podcast(behind, host), with_keys(behind)
    id = podcast.add("Tea", room.State.SCHEDULED, started_at=None, scheduled_start=AT)
    name = object_names.mix(id, 1)
    path = gateway.var / "recordings" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(as_stored(keys, name, AUDIO))
    async with gateway.client() as nobody:
        at, guids = f"/v1/people/{host.id}/feed.xml", []

        async def status() -> str:
            tree = etree.fromstring((await nobody.http.get(at)).content)
            guids.append(texts(tree, "//guid/text()"))
            return str((texts(tree, "//podcast:liveItem/@status") or ["replay"])[0])

        assert await status() == "pending"
        behind.spaces[id] = behind.spaces[id].model_copy(update={"state": room.State.LIVE, "started_at": AT})
        assert await status() == "live"
        behind.spaces[id] = behind.spaces[id].model_copy(update={"state": room.State.ENDED, "ended_at": END})
        podcast.keep(id, ReplayState.PROCESSING)
        assert await status() == "ended"
        podcast.keep(id, seconds=1, bytes=len(AUDIO), mix=name)
        assert await status() == "replay"
        assert guids == [[f"urn:rostrum:space:{id}"]] * 4

        tree = etree.fromstring((await nobody.http.get(at)).content)
        (enclosure,) = texts(tree, "//enclosure/@url")
        assert (await nobody.http.get(enclosure)).content == AUDIO
        podcast.replays[id] = _none(id).model_copy(update={"deleted": True})
        assert (await nobody.http.get(enclosure)).status_code == 410
        assert texts(etree.fromstring((await nobody.http.get(at)).content), "//item") == []


@pytest.mark.parametrize("why", ["unknown", "protected", "erased"])
async def test_nobody_who_is_not_shown_has_a_podcast(gateway: Running, behind: Backend, why: str) -> None:
    host = a_person("Hanna")
    podcast = Podcast(behind, host)
    podcast.add("Tea", room.State.LIVE)
    at = f"/v1/people/{host.id}/feed.xml"
    async with gateway.client() as nobody:
        assert (await nobody.http.get(at)).status_code == 200
        match why:
            case "unknown":
                del behind.people[host.id]
            case "protected":
                behind.people[host.id] = behind.people[host.id].model_copy(update={"protected": True})
            case _:
                await behind.emit(Erased(person_id=host.id, version=2, at=datetime.now(UTC)))

        async def gone() -> bool:
            answer = await nobody.http.get(at)
            return answer.status_code == 404 and answer.json()["reason"] == "person_unknown"

        await eventually(gone)


async def test_one_address_reads_so_many_podcasts_a_minute(nats: NatsServer, behind: Backend, tmp_path: Path) -> None:
    podcast = Podcast(behind, a_person("Hanna"))
    feed = f"/v1/people/{podcast.host.id}/feed.xml"
    async with running_gateway(nats.url, tmp_path, feeds_per_minute=2) as gateway, gateway.client() as nobody:
        answers = [await nobody.http.get(feed) for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert answers[-1].json()["reason"] == "too_many_requests"
        assert int(answers[-1].headers["retry-after"]) > 0
