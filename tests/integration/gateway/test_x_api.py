"""tweepy, as it is, against a running gateway and discovery."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
import requests
import tweepy
from requests.adapters import HTTPAdapter

from contracts.envelope import Event, PersonRef, headers
from contracts.people import v1 as people
from contracts.presence.v1 import Counted
from contracts.room import v1 as room
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id, to_number
from libs.refusal import Refusal
from libs.service import running
from services.discovery.main import compose
from services.discovery.settings import Settings
from tests.integration.gateway.backend import AT, Backend, backend
from tests.integration.gateway.client import Client
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.events import START, at, created, started
from tests.support.nats import running_nats
from tests.support.waiting import LIMIT, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

T = TypeVar("T")
ANN = PersonRef(id=new_id(), handle="ann", name="Ann Lee")
BOB = PersonRef(id=new_id(), handle="bob", name="Bob")
KIM = PersonRef(id=new_id(), handle="kim", name="Kim")
ALL_FIELDS = (
    "created_at,creator_id,ended_at,host_ids,id,invited_user_ids,is_ticketed,lang,participant_count,scheduled_start,"
    "speaker_ids,started_at,state,subscriber_count,title,topic_ids,updated_at"
)
NOT_FOUND = "https://api.twitter.com/2/problems/resource-not-found"


class _Elsewhere(HTTPAdapter):
    """Sends to our address what tweepy sends to X."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        request.url = request.url.replace("https://api.twitter.com", self._base)
        return super().send(request, *args, **kwargs)


@dataclass
class World:
    """Some Spaces, and tweepy."""

    gateway: Running
    other: Running
    """Another gateway of the same installation."""
    bus: Bus
    rooms: Backend
    """What room answers of Spaces that discovery does not know yet."""
    tea: str
    pub: str
    old: str

    def tweepy(self, token: str | None = None, **options: Any) -> tweepy.Client:
        return _tweepy(self.gateway, token, **options)


def _tweepy(gateway: Running, token: str | None = None, **options: Any) -> tweepy.Client:
    client = tweepy.Client(token or gateway.identity.mint(BOB.id), **options)
    client.session.trust_env = False
    client.session.mount("https://api.twitter.com", _Elsewhere(gateway.base))
    return client


async def ask(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """tweepy waits; we do not."""
    return await asyncio.to_thread(call, *args, **kwargs)


async def publish(bus: Bus, *events: Event) -> None:
    for event in events:
        told = headers(event, id=new_id(), source=event.context)
        await bus.js.publish(event.subject, event.model_dump_json().encode(), headers=told)


def history(tea: str, pub: str, old: str) -> list[Event]:
    """One live Space with everything, one scheduled, one over."""
    chosen: dict[str, Any] = {"title": "Tea time", "lang": "de", "topics": ["food", "slow-living"]}
    pin = room.Pin(id=new_id(), url="https://example.org/tea", text="Leaves", person=ANN, pinned_at=at(7))
    return [
        created(tea, ANN, **chosen), started(tea, ANN, seconds=60, **chosen),
        room.Invited(space_id=tea, version=3, at=at(61), person=BOB),
        room.StageJoined(space_id=tea, version=4, at=at(62), person=BOB, role=room.Role.SPEAKER),
        room.Pinned(space_id=tea, version=5, at=at(63), pin=pin),
        Counted(space_id=tea, at=at(64), listeners=5, on_stage=2),
        created(pub, BOB, title="Pub talk").model_copy(update={"scheduled_start": START + timedelta(days=1)}),
        people.ReminderSet(person_id=KIM.id, version=1, at=at(8), space_id=pub),
        created(old, KIM, title="Old tea"), started(old, KIM, title="Old tea"),
        room.Ended(space_id=old, version=3, at=at(9), reason="timed_out"),
    ]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """The same for all tests of this module."""
    tea, pub, old = new_id(), new_id(), new_id()
    var = tmp_path_factory.mktemp("gateways")
    with running_nats() as nats:
        async with (
            await connect("test", BusSettings(url=nats.url)) as bus,
            running(Settings.read(nats.env), compose),
            backend(nats.url, "room") as rooms,
            running_gateway(nats.url, var, ask_seconds=30, lookups=10_000) as gateway,
            running_gateway(nats.url, var, ask_seconds=30, lookups=10_000) as other,
        ):
            world = World(gateway, other, bus, rooms, tea, pub, old)
            await publish(bus, *history(tea, pub, old))
            await until(lambda space: space is not None and space.state == "ended", world.tweepy(), old)
            yield world


async def until(true: Callable[[tweepy.Space | None], bool], client: tweepy.Client, space_id: str) -> None:
    """Wait until what is found is so."""

    async def so() -> bool:
        return true((await ask(client.get_space, space_id)).data)

    await eventually(so)


async def test_a_start_with_an_offset_is_told_in_utc(world: World) -> None:
    given, told = "2026-12-01T19:00:16.987654+05:45", "2026-12-01T13:15:16.987Z"
    later = new_id()
    event = json.loads(created(later, KIM, title="Abroad").model_dump_json()) | {"scheduled_start": given}
    # As an earlier version published it.
    about = headers(created(later, KIM), id=new_id(), source="room")
    await world.bus.js.publish(f"rostrum.room.v1.{later}.created", json.dumps(event).encode(), headers=about)
    client = world.tweepy(return_type=dict)
    await until(lambda space: space is not None, world.tweepy(), later)
    answer = await ask(client.get_space, later, space_fields="scheduled_start")
    assert answer["data"]["scheduled_start"] == told
    await publish(world.bus, room.Canceled(space_id=later, version=2, at=at(72)))
    await until(lambda space: space is not None and space.state == "canceled", world.tweepy(), later)


async def test_what_discovery_does_not_know_yet_is_told_from_room(world: World) -> None:
    client = world.tweepy()
    space = world.rooms.add(KIM)
    stage = (
        *space.stage,
        room.StageMember(person=ANN, role=room.Role.COHOST, joined_at=at(30)),
        room.StageMember(person=BOB, role=room.Role.SPEAKER, joined_at=at(31)),
    )
    world.rooms.spaces[space.id] = space.model_copy(update={"stage": stage})
    found = (await ask(client.get_space, space.id, space_fields=ALL_FIELDS)).data
    assert (found.state, found.title, found.creator_id) == ("live", "Tea", to_number(KIM.id))
    assert found.host_ids == [str(to_number(KIM.id)), str(to_number(ANN.id))]
    assert (found.speaker_ids, found.participant_count) == ([str(to_number(BOB.id))], 3)
    assert (found.created_at, found.updated_at, found.scheduled_start) == (AT, at(31), None)
    missing = new_id()
    several = await ask(client.get_spaces, ids=[space.id, missing, world.tea])
    assert [one.id for one in several.data] == [space.id, world.tea]
    assert [error["value"] for error in several.errors] == [missing]
    assert (await ask(client.get_space_buyers, space.id)).meta == {"result_count": 0}
    assert (await ask(client.get_space_tweets, space.id)).meta == {"result_count": 0}


async def is_there_at_once(kim: Client, title: str, ids: Callable[[], Awaitable[list[str]]]) -> bool:
    """Whether a list has a Space right after it was made: nobody waits longer than a second for that, and a machine
    that stands still for so long is tried again."""
    for _ in range(3):
        made = (await kim.http.post("/v1/spaces", json={"title": title})).json()["id"]
        if made in await ids():
            return True
    return False


async def test_lists_of_every_gateway_have_a_space_the_moment_it_exists(world: World) -> None:
    later: list[asyncio.Task[None]] = []

    async def tell_later(made: room.Space) -> None:
        await asyncio.sleep(0.2)  # discovery is behind
        event = created(made.id, KIM, title=made.settings.title)
        await publish(world.bus, event.model_copy(update={"scheduled_start": START + timedelta(days=2)}))

    async def create(command: room.CreateSpace) -> room.Space:
        made = world.rooms.add(KIM, id=command.space_id, settings=command.settings)
        later.append(asyncio.create_task(tell_later(made)))
        return made

    world.rooms.on(room.CreateSpace, create)
    tweepy_of_bob = world.tweepy()
    async with world.gateway.client(KIM.id) as kim, world.other.client(KIM.id) as elsewhere:
        for at_which in (world.gateway, world.other):
            bobs = _tweepy(at_which)
            for look, title in (
                (partial(bobs.search_spaces, "zabaglione"), "Zabaglione"),
                (partial(bobs.get_spaces, user_ids=[KIM.id]), "Sabayon"),
            ):

                async def found(look: Callable[[], tweepy.Response] = look) -> list[str]:
                    return [one.id for one in (await ask(look)).data or []]

                assert await is_there_at_once(kim, title, found)
        for client in (kim, elsewhere):

            async def listed(client: Client = client) -> list[str]:
                return [one["id"] for one in (await client.http.get("/v1/spaces?state=scheduled")).json()["spaces"]]

            assert await is_there_at_once(kim, title, listed)
    await asyncio.gather(*later)
    ids = [made.id for made in world.rooms.spaces.values() if made.settings.title in ("Zabaglione", "Sabayon")]
    await publish(world.bus, *[room.Canceled(space_id=one, version=2, at=at(72)) for one in ids])
    for one in ids:
        await until(lambda space: space is not None and space.state == "canceled", tweepy_of_bob, one)


@pytest.mark.parametrize(
    "closed",
    [
        {"removed": (BOB.id,)},
        {"settings": room.Settings(title="Us", who_can_join=room.WhoCanJoin.INVITED)},
        {"settings": room.Settings(title="Us", who_can_join=room.WhoCanJoin.FOLLOWERS)},
    ],
)
async def test_what_room_shows_somebody_else_is_not_there(world: World, closed: dict[str, Any]) -> None:
    space = world.rooms.add(KIM, **closed)

    async def only_the_host(query: room.SpaceQuery) -> room.Space:
        if query.actor != KIM.id:
            raise Refusal("removed" if "removed" in closed else "not_allowed", "This Space is for others.")
        return space

    world.rooms.on(room.SpaceQuery, only_the_host)
    assert (await ask(world.tweepy().get_space, space.id)).errors[0]["value"] == space.id
    as_kim = world.tweepy(world.gateway.identity.mint(KIM.id))
    assert (await ask(as_kim.get_space, space.id)).data.id == space.id


async def test_while_room_is_away_what_discovery_does_not_know_is_to_be_asked_for_later(world: World) -> None:
    new = new_id()

    async def away(query: room.SpaceQuery) -> room.Space:
        if query.space_id == new:
            raise Refusal("unavailable", "Later.", retry=True)
        raise Refusal("space_unknown", "There is no such Space.")

    world.rooms.on(room.SpaceQuery, away)
    with pytest.raises(tweepy.TwitterServerError) as later:
        await ask(world.tweepy().get_spaces, ids=[world.tea, new])
    assert later.value.response.status_code == 503


async def test_every_answer_tells_what_is_left_to_look_up(world: World, tmp_path: Path) -> None:
    async with running_gateway(world.bus.settings.url, tmp_path, lookups=3, lookups_seconds=600) as gateway:
        client, other = _tweepy(gateway, return_type=requests.Response), _tweepy(gateway, gateway.identity.mint(KIM.id))
        begun = time.time()
        left = []
        for wanted in (world.tea, new_id()):
            answer = await ask(client.get_space, wanted)
            left.append(answer.headers["x-rate-limit-remaining"])
        assert answer.headers["x-rate-limit-limit"] == "3"
        assert answer.headers["ratelimit-policy"] == '"lookups";q=3;w=600'
        assert begun + 599 <= int(answer.headers["x-rate-limit-reset"]) <= time.time() + 601
        with pytest.raises(tweepy.BadRequest) as wrong:
            await ask(client.get_space, world.tea, space_fields="asdf")
        left.append(wrong.value.response.headers["x-rate-limit-remaining"])
        assert left == ["2", "1", "0"]
        with pytest.raises(tweepy.TooManyRequests) as enough:
            await ask(client.get_space, world.tea)
        told = enough.value.response.headers
        assert (told["x-rate-limit-remaining"], told["x-rate-limit-reset"]) == (
            "0",
            answer.headers["x-rate-limit-reset"],
        )
        assert 590 <= int(told["retry-after"]) <= 601
        # Others have their own, and so have other kinds of lookup.
        assert (await ask(other.get_space, world.tea)).data.id == world.tea
        assert (await ask(client.get_spaces, ids=[world.tea])).headers["x-rate-limit-remaining"] == "2"


async def test_only_id_and_state_unless_asked(world: World) -> None:
    answer = await ask(world.tweepy().get_space, world.tea)
    assert answer.data.data == {"id": world.tea, "state": "live"}
    assert (answer.includes, answer.errors, answer.meta) == ({}, [], {})


async def test_every_field(world: World) -> None:
    space = (await ask(world.tweepy().get_space, world.tea, space_fields=ALL_FIELDS)).data
    assert isinstance(space, tweepy.Space)
    ann, bob = to_number(ANN.id), to_number(BOB.id)
    assert (space.id, space.state, space.title, space.lang) == (world.tea, "live", "Tea time", "de")
    assert (space.creator_id, space.host_ids) == (ann, [str(ann)])
    assert (space.speaker_ids, space.invited_user_ids) == ([str(bob)], [str(bob)])
    assert (space.participant_count, space.subscriber_count, space.is_ticketed) == (7, 0, False)
    assert (space.created_at, space.started_at, space.updated_at) == (at(0), at(60), at(63))
    assert (space.scheduled_start, space.ended_at) == (None, None)
    assert space.topic_ids == ["food", "slow-living"]
    assert space.created_at.tzinfo == UTC


async def test_a_scheduled_and_an_ended_space(world: World) -> None:
    client = world.tweepy()
    fields = ["scheduled_start", "started_at", "title", "subscriber_count"]
    pub = (await ask(client.get_space, world.pub, space_fields=fields)).data
    assert (pub.state, pub.title, pub.started_at, pub.subscriber_count) == ("scheduled", "Pub talk", None, 1)
    assert pub.scheduled_start == START + timedelta(days=1)
    old = (await ask(client.get_space, world.old, space_fields="ended_at,participant_count,speaker_ids")).data
    assert (old.state, old.ended_at, old.participant_count, old.speaker_ids) == ("ended", at(9), 0, [])


async def test_expansions(world: World) -> None:
    expansions = ["creator_id", "host_ids", "invited_user_ids", "speaker_ids"]
    answer = await ask(world.tweepy().get_space, world.tea, expansions=expansions, user_fields=["username", "verified"])
    users = answer.includes["users"]
    assert [(user.id, user.username, user.name) for user in users] == [
        (to_number(ANN.id), "ann", "Ann Lee"),
        (to_number(BOB.id), "bob", "Bob"),
    ]
    assert all(isinstance(user, tweepy.User) for user in users)
    assert answer.data.creator_id == to_number(ANN.id)
    assert answer.data.title is None
    topics = await ask(world.tweepy(return_type=dict).get_space, world.tea, expansions="topic_ids")
    assert topics["includes"] == {
        "topics": [{"id": "food", "name": "Food"}, {"id": "slow-living", "name": "Slow Living"}]
    }


async def test_several_with_errors_for_those_that_are_not_there(world: World) -> None:
    missing = new_id()
    answer = await ask(world.tweepy().get_spaces, ids=[world.pub, missing, world.tea, "1DXxyRYNejbKM"])
    assert [space.id for space in answer.data] == [world.pub, world.tea]
    assert answer.errors[0] == {
        "title": "Not Found Error",
        "type": NOT_FOUND,
        "detail": f"Could not find space with ids: [{missing}].",
        "resource_type": "space",
        "resource_id": missing,
        "parameter": "ids",
        "value": missing,
    }
    assert [error["value"] for error in answer.errors] == [missing, "1DXxyRYNejbKM"]
    nothing = await ask(world.tweepy().get_space, missing)
    assert (nothing.data, nothing.errors[0]["parameter"], nothing.errors[0]["type"]) == (None, "id", NOT_FOUND)


async def test_by_creators(world: World) -> None:
    client = world.tweepy()
    users = [to_number(ANN.id), to_number(BOB.id), to_number(KIM.id), 12]
    answer = await ask(client.get_spaces, user_ids=users, expansions="creator_id")
    assert {space.id for space in answer.data} == {world.tea, world.pub}  # not the one that is over
    assert answer.meta == {"result_count": 2}
    assert {user.username for user in answer.includes["users"]} == {"ann", "bob"}
    by_our_id = await ask(client.get_spaces, user_ids=[BOB.id])
    assert [space.id for space in by_our_id.data] == [world.pub]
    none = await ask(client.get_spaces, user_ids=[12])
    assert (none.data, none.meta) == (None, {"result_count": 0})


@pytest.mark.parametrize(
    ("query", "state", "found"),
    [
        ("tea", None, ["Tea time"]),
        ("T", None, []),
        ("ta", None, ["Pub talk"]),
        ("tea tmie", None, ["Tea time"]),
        ("pub", "live", []),
        ("pub", "scheduled", ["Pub talk"]),
        ("@bob", "all", ["Pub talk"]),
        ('"; NEAR(', "all", []),
    ],
)
async def test_search(world: World, query: str, state: str | None, found: list[str]) -> None:
    options = {"state": state} if state else {}
    answer = await ask(world.tweepy().search_spaces, query, space_fields=["title"], max_results=10, **options)
    assert [space.title for space in answer.data or []] == found
    assert answer.meta == {"result_count": len(found)}


async def test_buyers_and_pinned_posts(world: World) -> None:
    client = world.tweepy()
    buyers = await ask(client.get_space_buyers, world.tea)
    assert (buyers.data, buyers.meta) == (None, {"result_count": 0})
    posts = await ask(
        client.get_space_tweets, world.tea, tweet_fields=["author_id", "created_at"], expansions=["author_id"]
    )
    (post,) = posts.data
    assert (post.text, post.author_id, post.created_at) == (
        "Leaves https://example.org/tea", to_number(ANN.id), at(7)
    )  # fmt: skip
    assert [user.username for user in posts.includes["users"]] == ["ann"]
    assert (await ask(client.get_space_tweets, world.pub)).meta == {"result_count": 0}
    assert (await ask(client.get_space_buyers, new_id())).errors[0]["resource_type"] == "space"


@pytest.mark.parametrize(
    ("call", "parameter", "said"),
    [
        (lambda c, w: c.get_space(w.tea, space_fields="title,asdf"), "space.fields", "[asdf] is not one of"),
        (lambda c, w: c.get_space(w.tea, expansions="author_id"), "expansions", "[author_id] is not one of"),
        (lambda c, w: c.get_space(w.tea, user_fields="shoe"), "user.fields", "[shoe] is not one of"),
        (lambda c, w: c.get_space("no_id!"), "id", "does not match"),
        (lambda c, w: c.get_spaces(ids=["a"] + [str(n) for n in range(100)]), "ids", "between 1 and 100"),
        (lambda c, w: c.get_spaces(user_ids=["ann"]), "user_ids", "does not match"),
        (lambda c, w: c.search_spaces("tea", state="ended"), "state", "[ended] is not one of"),
        (lambda c, w: c.search_spaces("tea", state="live,scheduled"), "state", "[live,scheduled] is not one of"),
        (lambda c, w: c.search_spaces("tea", max_results=101), "max_results", "[101] is not valid"),
        (lambda c, w: c.search_spaces(""), "query", "not valid"),
        (lambda c, w: c._make_request("GET", "/2/spaces"), "ids", "not valid"),
        (lambda c, w: c.get_space(w.tea, foo="bar"), "foo", "[foo] is not one of"),
    ],
)
async def test_invalid_parameters(
    world: World, call: Callable[[tweepy.Client, World], Any], parameter: str, said: str
) -> None:
    with pytest.raises(tweepy.BadRequest) as error:
        await ask(call, world.tweepy(), world)
    assert said in error.value.api_messages[0]
    assert list(error.value.api_errors[0]["parameters"]) == [parameter]
    document = error.value.response.json()
    assert (document["title"], document["status"]) == ("Invalid Request", 400)
    assert document["detail"] == "One or more parameters to your request was invalid."
    assert document["type"] == "https://api.twitter.com/2/problems/invalid-request"


async def test_without_a_good_token(world: World) -> None:
    with pytest.raises(tweepy.Unauthorized) as error:
        await ask(world.tweepy("nonsense").get_space, world.tea)
    document = error.value.response.json()
    assert {name: document[name] for name in ("title", "type", "status", "detail")} == {
        "title": "Unauthorized",
        "type": "about:blank",
        "status": 401,
        "detail": "Unauthorized",
    }
    without = await ask(requests.get, f"{world.gateway.base}/2/spaces/{world.tea}", timeout=LIMIT)
    assert without.status_code == 401


async def test_who_was_removed_is_told_that_there_is_none(world: World) -> None:
    away = new_id()
    await publish(
        world.bus, created(away, KIM, title="Zither"),
        room.Removed(space_id=away, version=2, at=at(70), person_id=BOB.id),
    )  # fmt: skip
    as_kim = world.tweepy(world.gateway.identity.mint(KIM.id))
    await until(lambda space: space is not None and space.state == "scheduled", as_kim, away)
    client = world.tweepy()
    await until(lambda space: space is None, client, away)
    assert (await ask(client.search_spaces, "zither")).data is None
    assert (await ask(as_kim.search_spaces, "zither")).data[0].id == away
    await publish(world.bus, room.Canceled(space_id=away, version=3, at=at(71)))
    await until(lambda space: space is not None and space.state == "canceled", as_kim, away)
    assert (await ask(as_kim.search_spaces, "zither")).data is None


async def test_discovery_away_is_told_as_such(tmp_path: Path) -> None:
    with running_nats() as nats:
        async with running_gateway(nats.url, tmp_path, ask_seconds=0.3) as gateway:
            with pytest.raises(tweepy.TwitterServerError) as error:
                await ask(_tweepy(gateway).get_space, new_id())
    assert error.value.response.status_code == 503


async def test_browse_and_search_of_our_own(world: World) -> None:
    async with world.gateway.client() as nobody:

        async def titles(**wanted: str | int) -> tuple[list[str], str | None]:
            answer = await nobody.http.get("/v1/spaces", params=wanted)
            assert answer.status_code == 200, answer.text
            return [space["title"] for space in answer.json()["spaces"]], answer.json()["next_cursor"]

        assert await titles() == (["Tea time"], None)
        assert await titles(state="all") == (["Tea time", "Pub talk", "Old tea"], None)
        assert await titles(state="all", q="tea") == (["Tea time", "Old tea"], None)
        assert await titles(topic="food", lang="de", creator="ann") == (["Tea time"], None)
        tomorrow = {"from": (START + timedelta(hours=12)).isoformat(), "to": (START + timedelta(hours=36)).isoformat()}
        assert (await titles(state="scheduled", **tomorrow))[0] == ["Pub talk"]
        first, cursor = await titles(state="all", limit=2)
        assert cursor is not None
        assert (first, await titles(state="all", limit=2, cursor=cursor)) == (
            ["Tea time", "Pub talk"],
            (["Old tea"], None),
        )
        for wrong in ({"cursor": "x"}, {"from": "yesterday"}, {"limit": 0}, {"state": "gone"}, {"q": "x" * 201}):
            assert (await nobody.http.get("/v1/spaces", params=wrong)).status_code == 422, wrong
        for hostile in ("\0", "%00", '"' * 50, "NEAR(", "a* OR b", "\U0001f600", "*", "'; --", "\ud7ff"):
            assert (await nobody.http.get("/v1/spaces", params={"q": hostile})).status_code == 200, hostile
