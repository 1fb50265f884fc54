"""In worlds made at random nobody is answered anything that a slow search of what they may read would not answer."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Literal

import pytest

from contracts.discovery.v1 import SearchQuery, TranscriptSearchQuery
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search
from tests.support.events import at
from tests.unit.discovery.world import MISSPELT, PEOPLE, RANKED, RANKED_SPACES, SLIPS, TITLES, WORDS, World

ROUNDS: Final = 400


def _query(chance: random.Random, world: World) -> TranscriptSearchQuery:
    words = " ".join(chance.choices((*WORDS, *WORDS, *SLIPS), k=chance.choice((1, 1, 1, 2, 2, 3))))
    return TranscriptSearchQuery(
        actor=chance.choice([None, *(one.id for one in PEOPLE)]),
        words=f'"{words}"' if chance.random() < 0.2 else words,
        speaker=chance.choice(PEOPLE).id if chance.random() < 0.2 else None,
        space_id=chance.choice(world.sheets).id if chance.random() < 0.2 else None,
        said_from=at(chance.uniform(0, 200)) if chance.random() < 0.2 else None,
        limit=100,
    )


def _query_for_spaces(chance: random.Random) -> SearchQuery:
    some = (*WORDS, *TITLES, *TITLES, *MISSPELT, *(one.handle for one in PEOPLE[:3]))
    states: tuple[Literal["live", "ended", "all"], ...] = ("live", "ended", "all")
    return SearchQuery(
        actor=chance.choice([None, *(one.id for one in PEOPLE)]),
        words=" ".join(chance.choices(some, k=chance.choice((1, 1, 2)))),
        state=chance.choice(states),
        limit=chance.choice((1, 2, 100)),
    )


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[tuple[SpaceDirectory, Search]]:
    async with (
        SpaceDirectory(tmp_path / "read.db") as spaces,
        Search(tmp_path / "read.db", seconds=20, candidates=RANKED_SPACES, sentences=RANKED) as search,
    ):
        yield spaces, search


@pytest.mark.parametrize("seed", range(1, 5))
async def test_nothing_leaks_that_a_slow_search_of_what_one_may_read_does_not_tell(
    parts: tuple[SpaceDirectory, Search], seed: int
) -> None:
    spaces, search = parts
    chance = random.Random(seed)
    world = World(spaces, chance)
    seen, capped, guesses = 0, 0, 0
    for turn in range(ROUNDS):
        for _ in range(3):
            world.happen()
        query = _query(chance, world)
        page = await search.find_sentences(query)
        told = [
            (
                one.caption_id,
                one.before.caption_id if one.before else None,
                one.after.caption_id if one.after else None,
            )
            for one in page.sentences
        ]
        assert (told, page.approximate, page.guessed) == world.search(query), (seed, turn, query)
        seen, capped, guesses = seen + len(told), capped + page.approximate, guesses + page.guessed
    assert seen > ROUNDS
    assert capped
    assert guesses


@pytest.mark.parametrize("seed", range(1, 5))
async def test_neither_do_headlines_nor_the_spaces_found_by_what_was_said(
    parts: tuple[SpaceDirectory, Search], seed: int
) -> None:
    spaces, search = parts
    chance = random.Random(seed)
    world = World(spaces, chance)
    by_headline, by_said, capped, guesses = 0, 0, 0, 0
    for turn in range(ROUNDS):
        for _ in range(3):
            world.happen()
        query = _query_for_spaces(chance)
        wanted = world.spaces(query)
        ids: list[str] = []
        said: dict[str, str] = {}
        approximate, cursor = False, None
        while True:
            found = await search.find(query.model_copy(update={"cursor": cursor}))
            ids += found.space_ids
            said |= {one.space_id: one.caption_id for one in found.spoken}
            approximate, cursor = approximate or found.approximate, found.next_cursor
            if cursor is None:
                break
        assert (ids, said, approximate) == wanted, (seed, turn, query)
        by_headline, by_said = by_headline + len(ids) - len(said), by_said + len(said)
        capped, guesses = capped + approximate, guesses + (query.words in MISSPELT and bool(ids))
    assert by_headline > ROUNDS / 2
    assert by_said > ROUNDS / 16
    assert capped
    assert guesses
