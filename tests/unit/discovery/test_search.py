"""What is found, in which order, and what is not."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.discovery.v1 import LookupQuery, SearchQuery
from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.room import v1 as room
from libs.ids import new_id, to_number
from libs.refusal import Refusal
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search
from tests.support.events import Stream, at, created, ended, person, started

ANN, BOB, EVE = person("ann"), person("bob"), PersonRef(id=new_id(), handle="Eve_L", name="Eve Lovelace")


class Place:
    """A read model, and searches of it."""

    def __init__(self, spaces: SpaceDirectory, search: Search) -> None:
        self.spaces = spaces
        self.search = search
        self._stream = Stream()

    def happen(self, *events: Event) -> None:
        self.spaces.take(self._stream.receive(*events), "e")

    def live(self, title: str, host: PersonRef = ANN, *, listeners: int = 0, **settings: Any) -> str:
        space = new_id()
        self.happen(
            created(space, host, title=title, **settings), started(space, host, title=title, **settings),
            presence.Counted(space_id=space, at=at(1), listeners=listeners, on_stage=1),
        )  # fmt: skip
        return space

    def planned(self, title: str, seconds: float, host: PersonRef = ANN) -> str:
        space = new_id()
        self.happen(created(space, host, title=title).model_copy(update={"scheduled_start": at(seconds)}))
        return space

    async def titles(self, words: str = "", **wanted: Any) -> list[str]:
        return (await self.page(words, **wanted))[0]

    async def page(self, words: str = "", **wanted: Any) -> tuple[list[str], str | None]:
        found = await self.search.find(SearchQuery(words=words, **wanted))
        return [card.title for card in self.spaces.cards(found.space_ids)], found.next_cursor


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with SpaceDirectory(tmp_path / "read.db") as spaces, Search(tmp_path / "read.db", seconds=20) as search:
        yield Place(spaces, search)


@pytest.fixture
def music(place: Place) -> Place:
    place.live("Jazz in the morning", BOB, topics=["music", "jazz"])
    place.live("Morning news", ANN, topics=["news"], lang="de")
    place.live("Techno and engineering", EVE, topics=["technology"], lang="en-GB")
    place.live("Café del Mar", EVE)
    return place


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("jazz", ["Jazz in the morning"]),
        ("JAZZ", ["Jazz in the morning"]),
        ("morn ja", ["Jazz in the morning"]),
        ("cafe", ["Café del Mar"]),
        ("bob", ["Jazz in the morning"]),
        ("@bob", ["Jazz in the morning"]),
        ("lovelace techno", ["Techno and engineering"]),
        ("#technology", ["Techno and engineering"]),
        ("jazz techno", []),
        ("nothing", []),
        ("?!", []),
    ],
)
async def test_words_of_the_headline_the_topics_and_the_host(music: Place, words: str, found: list[str]) -> None:
    assert await music.titles(words) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("jaxz", ["Jazz in the morning"]),
        ("mornign nwes", ["Morning news"]),
        ("enginering", ["Techno and engineering"]),
        ("egine", ["Techno and engineering"]),
        ("tehcno", ["Techno and engineering"]),
        ("lovlace", ["Café del Mar", "Techno and engineering"]),
        ("zebra", []),
    ],
)
async def test_a_slip_is_forgiven_also_in_the_beginning_of_a_word(music: Place, words: str, found: list[str]) -> None:
    assert sorted(await music.titles(words)) == sorted(found)


async def test_what_is_spelt_as_typed_goes_before_what_is_nearly_so(place: Place) -> None:
    place.live("Tales of the sea")
    place.live("Tables")
    assert await place.titles("tales") == ["Tales of the sea"]


async def test_a_word_in_the_headline_counts_more_than_one_in_a_name(place: Place) -> None:
    place.live("An evening of stories", PersonRef(id=new_id(), handle="coffee", name="Coffee"))
    place.live("Coffee and more stories", BOB)
    assert await place.titles("coffee") == ["Coffee and more stories", "An evening of stories"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"topic": "jazz"}, ["Jazz in the morning"]),
        ({"topic": "Technology"}, ["Techno and engineering"]),
        ({"lang": "de"}, ["Morning news"]),
        ({"lang": "en"}, ["Café del Mar", "Jazz in the morning", "Techno and engineering"]),
        ({"lang": "en-gb"}, ["Techno and engineering"]),
        ({"creator": "eve_l"}, ["Café del Mar", "Techno and engineering"]),
        ({"creator": "@Bob"}, ["Jazz in the morning"]),
        ({"creator": EVE.id, "words": "techno"}, ["Techno and engineering"]),
        ({"creator": "nobody"}, []),
        ({"topic": "news", "lang": "en"}, []),
    ],
)
async def test_filters(music: Place, wanted: dict[str, Any], found: list[str]) -> None:
    assert sorted(await music.titles(**wanted)) == found


async def test_a_persons_upcoming_and_past_spaces(place: Place) -> None:
    place.planned("Of another", 100, BOB)
    place.planned("Later", 7200, ANN)
    place.planned("Soon", 3600, ANN)
    past = place.live("Past", ANN)
    place.happen(ended(past, version=3))
    assert await place.titles(creator=ANN.id, state="scheduled") == ["Soon", "Later"]
    assert await place.titles(creator="@ann", state="ended") == ["Past"]


async def test_lists_without_words_have_an_order(place: Place) -> None:
    place.live("Few", listeners=2)
    place.live("Many", listeners=9)
    place.planned("Later", 7200)
    place.planned("Soon", 3600)
    for title, seconds in (("Old", 10), ("Older", 5)):
        space = place.live(title)
        place.happen(ended(space, version=3, seconds=seconds))
    lost = place.live("Lost")
    place.happen(room.Ended(space_id=lost, version=3, at=at(20), reason="timed_out"))
    off = place.planned("Off", 100)
    place.happen(room.Canceled(space_id=off, version=2, at=at(1)))
    assert await place.titles(state="live") == ["Many", "Few"]
    assert await place.titles(state="scheduled") == ["Soon", "Later"]
    assert await place.titles(state="ended") == ["Lost", "Old", "Older"]
    assert await place.titles(state="all") == ["Many", "Few", "Soon", "Later", "Lost", "Old", "Older"]
    assert await place.titles("off", state="all") == []


async def test_a_range_of_starts(place: Place) -> None:
    for hours in range(5):
        place.planned(f"At {hours}", hours * 3600)
    wanted: dict[str, Any] = {"state": "scheduled", "starts_from": at(3600), "starts_to": at(3 * 3600)}
    assert await place.titles(**wanted) == ["At 1", "At 2"]
    far = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    assert len(await place.titles(state="scheduled", starts_from=far[0], starts_to=far[1])) == 5


@pytest.mark.parametrize("words", ["", "tea", "teaa"])
async def test_pages_hold_everything_once(place: Place, words: str) -> None:
    for number in range(23):
        place.live(f"Tea {number}", listeners=number % 4)
    seen: list[str] = []
    cursor = None
    while True:
        titles, cursor = await place.page(words, limit=5, cursor=cursor)
        seen += titles
        if cursor is None:
            break
        assert len(titles) == 5
    assert len(seen) == len(set(seen)) == 23


@pytest.mark.parametrize("cursor", ["x", "e30", "W10", "bnVsbA", "0" * 300, "WzFlOTk5XQ", "é"])
async def test_a_cursor_that_is_none(place: Place, cursor: str) -> None:
    with pytest.raises(Refusal, match="invalid"):
        await place.page("tea", cursor=cursor)


async def test_a_cursor_of_another_search(place: Place) -> None:
    for number in range(3):
        place.live(f"Tea {number}")
    _, cursor = await place.page("tea", limit=1)
    with pytest.raises(Refusal, match="invalid"):
        await place.page("coffee", limit=1, cursor=cursor)


async def test_a_changed_headline_is_found_by_its_new_words_only(place: Place) -> None:
    space = place.planned("Tea", 60)
    place.happen(started(space, ANN, title="Coffee"))
    assert (await place.titles("tea"), await place.titles("coffee")) == ([], ["Coffee"])


async def test_only_what_one_may_join(place: Place) -> None:
    place.live("For all", BOB)
    place.live("For followers", BOB, who_can_join="followers")
    invited = place.live("For the invited", BOB, who_can_join="invited")
    assert await place.titles() == ["For all"]
    assert await place.titles("for", actor=EVE.id) == ["For all"]
    place.happen(people.Followed(person_id=EVE.id, version=2, at=at(0), followee_id=BOB.id))
    assert sorted(await place.titles("for", actor=EVE.id)) == ["For all", "For followers"]
    assert len(await place.titles("for", actor=BOB.id)) == 3
    place.happen(room.Invited(space_id=invited, version=3, at=at(1), person=EVE, to=room.InvitedTo.JOIN))
    assert len(await place.titles("for", actor=EVE.id)) == 3
    place.happen(room.Uninvited(space_id=invited, version=4, at=at(2), person_id=EVE.id))
    assert sorted(await place.titles("for", actor=EVE.id)) == ["For all", "For followers"]
    place.happen(people.Blocked(person_id=BOB.id, version=2, at=at(0), blocked_id=EVE.id))
    assert await place.titles("for", actor=EVE.id) == []


async def test_who_was_removed_finds_it_no_more(place: Place) -> None:
    space = place.live("Tea")
    place.happen(room.Removed(space_id=space, version=3, at=at(1), person_id=EVE.id))
    assert (await place.titles("tea", actor=EVE.id), await place.titles("tea")) == ([], ["Tea"])


async def test_no_words_break_it(music: Place) -> None:
    """What has a meaning in the query language, in SQL or in Unicode, and what is random."""
    letters = "\"*^:(){}[]+-'\\%_;,.~ANDORNOTNEARtitle\0\n\t \u0301\u202e\U0001f600éß中a1" + string.printable
    random.seed(7)
    hostile = [
        '"', '""', "*", "a*", "NOT", "AND AND", "NEAR(jazz morning, 2)", "title:jazz", "{title topics}: jazz", "^jazz",
        "'; DROP TABLE spaces; --", "\0", "jazz\0", "%", "_", "-jazz", "(" * 500, "a " * 1000, "é" * 2000,
        "\u0301" * 50, "ﷺ" * 300, "\U0001f600", "ａｂｃ", "x" * 2048,
        *("".join(random.choices(letters, k=30)) for _ in range(150)),
    ]  # fmt: skip
    for words in hostile:
        await music.titles(words, state="all")
    assert await music.titles("jazz") == ["Jazz in the morning"]


async def test_a_search_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async with SpaceDirectory(tmp_path / "read.db") as spaces, Search(tmp_path / "read.db", seconds=1e-9) as search:
        place = Place(spaces, search)
        for number in range(300):
            place.planned(f"Tea {number}", number)
        with pytest.raises(Refusal, match="too_many_requests"):
            await place.titles("tea te", state="all")


async def test_while_the_file_is_filled_anew_one_is_told_to_try_again(tmp_path: Path) -> None:
    async with Search(tmp_path / "read.db") as search:
        with pytest.raises(Refusal, match="unavailable"):
            await search.find(SearchQuery(words="tea"))
        async with SpaceDirectory(tmp_path / "read.db") as spaces:
            place = Place(spaces, search)
            place.live("Tea")
            assert await place.titles("tea") == ["Tea"]
            spaces.clear()
            assert await place.titles("tea") == []


async def test_waiting_searches_are_bounded(tmp_path: Path) -> None:
    async with (
        SpaceDirectory(tmp_path / "read.db") as spaces,
        Search(tmp_path / "read.db", threads=1, waiting=2) as search,
    ):
        place = Place(spaces, search)
        answers = await asyncio.gather(*(place.titles() for _ in range(10)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {list, Refusal}
        assert await place.titles() == []


async def test_official_hosts_are_looked_at_again_at_the_start(tmp_path: Path) -> None:
    async with SpaceDirectory(tmp_path / "read.db") as spaces, Search(tmp_path / "read.db") as search:
        space = Place(spaces, search).live("News", BOB)
        assert spaces.live_bar(EVE.id, 10) == ()
    async with SpaceDirectory(tmp_path / "read.db", ["@Bob"]) as spaces:
        (card,) = spaces.live_bar(EVE.id, 10)
        assert (card.id, card.official, card.because) == (space, True, ())
    async with SpaceDirectory(tmp_path / "read.db", []) as spaces:
        assert spaces.live_bar(EVE.id, 10) == ()


async def test_a_look_at_certain_spaces(place: Place) -> None:
    tea, pub = place.live("Tea", listeners=4), place.planned("Pub", 60)
    off = place.planned("Off", 60, BOB)
    place.happen(
        room.Canceled(space_id=off, version=2, at=at(1)),
        room.StageJoined(space_id=tea, version=3, at=at(2), person=BOB, role=room.Role.SPEAKER),
        room.StageJoined(space_id=tea, version=4, at=at(3), person=EVE, role=room.Role.COHOST),
        room.StageLeft(space_id=tea, version=5, at=at(4), person_id=BOB.id),
        room.Invited(space_id=tea, version=6, at=at(5), person=person("kim")),
        room.Invited(space_id=tea, version=7, at=at(6), person=BOB),
    )
    who = [people.ReminderSet(person_id=one.id, version=1, at=at(0), space_id=pub) for one in (BOB, EVE, EVE)]
    back = people.ReminderCleared(person_id=BOB.id, version=2, at=at(1), space_id=pub)
    place.happen(*who, back)
    one, two, three = place.spaces.lookup(LookupQuery(space_ids=(off, tea, new_id(), pub)))
    assert (one.state, three.title, three.subscribers) == (room.State.CANCELED, "Pub", 1)
    assert (two.creator, two.hosts, two.spoke, two.invited) == (ANN, (ANN, EVE), (BOB,), (BOB,))
    assert (two.participants, two.listeners, two.updated_at) == (6, 4, at(6))
    (two,) = place.spaces.lookup(LookupQuery(space_ids=(tea,), actor=EVE.id))
    assert two.invited == (person("kim"), BOB)
    place.happen(room.Uninvited(space_id=tea, version=8, at=at(7), person_id=person("kim").id))
    (two,) = place.spaces.lookup(LookupQuery(space_ids=(tea,), actor=EVE.id))
    assert two.invited == (BOB,)
    by_creator = LookupQuery(creator_ids=(BOB.id,), creator_numbers=(to_number(ANN.id),))
    assert [found.title for found in place.spaces.lookup(by_creator)] == ["Pub", "Tea"]


async def test_a_new_host_is_found_and_the_creator_is_kept(place: Place) -> None:
    tea = place.live("Tea")
    place.happen(
        room.StageJoined(space_id=tea, version=3, at=at(2), person=BOB, role=room.Role.COHOST),
        room.HostChanged(space_id=tea, version=4, at=at(3), host=BOB, previous_id=ANN.id, reason="handed_over"),
    )
    (found,) = place.spaces.lookup(LookupQuery(space_ids=(tea,)))
    assert (found.host, found.hosts, found.creator, found.spoke) == (BOB, (BOB,), ANN, (ANN,))
    assert (await place.titles("bob"), await place.titles("ann")) == (["Tea"], [])
    assert await place.titles(creator="ann") == ["Tea"]
