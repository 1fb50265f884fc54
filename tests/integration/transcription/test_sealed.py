"""What is said is in no file as it was said, and nobody can read it any more once it is deleted, replaced or erased."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts import subjects
from contracts.people import v1 as people
from contracts.recording.v1 import ReplayDeleted
from contracts.transcription import v1
from libs.bus import BusSettings, connect
from libs.eventstore import Fact, history, open_recorder
from libs.ids import new_id
from libs.keyring.client import Keyring, open_keyring
from libs.service import running
from services.people.main import compose as compose_people
from services.people.settings import Settings as PeopleSettings
from services.transcription.domain.facts import CaptionCorrected, Deleted
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.conftest import of_transcription
from tests.integration.transcription.stage import Stage, carried, person
from tests.integration.transcription.test_corrections import correct, news, said
from tests.support.at_rest import contents
from tests.support.nats import NatsServer
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually

NEEDLE, SECOND = "Popocatepetl", "Iztaccihuatl"


def found(env: dict[str, str], *needles: str) -> set[str]:
    """The needles that some file of these services has."""
    files = [held.lower() for _, held in contents(Path(env["ROSTRUM_VAR"]))]
    return {needle for needle in needles if any(needle.lower().encode() in data for data in files)}


def stored(env: dict[str, str], stage: Stage) -> list[Fact]:
    """The stored facts of a transcript."""
    recorder = open_recorder(Settings.read(env).store_place, read_only=True)
    try:
        return [one.fact for one in history(recorder, stage.space_id)]
    finally:
        recorder.close()


def gone(keyring: Keyring, stage: Stage, person_id: str, unit: str) -> Callable[[], Awaitable[bool]]:
    """Asks whether what was sealed for a unit can be opened no more."""

    async def ask() -> bool:
        return not (await keyring.lock(f"person:{person_id}", f"space:{stage.space_id}")).has(unit)

    return ask


async def raw(stage: Stage) -> bytes:
    """What transcription has published, as it stands in the stream."""
    last = (await stage.bus.js.stream_info(subjects.EVENTS_STREAM)).state.last_seq
    messages = [await stage.bus.js.get_msg(subjects.EVENTS_STREAM, sequence) for sequence in range(1, last + 1)]
    return b"".join(one.data or b"" for one in messages if ".transcription." in (one.subject or ""))


async def delete_replay(stage: Stage) -> None:
    """Delete the replay, and so the transcript."""
    await stage.tell(ReplayDeleted(space_id=stage.space_id, version=9, at=datetime.now(UTC), reason="host"))

    async def deleted() -> bool:
        return (await stage.transcript()).state == "none"

    await eventually(deleted)


@pytest.mark.usefixtures("service")
async def test_words_are_in_no_file_and_destroyed_when_others_replace_them_or_the_replay_is_deleted(
    stage: Stage, env: dict[str, str]
) -> None:
    captions = await stage.events()
    caption, speaker = await said(stage, captions)
    for text in (NEEDLE, SECOND):
        await correct(stage, caption, text)
    told = [event.text for event in await news(captions, 4) if isinstance(event, v1.CaptionCorrected)]
    assert told == [NEEDLE, SECOND]
    heard = [word for word in caption.text.lower().split() if len(word) > 5]
    assert heard
    assert {word.text.lower() for word in caption.words} >= set(heard)
    assert found(env, NEEDLE, SECOND, *heard) == set()
    assert found(env, caption.id) == {caption.id}
    stream = await raw(stage)
    assert caption.id.encode() in stream
    assert not [word for word in (NEEDLE, SECOND, *heard) if word.encode() in stream.lower() + stream]
    assert SECOND in await stage.document("json")
    (shown,) = (await stage.transcript(speaker)).captions
    assert (shown.text, shown.heard) == (SECOND, caption.text)

    unit = f"transcript/{caption.id}"
    first, second = (fact.wording for fact in stored(env, stage) if isinstance(fact, CaptionCorrected))
    async with open_keyring(stage.bus, "recording-1") as keyring:
        await eventually(gone(keyring, stage, speaker, f"{unit}/{first}"))
        for kept in (unit, f"{unit}/{second}"):
            assert not await gone(keyring, stage, speaker, kept)()
        await delete_replay(stage)
        await eventually(gone(keyring, stage, speaker, unit))
        await eventually(gone(keyring, stage, stage.host.id, f"{unit}/{second}"))


@pytest.mark.usefixtures("service")
async def test_a_deleted_caption_is_destroyed_with_the_hosts_words_and_gone_from_transcript_and_files(
    stage: Stage,
) -> None:
    captions = await stage.events()
    caption, speaker = await said(stage, captions)
    await stage.say(stage.host, carried()["rms"].packets[:250])
    while stage.host.id not in {one.person.id for one in captions.final}:
        await captions.next()
    await correct(stage, caption, NEEDLE)
    before = (await stage.transcript()).version
    order = v1.DeleteCaption(command_id=new_id(), actor=speaker, space_id=stage.space_id, caption_id=caption.id)
    await stage.bus.ask(order)
    while not isinstance(event := await captions.next(), v1.CaptionDeleted):
        pass
    assert (event.caption_id, event.person_id, event.by) == (caption.id, speaker, speaker)
    for version in (None, before):
        query = v1.TranscriptQuery(space_id=stage.space_id, at=version)
        left = (await stage.bus.ask(query)).result.captions
        assert {one.person.id for one in left} == {stage.host.id}
    for format in ("vtt", "srt", "txt", "json"):
        document = await stage.document(format)
        assert NEEDLE not in document
        assert caption.text not in document
        assert "Hanna" in document
    unit = f"transcript/{caption.id}"
    async with open_keyring(stage.bus, "recording-1") as keyring:
        await eventually(gone(keyring, stage, speaker, unit))
        await eventually(gone(keyring, stage, speaker, f"{unit}/anything"))
        assert not await gone(keyring, stage, stage.host.id, f"transcript/{captions.final[-1].id}")()


@pytest.mark.usefixtures("service")
async def test_a_transcript_is_deleted_alone_and_destroyed(stage: Stage) -> None:
    captions = await stage.events()
    caption, speaker = await said(stage, captions)
    await stage.end()
    await captions.complete()
    order = v1.DeleteTranscript(command_id=new_id(), actor=stage.host.id, space_id=stage.space_id)
    await stage.bus.ask(order)
    while not isinstance(event := await captions.next(), v1.Deleted):
        pass
    assert event.by == stage.host.id
    assert (await stage.transcript(speaker)).state == "none"
    async with open_keyring(stage.bus, "recording-1") as keyring:
        await eventually(gone(keyring, stage, speaker, f"transcript/{caption.id}"))


@pytest.mark.usefixtures("service")
async def test_words_of_a_space_that_is_not_recorded_are_destroyed_at_its_end(stage: Stage) -> None:
    live_only = Stage(stage.bus, recorded=False)
    captions = await live_only.events()
    caption, speaker = await said(live_only, captions)
    async with open_keyring(stage.bus, "recording-1") as keyring:
        heard = gone(keyring, live_only, speaker, f"transcript/{caption.id}")
        assert not await heard()
        await live_only.end()
        await captions.complete()
        assert all(one.text for one in captions.final), "they are told before their keys go"
        await eventually(heard)


@pytest.mark.usefixtures("service")
async def test_what_was_said_in_a_space_that_is_forgotten_is_gone_and_nothing_is_added_to_it(
    stage: Stage, env: dict[str, str]
) -> None:
    ephemeral = Stage(stage.bus, recorded=False)
    captions = await ephemeral.events()
    caption, speaker = await said(ephemeral, captions)
    assert (await ephemeral.transcript()).captions[0].text == caption.text
    # It ends, and its keys are destroyed at once, while somebody is still being written down.
    await ephemeral.say(ephemeral.host, carried()["rms"].packets[:250])
    await ephemeral.end()
    subject = f"space:{ephemeral.space_id}"
    await stage.bus.ask(people.DestroySubjects(command_id=new_id(), subjects=(subject,)))

    async def gone_for_good() -> bool:
        return (await ephemeral.transcript()).state == "none"

    await eventually(gone_for_good)
    await eventually(ephemeral.all_captured_is_read)
    assert await gone_for_good()
    assert (await ephemeral.transcript(speaker)).captions == ()
    assert isinstance(stored(env, ephemeral)[-1], Deleted)
    # Others are written down as before.
    assert (await said(stage, await stage.events()))[0].text


@pytest.mark.usefixtures("service")
async def test_what_somebody_said_is_gone_with_them_and_what_others_said_is_not(stage: Stage) -> None:
    captions = await stage.events()
    caption, speaker = await said(stage, captions)
    await stage.say(stage.host, carried()["rms"].packets[:250])
    while stage.host.id not in {one.person.id for one in captions.final}:
        await captions.next()
    await stage.bus.ask(people.DestroySubjects(command_id=new_id(), subjects=(f"person:{speaker}",)))

    async def left() -> bool:
        return {one.person.id for one in (await stage.transcript()).captions} == {stage.host.id}

    await eventually(left)
    for format in ("vtt", "srt", "txt", "json"):
        document = await stage.document(format)
        assert caption.text not in document
        assert "Hanna" in document
    # They are heard live, and nothing of it is kept.
    session = await stage.say(person("Selma").model_copy(update={"id": speaker}), carried()["slt"].packets[:200])
    await stage.end()
    await captions.complete()
    assert not [one for one in captions.final if one.id.startswith(session)]


async def test_without_people_captions_wait_for_keys_and_after_a_restart_what_was_deleted_is_destroyed(
    nats: NatsServer,
) -> None:
    env, peoples = of_transcription(nats), PeopleSettings.read(nats.env)
    async with await connect("media", BusSettings(url=nats.url)) as bus:
        stage, late = Stage(bus), person("Late")
        captions = await stage.events()
        async with running(Settings.read(env), compose):
            async with running(peoples, compose_people):
                caption, speaker = await said(stage, captions)
                await stage.join(late)
            await stage.say(late, carried()["rms"].packets[:250])
            await eventually(stage.all_captured_is_read)
            async with running(peoples, compose_people):
                while late.id not in {one.person.id for one in captions.final}:
                    await captions.next()
            await delete_replay(stage)  # whose keys are away
        async with (
            running(peoples, compose_people),
            running(Settings.read(env), compose),
            open_keyring(bus, "recording-1") as keyring,
        ):
            for person_id, unit in ((speaker, caption.id), (late.id, captions.final[-1].id)):
                await eventually(gone(keyring, stage, person_id, f"transcript/{unit}"))


@pytest.mark.parametrize("after", [False, True])
async def test_killed_before_or_after_keys_are_destroyed_it_goes_on_when_it_is_started_again(
    nats: NatsServer, after: bool
) -> None:
    env, peoples = of_transcription(nats) | {"ROSTRUM_TRANSCRIPTION_WORKERS": "1"}, PeopleSettings.read(nats.env)
    async with (
        await connect("media", BusSettings(url=nats.url)) as bus,
        ServiceProcess("transcription", env) as process,
    ):
        stage, killed = Stage(bus), asyncio.Event()

        def kill(_: object) -> None:
            if not killed.is_set():  # it is told again until everybody has heard it
                killed.set()
                process.kill()

        async with running(peoples, compose_people):
            caption, speaker = await said(stage, await stage.events())
            if after:
                await bus.hear(kill, filter=subjects.passing_event("people", "*", people.KeysDropped.name))
                await stage.tell(ReplayDeleted(space_id=stage.space_id, version=9, at=datetime.now(UTC), reason="host"))
                async with asyncio.timeout(LIMIT):
                    await killed.wait()
        if not after:
            await delete_replay(stage)
            process.kill()
        async with running(peoples, compose_people), open_keyring(bus, "recording-1") as keyring:
            await process.start()
            await eventually(gone(keyring, stage, speaker, f"transcript/{caption.id}"))
            assert (await stage.transcript()).state == "none"
