"""What is said is read."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from html import escape
from itertools import pairwise

import pytest

from contracts.captions.v1 import Partial
from contracts.envelope import Event
from contracts.transcription import v1
from infra.demo.word_error import plain
from libs.bus import Bus
from libs.eventstore import history, open_recorder
from libs.eventstore.facts import encode
from libs.ids import new_id
from libs.service import Service
from services.transcription.settings import Settings
from tests.integration.transcription.stage import Stage, bundles, carried, person
from tests.support.attribution import cpwer
from tests.support.waiting import eventually
from tests.support.wer import word_error_rate

pytestmark = pytest.mark.asyncio(loop_scope="module")
MOST_WRONG = 0.15


@pytest.fixture
def service(shared: Service[Settings]) -> Service[Settings]:
    return shared


@pytest.fixture
def bus(shared_bus: Bus) -> Bus:
    return shared_bus


# All three voices are in the demo too.
@pytest.mark.parametrize("voice", ["awb", *(pytest.param(voice, marks=pytest.mark.soak) for voice in ("rms", "slt"))])
async def test_what_is_said_is_what_is_read(stage: Stage, voice: str) -> None:
    # The rest of what these people say is in the demo.
    said = carried()[voice].sentences[:3]
    captions = await stage.events()
    await stage.start()
    await stage.say(stage.host, carried()[voice].packets[: int(float(said[-1]["end_s"]) * 50) + 20])
    await stage.end()
    await captions.complete()

    text = " ".join(str(sentence["text"]) for sentence in said)
    assert word_error_rate(text, captions.text(stage.host)) <= MOST_WRONG
    # One caption a sentence, where and when it was said, to a fifth of a second or so.
    assert len(captions.final) == len(said)
    for caption, sentence in zip(captions.final, said, strict=True):
        assert caption.person == stage.host
        assert caption.lang == "en"
        for told, real in ((caption.start_at, sentence["start_s"]), (caption.end_at, sentence["end_s"])):
            assert abs(told - stage.started_at - timedelta(seconds=float(real))) < timedelta(seconds=0.5)
    transcript = await stage.transcript()
    assert transcript.state == "complete"
    # The words' times are in the events and the documents only.
    assert list(transcript.captions) == [caption.model_copy(update={"words": ()}) for caption in captions.final]
    assert captions.completed is not None
    assert captions.completed.captions == len(captions.final)
    assert captions.completed.words == len(captions.text(stage.host).split())


async def test_words_appear_while_they_are_spoken(stage: Stage) -> None:
    captions = await stage.events()
    await stage.start()
    speaking = asyncio.create_task(stage.say(stage.host, carried()["rms"].packets, speed=1.0, last=False))
    shown: Event | None = None
    # On a busy machine the first sentences may have none.
    while not isinstance(shown, Partial) or len(shown.text.split()) < 3:
        shown = await captions.next()
    # Nothing more arrives, as when somebody is muted: what they said is finished all the same.
    speaking.cancel()
    while not captions.final or captions.final[-1].id != shown.caption_id:
        await captions.next()

    final = captions.final[-1]
    assert isinstance(captions.order[-1], v1.Captioned)
    # Most of them stay; the last ones are heard better with what follows.
    first = set(plain(shown.text))
    assert len(first & set(plain(final.text))) >= len(first) / 2
    of_it = [partial.text for partial in captions.partial if partial.caption_id == final.id]
    assert all(one != other for one, other in pairwise(of_it)), "only published when changed"


@pytest.mark.soak  # beside the next one
async def test_three_people_who_talk_at_once_are_kept_apart(stage: Stage) -> None:
    captions = await stage.events()
    await stage.start()
    people = {"awb": stage.host, "rms": person("Robert"), "slt": person("Selma")}
    for who in list(people.values())[1:]:
        await stage.join(who)
    await asyncio.gather(*(stage.say(who, carried()[voice].packets[:750], speed=4.0) for voice, who in people.items()))
    await stage.end()
    await captions.complete()

    for voice, who in people.items():
        text = " ".join(str(s["text"]) for s in carried()[voice].sentences if float(s["end_s"]) < 15)
        heard = " ".join(c.text for c in captions.final if c.person.id == who.id and _before(c, stage, 15))
        assert word_error_rate(text, heard) <= MOST_WRONG
    transcript = await stage.transcript()
    starts = [c.start_at for c in transcript.captions]
    assert starts == sorted(starts)


async def test_five_people_over_each_other_are_written_down_as_if_each_had_spoken_alone(bus: Bus) -> None:
    spoken = [("awb", 0), ("rms", 0), ("slt", 0), ("awb", 9), ("slt", 9)]

    async def written(*, together: bool) -> tuple[float, list[str]]:
        stage = Stage(bus)
        captions = await stage.events()
        await stage.start()
        people = [stage.host, *(person(name) for name in ("Bo", "Cleo", "Dan", "Eve"))]
        said: list[str] = []
        speaking = []
        for number, (who, (voice, begins)) in enumerate(zip(people, spoken, strict=True)):
            if who is not stage.host:
                await stage.join(who)
            ends = begins + 9.0
            sentences = [
                s for s in carried()[voice].sentences if float(s["start_s"]) > begins and float(s["end_s"]) < ends
            ]
            packets = carried()[voice].packets[
                int(float(sentences[0]["start_s"]) * 50) - 12 : int(float(sentences[-1]["end_s"]) * 50) + 12
            ]
            said.append(" ".join(str(sentence["text"]) for sentence in sentences))
            after, speed = (0.0, 2.0) if together else (10.0 * number, None)
            speaking.append(stage.say(who, packets, after=after, speed=speed))
        if together:
            await asyncio.gather(*speaking)
        else:
            for one in speaking:
                await one
        await stage.end()
        await captions.complete(120)
        return cpwer(said, [captions.text(who) for who in people]), said

    (alone, said), (together, _) = await written(together=False), await written(together=True)
    assert len(set(said)) == len(spoken)
    assert alone <= MOST_WRONG
    assert together <= alone + 0.03


def _before(caption: v1.Caption, stage: Stage, seconds: float) -> bool:
    return caption.end_at - stage.started_at < timedelta(seconds=seconds - 0.1)


async def test_who_does_not_consent_is_in_no_transcript(stage: Stage) -> None:
    shy, selma = person("Shy"), person("Selma")
    captions = await stage.events()
    await stage.start()
    for who in (shy, selma):
        await stage.join(who, consents=False)
    # She is back on stage and consents by now; what she says is faster than room's event.
    first, *others = bundles(carried()["slt"].packets[:200], base_ns=stage.base_ns)
    session = new_id()
    await stage.publish(selma, session, first)
    await eventually(stage.all_captured_is_read)
    await stage.join(selma)
    for body in others:
        await stage.publish(selma, session, body)
    await stage.say(shy, carried()["awb"].packets[:250])
    await stage.say(person("Nobody"), carried()["awb"].packets[:250])
    await stage.end()
    await captions.complete()

    assert captions.text(selma)
    assert {caption.person.id for caption in captions.final} == {selma.id}
    assert {partial.person.id for partial in captions.partial} <= {selma.id}


async def test_a_transcript_can_be_taken_home(stage: Stage, service: Service[Settings]) -> None:
    captions = await stage.events()
    await stage.start()
    await stage.say(stage.host, carried()["slt"].packets[:200])
    await stage.end()
    await captions.complete()

    documents = {
        format: (await stage.bus.ask(v1.TranscriptDocumentQuery(space_id=stage.space_id, format=format))).result
        for format in ("vtt", "srt", "txt", "json")
    }
    assert documents["vtt"].content_type.startswith("text/vtt")
    assert documents["vtt"].body.startswith("WEBVTT\n\n1\n00:00:00.")
    text = captions.final[0].text
    assert f"<v Hanna>{escape(text, quote=False)}" in documents["vtt"].body
    assert f"Hanna: {text}" in documents["srt"].body
    assert f"[00:00:00] Hanna: {text}" in documents["txt"].body
    assert '"name": "Hanna"' in documents["json"].body
    assert service.missing() == {}


async def test_a_transcript_says_what_its_speakers_are_called_now_and_stores_no_names(
    stage: Stage, service: Service[Settings]
) -> None:
    stage.host = stage.host.model_copy(update={"name": "Quetzalcoatl"})
    captions = await stage.events()
    await stage.start()
    await stage.say(stage.host, carried()["slt"].packets[:200])
    await stage.end()
    await captions.complete()
    assert {caption.person.name for caption in captions.final} == {"Quetzalcoatl"}
    await stage.rename(stage.host, "Tlaloc")

    async def renamed() -> bool:
        return {caption.person.name for caption in (await stage.transcript()).captions} == {"Tlaloc"}

    await eventually(renamed)
    for format in ("vtt", "srt", "txt", "json"):
        document = await stage.document(format)
        assert "Tlaloc" in document
        assert "Quetzalcoatl" not in document
    recorder = open_recorder(service.settings.store_place, read_only=True)
    try:
        stored = b"".join(encode(fact.record) for fact in history(recorder, stage.space_id))
    finally:
        recorder.close()
    assert stage.host.id.encode() in stored
    assert not any(name in stored for name in (b"Quetzalcoatl", b'"handle"', b'"name"'))
