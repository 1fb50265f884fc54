"""What is said is read."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from itertools import pairwise

import pytest

from contracts import capture
from contracts.captions.v1 import Partial
from contracts.transcription import v1
from libs.ids import new_id
from libs.service import Service, running
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import FRAME_NS, Stage, bundles, carried, person
from tests.support.waiting import eventually
from tests.support.wer import word_error_rate

MOST_WRONG = 0.15


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("voice", ["awb", "rms", "slt"])
async def test_what_is_said_is_what_is_read(stage: Stage, voice: str) -> None:
    said = carried()[voice]
    captions = await stage.events()
    await stage.start()
    await stage.say(stage.host, said.packets)
    await stage.end()
    await captions.complete()

    assert word_error_rate(said.text, captions.text(stage.host)) <= MOST_WRONG
    # One caption a sentence, where and when it was said, to a fifth of a second or so.
    assert len(captions.final) == len(said.sentences)
    for caption, sentence in zip(captions.final, said.sentences, strict=True):
        assert caption.person == stage.host
        assert caption.lang == "en"
        for told, real in ((caption.start_at, sentence["start_s"]), (caption.end_at, sentence["end_s"])):
            assert abs(told - stage.started_at - timedelta(seconds=float(real))) < timedelta(seconds=0.5)
    transcript = await stage.transcript()
    assert transcript.state == "complete"
    assert list(transcript.captions) == captions.final
    assert captions.completed is not None
    assert captions.completed.captions == len(captions.final)
    assert captions.completed.words == len(captions.text(stage.host).split())


@pytest.mark.usefixtures("service")
async def test_words_appear_while_they_are_spoken(stage: Stage) -> None:
    said = carried()["rms"]
    first = said.packets[: int(float(said.sentences[0]["end_s"]) * 50) + 25]
    captions = await stage.events()
    await stage.start()
    loop = asyncio.get_running_loop()
    began = loop.time()
    speaking = asyncio.create_task(stage.say(stage.host, first, speed=1.0, last=False))
    # Nothing more arrives after the sentence, as when somebody is muted: it is finished all the same.
    await captions.finals(1)
    await speaking

    speech_start = began + float(said.sentences[0]["start_s"])
    speech_end = began + float(said.sentences[0]["end_s"])
    assert isinstance(captions.order[0], Partial)
    assert speech_start < captions.arrived[0] < speech_end, "before the sentence is over"
    assert isinstance(captions.order[-1], v1.Captioned)
    assert captions.arrived[-1] - speech_end < 5
    assert len(captions.partial) >= 4
    final = captions.final[0]
    assert {partial.caption_id for partial in captions.partial} == {final.id}
    assert captions.partial[-1].text.split()[:3] == final.text.split()[:3]
    texts = [partial.text for partial in captions.partial]
    assert all(one != other for one, other in pairwise(texts)), "only published when changed"


@pytest.mark.usefixtures("service")
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


def _before(caption: v1.Caption, stage: Stage, seconds: float) -> bool:
    return caption.end_at - stage.started_at < timedelta(seconds=seconds - 0.1)


async def test_who_moves_to_another_node_is_captioned_once(stage: Stage, env: dict[str, str]) -> None:
    said = carried()["slt"]
    captions = await stage.events()
    await stage.start()
    # Captured at the old node up to the pause after the first sentence, at the new one from the middle of it on.
    leaves, comes, ends = 195, 100, 430
    old, new = new_id(), new_id()
    at_both = [
        *((old, body) for body in bundles(said.packets[:leaves], base_ns=stage.base_ns)),
        *(
            (new, body)
            for body in bundles(
                said.packets[comes:ends], base_ns=stage.base_ns + comes * FRAME_NS, first=30_000, ssrc=8
            )
        ),
    ]
    # The new node is always a little quicker than the old one.
    at_both.sort(key=lambda one: capture.decode(one[1]).base_ns - (150_000_000 if one[0] == new else 0))
    for session, body in at_both:
        await stage.publish(stage.host, session, body)
    await stage.end()
    async with running(Settings.read(env), compose):
        await captions.complete()

    text = " ".join(str(sentence["text"]) for sentence in said.sentences[:2])
    assert word_error_rate(text, captions.text(stage.host)) <= MOST_WRONG
    assert len(captions.final) == 2
    in_order = sorted(captions.final, key=lambda caption: caption.start_at)
    assert all(one.end_at <= other.start_at for one, other in pairwise(in_order))


@pytest.mark.usefixtures("service")
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

    assert captions.text(selma).startswith("My sister and I")
    assert {caption.person.id for caption in captions.final} == {selma.id}
    assert {partial.person.id for partial in captions.partial} <= {selma.id}


async def test_a_space_without_captions_has_none(stage: Stage, service: Service[Settings]) -> None:
    silent = Stage(stage.bus, captions=False)
    foreign = Stage(stage.bus, lang="de")
    for space in (silent, foreign, stage):
        await space.start()
        await space.say(space.host, carried()["slt"].packets[:200])
        await space.end()
    captions = await stage.events()
    await captions.complete()

    assert (await stage.transcript()).state == "complete"
    for space in (silent, foreign):
        assert (await space.transcript()).state == "none"
    with closing(sqlite3.connect(service.settings.var / "stores" / "transcription-stages.db")) as db:
        await eventually(lambda: not db.execute("SELECT 1 FROM spaces UNION SELECT 1 FROM speakers").fetchall())


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
    assert "<v Hanna>My sister and I" in documents["vtt"].body
    assert "Hanna: My sister and I" in documents["srt"].body
    assert "[00:00:00] Hanna: My sister and I" in documents["txt"].body
    assert '"name": "Hanna"' in documents["json"].body
    assert service.missing() == {}
