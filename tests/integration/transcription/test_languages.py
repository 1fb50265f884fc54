"""Captions are in the language of who speaks, and know the hosts' words."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from contracts.room import v1 as room
from libs.bus import Bus
from libs.eventstore import open_recorder, rebuild
from libs.service import Service, running
from services.transcription.domain.transcript import Transcript
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import Captions, Stage, carried, person
from tests.support.waiting import eventually

GARDEN = slice(225, 470)
"""Of awb's packets: "Tonight we want to talk about what grows well in a small city garden"."""

pytestmark = pytest.mark.weights


def languages(captions: Captions, stage: Stage) -> list[str]:
    return [c.lang for c in sorted(captions.final, key=lambda c: c.start_at) if c.person == stage.host]


async def test_captions_are_in_the_language_of_the_moment_also_when_they_come_late(
    stage: Stage, env: dict[str, str]
) -> None:
    captions = await stage.events()
    guest = person("Gita")
    await stage.start()
    await stage.join(guest)
    # All is said, and every choice made, before anybody listens: as after a restart with much left to do.
    for after in (0, 10, 20, 30):
        await stage.say(stage.host, carried()["awb"].packets[GARDEN], after=after)
    await stage.say(guest, carried()["awb"].packets[GARDEN], after=20)
    await stage.speaks(stage.host, "de-AT", after=2)  # in the middle of the first sentence
    await stage.speaks(stage.host, None, after=18)
    changed = stage.settings.model_copy(update={"lang": "en-GB"})
    at = stage.started_at + timedelta(seconds=28)
    await stage.tell(room.SettingsChanged(space_id=stage.space_id, version=9, at=at, settings=changed))
    await stage.end()
    async with running(Settings.read(env), compose):
        await captions.complete()

    assert languages(captions, stage) == ["en", "de-AT", "en", "en-GB"]
    assert [c.lang for c in captions.final if c.person == guest] == ["en"]


@pytest.mark.usefixtures("service")
async def test_partial_captions_carry_the_speakers_language_and_are_in_english_only(stage: Stage) -> None:
    captions = await stage.events()
    dora = person("Dora")
    await stage.start()
    await stage.join(dora)
    await stage.speaks(stage.host, "en-GB")
    await stage.speaks(dora, "de")
    talk = carried()["awb"].packets[GARDEN]
    await stage.say(dora, talk)
    # Where cores are short partial captions stop: then it is said once more.
    for times in range(1, 20):
        await stage.say(stage.host, talk, after=10 * times, speed=1.0)
        await captions.finals(1 + times)
        if captions.partial:
            break

    assert {partial.lang for partial in captions.partial} == {"en-GB"}
    assert {partial.person.id for partial in captions.partial} == {stage.host.id}
    assert {c.person.id: c.lang for c in captions.final} == {stage.host.id: "en-GB", dora.id: "de"}


async def test_a_language_that_was_found_out_is_remembered_also_by_the_next_process(
    bus: Bus, env: dict[str, str]
) -> None:
    stage = Stage(bus, lang="und")
    captions = await stage.events()
    talk = carried()["awb"].packets[GARDEN]
    async with running(Settings.read(env), compose):
        await stage.start()
        await stage.say(stage.host, talk)
        await captions.finals(1)
    async with running(Settings.read(env), compose) as again:
        await eventually(lambda: not again.missing())
        # In a session of its own: it is the person's language.
        await stage.say(stage.host, talk, after=20)
        await captions.finals(2)
        # Asked to find it out anew, it does.
        await stage.speaks(stage.host, "und", after=30)
        await _known(again, "SELECT 1 FROM languages WHERE person_id = ?", stage.host.id)
        await stage.say(stage.host, talk, after=40)
        await captions.finals(3)
        await stage.end()
        await captions.complete()
    assert languages(captions, stage) == ["en", "en", "en"]
    recorder = open_recorder(Settings.read(env).store_place, read_only=True)
    kept = rebuild(recorder, stage.space_id, Transcript)
    recorder.close()
    assert [caption.detected for caption in kept.spoken()] == [True, False, True]


async def test_who_speaks_what_nothing_here_understands_has_no_captions_and_others_do(
    bus: Bus, env: dict[str, str]
) -> None:

    stage = Stage(bus, lang="tlh")
    captions = await stage.events()
    guest = person("Gita")
    talk = carried()["awb"].packets[GARDEN]
    await stage.start()
    await stage.join(guest)
    await stage.say(stage.host, talk)
    await stage.say(guest, talk, after=10)
    await stage.say(guest, talk, after=20)
    await stage.speaks(guest, "en", after=5)
    await stage.speaks(guest, "tlh", after=18)
    await stage.end()
    async with running(Settings.read(env), compose):
        await captions.complete()
    assert [(c.person, c.lang) for c in captions.final] == [(guest, "en")]


async def test_a_word_on_the_hosts_list_is_written_from_the_next_utterance_on(
    stage: Stage, service: Service[Settings]
) -> None:
    captions = await stage.events()
    await stage.list_words("Kvasir")
    await stage.start()
    await stage.say(stage.host, carried()["awb"].packets[GARDEN])
    await captions.finals(1)
    await stage.list_words("Kvasir", "Growswell")
    await _known(service, "SELECT 1 FROM words WHERE words LIKE ?", "%Growswell%")
    # Later than the list by the Space's clock, however long it took until here.
    await stage.say(stage.host, carried()["awb"].packets[GARDEN], after=100)
    await captions.finals(2)

    first, second = sorted(captions.final, key=lambda c: c.start_at)
    assert "grows well" in first.text
    assert "Growswell" in second.text
    assert "Kvasir" not in first.text + second.text, "nobody says it"


async def _known(service: Service[Settings], query: str, value: str) -> None:
    with closing(sqlite3.connect(service.settings.var / "stores" / "transcription-stages.db")) as db:
        await eventually(lambda: bool(db.execute(query, (value,)).fetchall()))
