"""What transcription knows of Spaces from room's events."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.room import v1 as room
from contracts.transcription import v1
from libs.aio import end
from libs.bus import Received
from libs.ids import new_id
from libs.refusal import Refusal
from services.transcription.app.captioning import Captioning
from services.transcription.projection.stages import SpokenLanguage, Stages
from tests.support.at_rest import contents
from tests.support.waiting import eventually

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
NOW = round(AT.timestamp() * 1e6) + 10_000_000
SPACE = new_id()


def received(event: Event, sequence: int) -> Received:
    return Received(event, sequence, AT, {})


def known(who: PersonRef) -> people.Registered:
    return people.Registered(person_id=who.id, version=1, at=AT, handle=who.handle, display_name=who.name)


async def test_names_headline_and_topics_are_the_words_that_may_be_said(tmp_path: Path) -> None:
    host, guest = (PersonRef(id=new_id(), handle=name.lower(), name=name) for name in ("Xochitl", "Björn"))
    settings = room.Settings(title="On rivers", topics=("city-gardens", "music"), captions=True)
    events: list[Event] = [
        known(host),
        known(guest),
        room.Started(space_id=SPACE, version=1, at=AT, host=host, settings=settings),
        room.StageJoined(
            space_id=SPACE, version=2, at=AT, person=guest, role=room.Role.SPEAKER, consent_to_recording=True
        ),
    ]
    async with Stages(tmp_path / "stages.db") as stages:
        for sequence, event in enumerate(events, 1):
            stages.apply(received(event, sequence))
        assert stages.vocabulary(SPACE, NOW) == "Björn, Xochitl. On rivers. city gardens, music"
        renamed = settings.model_copy(update={"title": "On lakes", "topics": ()})
        stages.apply(received(room.SettingsChanged(space_id=SPACE, version=3, at=AT, settings=renamed), 5))
        assert stages.vocabulary(SPACE, NOW) == "Björn, Xochitl. On lakes"
        assert stages.vocabulary(new_id(), NOW) == ""
        erased = settings.model_copy(update={"title": room.TITLE_REMOVED})
        stages.apply(received(room.SettingsChanged(space_id=SPACE, version=4, at=AT, settings=erased), 6))
        assert stages.vocabulary(SPACE, NOW) == "Björn, Xochitl. city gardens, music"


async def test_the_hosts_words_come_first_also_those_from_before_the_start(tmp_path: Path) -> None:
    host = PersonRef(id=new_id(), handle="x", name="Xochitl")
    settings = room.Settings(title="On rivers", captions=True)
    never = new_id()
    events: list[Event] = [
        known(host),
        room.WordsChanged(space_id=SPACE, version=2, at=AT, words=("Dashwood", "HNSW")),
        room.WordsChanged(space_id=never, version=2, at=AT, words=("Kvasir",)),
        room.Started(space_id=SPACE, version=3, at=AT, host=host, settings=settings),
        room.Canceled(space_id=never, version=3, at=AT),
    ]
    async with Stages(tmp_path / "stages.db") as stages:
        for sequence, event in enumerate(events, 1):
            stages.apply(received(event, sequence))
        assert stages.vocabulary(SPACE, NOW) == "Dashwood, HNSW. Xochitl. On rivers"
        assert stages.vocabulary(never, NOW) == ""
        stages.apply(received(room.WordsChanged(space_id=SPACE, version=4, at=AT, words=()), 6))
        assert stages.vocabulary(SPACE, NOW) == "Xochitl. On rivers"


async def test_speech_that_waits_is_prompted_as_at_its_moment(tmp_path: Path) -> None:
    host, guest = (PersonRef(id=new_id(), handle=name.lower(), name=name) for name in ("Xochitl", "Björn"))
    settings = room.Settings(title="On rivers", captions=True)
    later = AT + timedelta(seconds=5)
    events: list[Event] = [
        known(host),
        known(guest),
        room.Started(space_id=SPACE, version=1, at=AT, host=host, settings=settings),
        room.StageJoined(
            space_id=SPACE, version=2, at=later, person=guest, role=room.Role.SPEAKER, consent_to_recording=True
        ),
    ]
    async with Stages(tmp_path / "stages.db") as stages:
        for sequence, event in enumerate(events, 1):
            stages.apply(received(event, sequence))
        joined = round(later.timestamp() * 1e6)
        assert [stages.vocabulary(SPACE, at) for at in (0, joined - 1, joined, NOW)] == [
            "Xochitl. On rivers", "Xochitl. On rivers", "Björn, Xochitl. On rivers", "Björn, Xochitl. On rivers",
        ]  # fmt: skip
        for number in range(60):
            renamed = settings.model_copy(update={"title": f"River {number}"})
            at = later + timedelta(seconds=1 + number)
            stages.apply(received(room.SettingsChanged(space_id=SPACE, version=3, at=at, settings=renamed), 5 + number))
        assert stages.vocabulary(SPACE, joined + 60_000_000).endswith("River 59")
        assert stages.db.execute("SELECT count(*) FROM vocabularies").fetchone()[0] <= 25


async def test_a_language_holds_from_its_moment_and_only_the_newest_choices_are_kept(tmp_path: Path) -> None:
    host = PersonRef(id=new_id(), handle="x", name="Xochitl")
    settings = room.Settings(title="On rivers", captions=True, lang="fr")

    def chosen(after_s: int, lang: str | None) -> room.LanguageChosen:
        at = AT + timedelta(seconds=after_s)
        return room.LanguageChosen(space_id=SPACE, version=after_s, at=at, person_id=host.id, lang=lang)

    def at_us(after_s: float) -> int:
        return round((AT.timestamp() + after_s) * 1e6)

    async with Stages(tmp_path / "stages.db") as stages:
        stages.apply(received(room.Started(space_id=SPACE, version=1, at=AT, host=host, settings=settings), 1))
        for after_s, lang in ((10, "de"), (20, None), (40, "und")):
            stages.apply(received(chosen(after_s, lang), after_s))
        other = settings.model_copy(update={"lang": "en"})
        at = AT + timedelta(seconds=30)
        stages.apply(received(room.SettingsChanged(space_id=SPACE, version=30, at=at, settings=other), 30))
        moments = (-5, 9.9, 10, 19, 25, 35, 45)
        spoken = [stages.spoken(SPACE, host.id, at_us(moment)) for moment in moments]
        assert [one and one.lang for one in spoken] == ["fr", "fr", "de", "de", "fr", "en", "und"]
        assert [one and one.since_us for one in spoken] == [0, 0, *map(at_us, (10, 10, 20, 30, 40))]
        assert stages.spoken(new_id(), host.id, at_us(0)) is None
        for after_s in range(100, 200):
            stages.apply(received(chosen(after_s, "de" if after_s % 2 else "it"), after_s))
        assert stages.db.execute("SELECT count(*) FROM languages WHERE person_id = ?", (host.id,)).fetchone() == (20,)
        assert stages.spoken(SPACE, host.id, at_us(199)) == SpokenLanguage("de", at_us(199))


async def test_somebody_stands_on_stage_until_shortly_after_they_left_it_and_again_when_they_are_back(
    tmp_path: Path,
) -> None:
    host, guest = (PersonRef(id=new_id(), handle=name.lower(), name=name) for name in ("Xochitl", "Björn"))
    settings = room.Settings(title="On rivers", captions=True)

    def joined(seconds: float) -> room.StageJoined:
        at = AT + timedelta(seconds=seconds)
        return room.StageJoined(
            space_id=SPACE, version=2, at=at, person=guest, role=room.Role.SPEAKER, consent_to_recording=True
        )

    left = room.StageLeft(space_id=SPACE, version=3, at=AT + timedelta(seconds=60), person_id=guest.id)
    removed = room.Removed(space_id=SPACE, version=5, at=AT + timedelta(seconds=180), person_id=guest.id)
    events = [room.Started(space_id=SPACE, version=1, at=AT, host=host, settings=settings), joined(5), left]
    async with Stages(tmp_path / "stages.db") as stages:
        for sequence, event in enumerate([*events, joined(120), removed], 1):
            stages.apply(received(event, sequence))

        def stands(seconds: float, who: PersonRef = guest) -> bool:
            return stages.stands(SPACE, who.id, round((AT.timestamp() + seconds) * 1e6))

        # The clocks of room and media differ a little, on both sides.
        assert [stands(seconds) for seconds in (0, 5, 59, 65, 71, 119)] == [True, True, True, True, False, False]
        assert [stands(seconds) for seconds in (121, 179, 185, 191, 3600)] == [True, True, True, False, False]
        assert stands(3600, host)
        stages.forget(SPACE)
        assert stages.db.execute("SELECT count(*) FROM stands").fetchone() == (0,)


async def test_people_are_called_what_they_are_called_now_and_nothing_tells_what_forgotten_ones_were(
    tmp_path: Path,
) -> None:
    host, guest = (PersonRef(id=new_id(), handle=name.lower(), name=name) for name in ("Xochitl", "Quetzal"))
    at = datetime.now(UTC)
    events: list[Event] = [
        room.WordsChanged(space_id=SPACE, version=1, at=AT, words=("Popocatepetl",)),
        room.Started(
            space_id=SPACE, version=2, at=AT, host=host, settings=room.Settings(title="Rivers", captions=True)
        ),
        room.StageJoined(
            space_id=SPACE, version=2, at=AT, person=guest, role=room.Role.SPEAKER, consent_to_recording=True
        ),
    ]
    path = tmp_path / "stages.db"

    def files() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.iterdir()).lower()

    async with Stages(path) as stages:
        stages.take([received(event, sequence) for sequence, event in enumerate(events, 1)], "epoch")
        with pytest.raises(Refusal, match="not known yet"):  # what room's event called them is not kept
            stages.names(guest.id)
        assert b"quetzal" not in files()
        stages.take([received(known(host), 4), received(known(guest), 5)], "epoch")
        assert stages.names(guest.id).ref == guest
        assert b"quetzal" in files()
        other = people.ProfileChanged(person_id=guest.id, version=2, at=at, handle="tlaloc", display_name="Tlaloc")
        stages.take([received(other, 6)], "epoch")
        assert stages.names(guest.id).name == "Tlaloc"
        assert stages.vocabulary(SPACE, NOW) == "Popocatepetl. Tlaloc, Xochitl. Rivers"
        stages.take([received(people.Forgotten(at=at, number=1, what=f"person:{guest.id}"), 7)], "epoch")
        assert stages.names(guest.id).gone
        # Who wrote the headline and the list is not known, so that they may be of whoever is forgotten.
        assert stages.vocabulary(SPACE, NOW) == "Xochitl"
        assert not any(name in files() for name in (b"tlaloc", b"quetzal", b"popocatepetl", b"rivers"))
        assert b"xochitl" in files()


async def test_nothing_on_disk_tells_of_a_space_that_is_transcribed_or_forgotten(tmp_path: Path) -> None:
    host, other = PersonRef(id=new_id(), handle="x", name="Xochitl"), new_id()
    events: list[Event] = [
        room.Started(space_id=id, version=1, at=AT, host=host, settings=room.Settings(title=title, captions=True))
        for id, title in ((SPACE, "Popocatepetl"), (other, "Iztaccihuatl"))
    ]

    def files() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.iterdir())

    async with Stages(tmp_path / "stages.db") as stages:
        stages.take([received(event, sequence) for sequence, event in enumerate(events, 1)], "epoch")
        stages.take([received(v1.Completed(space_id=SPACE, version=2, at=AT, captions=0, words=0), 3)], "epoch")
        assert (b"Popocatepetl" in files(), b"Iztaccihuatl" in files()) == (False, True)
        stages.take([received(people.Forgotten(at=AT, number=1, what=f"space:{other}"), 4)], "epoch")
        assert b"Iztaccihuatl" not in files()
        assert stages.open() == []


async def test_of_a_transcript_that_was_complete_before_a_stream_was_filled_again_nothing_is_kept(
    tmp_path: Path,
) -> None:
    class Complete:
        async def open(self, *_: object) -> bool:
            return False

    started = room.Started(
        space_id=SPACE,
        version=1,
        at=AT,
        host=PersonRef.of(new_id()),
        settings=room.Settings(title="Popocatepetl", captions=True),
    )
    unasked = cast(Any, None)
    async with Stages(tmp_path / "stages.db") as stages:
        completed = v1.Completed(space_id=SPACE, version=2, at=AT, captions=0, words=0)
        stages.take([received(completed, 1), received(started, 2)], "epoch")
        captioning = Captioning(unasked, unasked, stages, cast(Any, Complete()), unasked, unasked, ["en"])
        running = asyncio.create_task(captioning.run())
        await eventually(lambda: not stages.open())
        await end(running)
        assert not any(b"Popocatepetl" in data for _, data in contents(tmp_path))
