"""What transcription survives."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from contracts import capture, subjects
from contracts.recording.v1 import ReplayDeleted
from contracts.transcription import v1
from libs.ids import new_id
from libs.service import BadSettings, CannotStart, running
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import Stage, bundles, carried, person
from tests.support.processes import gone
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually
from tests.support.wer import word_error_rate

MOST_WRONG = 0.15


@pytest.fixture
def env(env: dict[str, str]) -> dict[str, str]:
    return {**env, "ROSTRUM_TRANSCRIPTION_WORKERS": "2"}


# These two need no weights; `test_crashes.py` asks for more of whoever has them.
@pytest.mark.soak
async def test_killed_in_the_middle_of_a_sentence_nothing_is_lost_or_doubled(stage: Stage, env: dict[str, str]) -> None:
    said = {"rms": stage.host, "slt": person("Selma")}
    sentences = {voice: [s for s in carried()[voice].sentences if float(s["end_s"]) < 17] for voice in said}
    captions = await stage.events()
    await stage.start()
    await stage.join(said["slt"])
    async with ServiceProcess("transcription", env) as process:
        speaking = asyncio.gather(
            *(
                stage.say(
                    who, carried()[voice].packets[: int(float(sentences[voice][-1]["end_s"]) * 50) + 25], speed=1.0
                )
                for voice, who in said.items()
            )
        )
        for kills in range(1, 3):
            # After something that is stored, in the middle of what both say: a busy machine may show no words of it.
            await captions.finals(2 * kills)
            await captions.next()
            family = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            await gone(family)
            await process.start()
        await speaking
        await stage.end()
        await captions.complete()
        assert await process.stop() == 0

    ids = [caption.id for caption in captions.final]
    assert len(ids) == len(set(ids)), "no caption twice"
    for voice, who in said.items():
        text = " ".join(str(sentence["text"]) for sentence in sentences[voice])
        assert word_error_rate(text, captions.text(who)) <= MOST_WRONG
        own = sorted((c for c in captions.final if c.person.id == who.id), key=lambda c: c.start_at)
        assert len(own) == len(sentences[voice])
        assert all(one.end_at <= other.start_at for one, other in pairwise(own))
    assert {p.caption_id for p in captions.partial} <= set(ids), "what was begun twice kept its id"


@pytest.mark.soak
@pytest.mark.usefixtures("service")
async def test_a_recognition_worker_that_dies_costs_no_word(stage: Stage) -> None:
    sentences = carried()["rms"].sentences[:4]
    packets = carried()["rms"].packets[: int(float(sentences[-1]["end_s"]) * 50) + 25]
    captions = await stage.events()
    await stage.start()
    speaking = asyncio.create_task(stage.say(stage.host, packets, speed=4.0))
    # A busy machine may show no words of the first sentence before it is over.
    await captions.next()
    _kill_workers()
    # The second time in another sentence: one that takes two workers down with it is given up.
    await captions.finals(len(captions.final) + 1)
    _kill_workers()
    await speaking
    await stage.end()
    await captions.complete()

    text = " ".join(str(sentence["text"]) for sentence in sentences)
    assert word_error_rate(text, captions.text(stage.host)) <= MOST_WRONG
    ids = [caption.id for caption in captions.final]
    assert len(ids) == len(set(ids))


def _kill_workers() -> None:
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # the one killed before may just be going
            if "services.transcription.adapters.worker" in child.cmdline():
                child.kill()


@pytest.mark.usefixtures("service")
async def test_what_is_no_opus_and_no_bundle_harms_nobody_else(stage: Stage) -> None:
    noise = random.Random(7)
    mallory, robert = person("Mallory"), person("Robert")
    captions = await stage.events()
    await stage.start()
    await stage.join(mallory)
    await stage.join(robert)
    session = new_id()
    whole = list(bundles(carried()["slt"].packets[:100], base_ns=stage.base_ns, last=False))
    hostile = [
        b"",
        b"\x01",
        whole[0][:-1],
        whole[0] + b"\x00",
        b"\xff" + whole[0][1:],
        *(noise.randbytes(noise.randrange(1, 400)) for _ in range(20)),
    ]
    for body in hostile:
        await stage.publish(mallory, session, body)
    # Well-formed bundles of packets that are no Opus, with clocks that jump.
    for _ in range(30):
        garbage = [
            capture.CapturedPacket(
                noise.getrandbits(32),
                noise.getrandbits(32),
                noise.getrandbits(16),
                noise.randbytes(noise.randrange(1500)),
            )
            for _ in range(5)
        ]
        body = capture.encode(capture.Bundle(noise.getrandbits(61), noise.getrandbits(32), garbage))
        await stage.publish(mallory, session, body)
    await stage.publish(mallory, session, capture.encode(capture.Bundle(2**64 - 1, 1, ())))
    # One speaker's packets lost, late, doubled.
    packets = carried()["rms"].packets[: int(float(carried()["rms"].sentences[1]["end_s"]) * 50)]
    bodies = list(bundles(packets, base_ns=stage.base_ns, last=False))
    shuffled = []
    for body in bodies:
        bundle = capture.decode(body)
        kept = [p for p in bundle.packets if noise.random() > 0.01]
        kept += kept[:1]
        noise.shuffle(kept)
        shuffled.append(capture.encode(capture.Bundle(bundle.base_ns, bundle.ssrc, kept, bundle.last)))
    own = new_id()
    for body in shuffled:
        await stage.publish(robert, own, body)
    # The last that comes of them, in the middle of a sentence, is none.
    await stage.publish(robert, own, hostile[1])
    await stage.publish(None, new_id(), bodies[0])
    await stage.end()
    await captions.complete()

    text = " ".join(str(s["text"]) for s in carried()["rms"].sentences[:2])
    assert word_error_rate(text, captions.text(robert)) <= 0.3
    assert {caption.person.id for caption in captions.final} <= {robert.id, mallory.id}, "noise may sound like a word"
    info = await stage.bus.js.stream_info(subjects.DEAD_LETTER_STREAM)
    assert info.state.messages >= 25
    letter = await stage.bus.js.get_msg(subjects.DEAD_LETTER_STREAM, 1)
    assert (letter.headers or {})[subjects.HEADER_REASON] == "bundle shorter than its header"


async def test_what_was_captured_while_transcription_was_away_is_transcribed(stage: Stage, env: dict[str, str]) -> None:
    captions = await stage.events()
    await stage.start()
    await stage.say(stage.host, carried()["slt"].packets)
    await stage.end()
    deleted = Stage(stage.bus)
    await deleted.start()
    await deleted.say(deleted.host, carried()["awb"].packets[:100])
    await deleted.end()
    await deleted.tell(ReplayDeleted(space_id=deleted.space_id, version=9, at=datetime.now(UTC), reason="host"))
    async with ServiceProcess("transcription", env) as process:
        await captions.complete()
        with closing(sqlite3.connect(Path(env["ROSTRUM_VAR"], "stores", "transcription-stages.db"))) as db:
            await eventually(lambda: not db.execute("SELECT 1 FROM spaces").fetchall())
        assert (await deleted.transcript()).state == "none"
        assert word_error_rate(carried()["slt"].text, captions.text(stage.host)) <= MOST_WRONG
        # A start afterwards finds nothing left to do, and tells what it knows.
        process.kill()
        await process.start()
        transcript = (await stage.bus.ask(v1.TranscriptQuery(space_id=stage.space_id), timeout=LIMIT)).result
        assert transcript.state == "complete"
        assert list(transcript.captions) == [caption.model_copy(update={"words": ()}) for caption in captions.final]
        assert await process.stop() == 0


async def test_a_model_that_is_none_is_named(env: dict[str, str], tmp_path: Path) -> None:
    def model(folder: Path) -> dict[str, str]:
        return {**env, "ROSTRUM_TRANSCRIPTION_ENGINE": "pocketsphinx", "ROSTRUM_TRANSCRIPTION_MODEL": str(folder)}

    with pytest.raises(BadSettings, match=r"ROSTRUM_TRANSCRIPTION_MODEL: .*directory"):
        Settings.read(model(tmp_path / "nowhere"))
    for part in ("acoustic", "words.dict"):
        (tmp_path / part).touch()
    with pytest.raises(CannotStart, match=rf"_MODEL: {tmp_path} is no speech model: it lacks language\.lm\.bin"):
        async with running(Settings.read(model(tmp_path)), compose):
            pass
    # Complete, and nothing that can be loaded.
    (tmp_path / "language.lm.bin").touch()
    with pytest.raises(CannotStart, match=rf"_MODEL: the speech model in {tmp_path} cannot be loaded"):
        async with running(Settings.read(model(tmp_path)), compose):
            pass
    # Over this, pocketsphinx ends the process that reads it.
    own = Path(str(distribution("pocketsphinx").locate_file("pocketsphinx/model/en-us")))
    folder = tmp_path / "cut"
    shutil.copytree(own / "en-us", folder / "acoustic")
    (folder / "words.dict").symlink_to(own / "cmudict-en-us.dict")
    (folder / "language.lm.bin").symlink_to(own / "en-us.lm.bin")
    with (folder / "acoustic" / "mdef").open("r+b") as mdef:
        mdef.truncate((own / "en-us" / "mdef").stat().st_size // 2)
    with pytest.raises(CannotStart, match=rf"_MODEL: the speech model in {folder} cannot be loaded: acoustic/mdef"):
        async with running(Settings.read(model(folder)), compose):
            pass
