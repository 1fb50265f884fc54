"""The search for sentences among 650,000 in 10,000 Spaces of which the asker may read one in twenty.

The Spaces and the sentences go into the read model as events, 20 Spaces live at a time. Words are as frequent as in
speech: the second most common word half as often as the first, and so on (Zipf), of 30,000. The asker may read a Space
because everybody may, because they follow its host, or because they are invited; of the others each is closed to them
for one of all the reasons there are.
"""

from __future__ import annotations

import itertools
import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from contracts.discovery.v1 import TranscriptSearchQuery
from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.room import v1 as room
from contracts.transcription import v1 as transcription
from libs.ids import new_id
from services.discovery.projection import schema
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.reader import SearchReader
from services.discovery.projection.search import Search
from tests.bench.harness import Reference, Row, quantile, say
from tests.support.events import Stream, at, created, started

SPACES = 10_000
SENTENCES = 65
"""In each Space."""
LIVE = 20
"""At a time."""
VISIBLE = 20
"""One Space in so many may be read."""
VOCABULARY = 30_000
SEARCHES = 200


def someone(number: int) -> PersonRef:
    """Person number so and so."""
    return PersonRef(id=f"{number:026d}", handle=f"p{number}", name=f"P {number}")


ASKER, REMOVER, BLOCKER, FRIEND = (someone(9_000_000 + number) for number in range(4))
LETTERS = "bcdfghjklmnprstvz"
VOWELS = "aeiou"


def word(rank: int) -> str:
    """The word of a rank, 0 the most common."""
    syllables = []
    rank += len(LETTERS) * len(VOWELS)
    while rank:
        rank, left = divmod(rank, len(LETTERS) * len(VOWELS))
        syllables.append(LETTERS[left % len(LETTERS)] + VOWELS[left // len(LETTERS)])
    return "".join(syllables)


async def measure() -> list[Row]:
    """Fill the read model, search in it, and go through every row beside it."""
    chance = random.Random(5)
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        path = Path(folder) / "read.db"
        async with SpaceDirectory(path) as spaces, Search(path, seconds=30) as search:
            say(f"saying {SPACES * SENTENCES:,} sentences")
            filling = _fill(spaces, chance)
            readable = _count(spaces)
            assert readable == SPACES // VISIBLE, readable
            say("searching")
            took, busy = {}, []
            for name, queries in _queries(chance).items():
                took[name], cpu = await _search(search, queries)
                busy += cpu
            say("searching with every row looked at")
            spaces.db.execute("CREATE VIRTUAL TABLE temp.by_words USING fts5(text, content = '')")
            spaces.db.execute("INSERT INTO temp.by_words (rowid, text) SELECT k, text FROM said")
            slow = [_slow(spaces, word(rank)) for rank in range(5)]
            said = await _said_until_found(spaces, search)
            everybody, _ = await _search(search, _queries(chance)["common words"], actor=None)
            size = path.stat().st_size
    conditions = (
        f"{SPACES * SENTENCES:,} sentences in {SPACES:,} Spaces, {readable} of them readable by the asker, "
        f"{SEARCHES} searches one after another, a page of 20 with their neighbours"
    )
    scan = Reference(
        "a common word by FTS5, with the permission as a condition beside MATCH, ms", quantile(slow, 0.5) * 1000
    )
    everything = [one for some in took.values() for one in some]
    return [
        Row("sentences found, all kinds of words, p95", quantile(everything, 0.95) * 1000, "ms", conditions, scan),
        *(
            Row(f"sentences found, {name}, p95", quantile(some, 0.95) * 1000, "ms", conditions, scan)
            for name, some in took.items()
        ),
        Row("processor time of a search, all kinds of words, p95", quantile(busy, 0.95) * 1000, "ms",
            "the same; what a search takes where nothing else runs"),
        Row("sentences found, common words, somebody anonymous, p95", quantile(everybody, 0.95) * 1000, "ms",
            "the same, by somebody anonymous, to whom one Space in 60 is open"),
        Row("from a caption in the stream to its being found, p95", said * 1000, "ms",
            "applied to the read model, committed and searched, 50 in turn"),
        Row("sentences taken into the index per second", SPACES * SENTENCES / filling, "1/s",
            f"with their events, 200 at once; {size / 1e6:.0f} MB in the end"),
    ]  # fmt: skip


def _fill(spaces: SpaceDirectory, chance: random.Random) -> float:
    """Everything that happens; the seconds it took to apply."""
    stream, took = Stream(), 0.0

    def take(events: Iterable[Event]) -> None:
        nonlocal took
        batch = stream.receive(*events)
        began = time.perf_counter()
        spaces.take(batch, "e")
        took += time.perf_counter() - began

    take(
        [
            people.Blocked(person_id=BLOCKER.id, version=1, at=at(0), blocked_id=ASKER.id),
            people.Followed(person_id=ASKER.id, version=1, at=at(0), followee_id=FRIEND.id),
            people.Followed(person_id=ASKER.id, version=2, at=at(0), followee_id=BLOCKER.id),
        ]
    )
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(VOCABULARY)))
    words = [word(rank) for rank in range(VOCABULARY)]

    def sentence() -> str:
        return " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(5, 16)))

    for first in range(0, SPACES, LIVE):
        ids = {number: new_id() for number in range(first, first + LIVE)}
        take(event for number, id in ids.items() for event in _space(number, id))
        for turn in range(0, SENTENCES, 10):
            take(
                _said(id, number, turn + by, sentence())
                for by in range(min(10, SENTENCES - turn))
                for number, id in ids.items()
            )
    return took


def _space(number: int, id: str) -> Iterator[Event]:
    """A Space that the asker may read (one in `VISIBLE`), or not, for one reason after the other."""
    open_by, closed_by = number // VISIBLE % 3, number % 4
    if number % VISIBLE == 0:
        host = FRIEND if open_by == 1 else someone(number)
        who = (room.WhoCanJoin.EVERYONE, room.WhoCanJoin.FOLLOWERS, room.WhoCanJoin.INVITED)[open_by]
    else:
        host = BLOCKER if closed_by == 0 else someone(number)
        who = (
            room.WhoCanJoin.EVERYONE, room.WhoCanJoin.EVERYONE, room.WhoCanJoin.FOLLOWERS, room.WhoCanJoin.INVITED
        )[closed_by]  # fmt: skip
    yield created(id, host, who_can_join=who, recorded=True)
    yield started(id, host, who_can_join=who, recorded=True)
    if number % VISIBLE == 0 and open_by == 2:
        yield room.Invited(space_id=id, version=3, at=at(1), person=ASKER, to=room.InvitedTo.JOIN)
    if number % VISIBLE and closed_by == 1:
        yield room.Removed(space_id=id, version=3, at=at(1), person_id=ASKER.id)


def _said(space_id: str, number: int, turn: int, text: str) -> transcription.Captioned:
    seconds = number * 10 + turn
    caption = transcription.Caption(
        id=f"{space_id}-{turn}", person=someone(number % 1500 * 3 + turn % 3), lang="en", text=text,
        start_at=at(seconds), end_at=at(seconds + 1),
    )  # fmt: skip
    return transcription.Captioned(space_id=space_id, version=turn + 1, at=at(seconds), caption=caption)


def _count(spaces: SpaceDirectory) -> int:
    return len(SearchReader(spaces.db, ASKER.id).transcripts)


def _queries(chance: random.Random) -> dict[str, list[TranscriptSearchQuery]]:
    def some(*ranks: tuple[int, int], quote: str = "", speaker: str | None = None) -> list[TranscriptSearchQuery]:
        asked = (" ".join(word(chance.randrange(*one)) for one in ranks) for _ in range(SEARCHES))
        return [TranscriptSearchQuery(words=quote + words + quote, speaker=speaker) for words in asked]

    def slip() -> list[TranscriptSearchQuery]:
        asked = [word(chance.randrange(8000, VOCABULARY)) for _ in range(SEARCHES)]
        return [TranscriptSearchQuery(words=one[:2] + "x" + one[3:]) for one in asked]

    return {
        "common words": some((0, 10)),
        "words of middling frequency": some((10, 300)),
        "rare words": some((2000, VOCABULARY)),
        "two common words": some((0, 30), (0, 30)),
        "a common and a rare word": some((0, 10), (2000, VOCABULARY)),
        "phrases of common words": some((0, 30), (0, 30), quote='"'),
        "a word with a slip": slip(),
        "a common word of one speaker": some((0, 10), speaker="p60"),
    }


async def _search(
    search: Search, queries: Iterable[TranscriptSearchQuery], actor: str | None = ASKER.id
) -> tuple[list[float], list[float]]:
    """Seconds of each search by the clock, and of the processor."""
    took, busy = [], []
    for query in queries:
        asked = query.model_copy(update={"actor": actor})
        began, cpu = time.perf_counter(), time.process_time()
        await search.find_sentences(asked)
        took.append(time.perf_counter() - began)
        busy.append(time.process_time() - cpu)
    return took, busy


def _slow(spaces: SpaceDirectory, sought: str) -> float:
    """Seconds for SQLite's full-text index to rank all that has the word, with the permission as one more condition."""
    began = time.perf_counter()
    spaces.db.execute(
        f"SELECT c.k FROM temp.by_words t JOIN captions c ON c.k = t.rowid JOIN spaces s ON s.id = c.space_id"
        f" WHERE t.by_words MATCH :match AND {schema.READABLE} ORDER BY rank LIMIT 20",
        {"match": f'"{sought}"', "actor": ASKER.id},
    ).fetchall()
    return time.perf_counter() - began


async def _said_until_found(spaces: SpaceDirectory, search: Search) -> float:
    id, took = new_id(), []
    stream = Stream(spaces.sequence + 1)
    spaces.take(stream.receive(created(id, FRIEND), started(id, FRIEND)), "e")
    for number in range(50):
        event = _said(id, 0, number, f"zebra{number} crossing")
        began = time.perf_counter()
        spaces.take(stream.receive(event), "e")
        found = await search.find_sentences(TranscriptSearchQuery(words=f"zebra{number}", actor=ASKER.id))
        took.append(time.perf_counter() - began)
        assert [one.caption_id for one in found.sentences] == [event.caption.id]
    return quantile(took, 0.95)
