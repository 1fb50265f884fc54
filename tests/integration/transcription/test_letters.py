"""Captured audio that could not be used is kept, and `rostrum dlq retry` has it captioned once it can be."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psutil
import pytest

from contracts import capture, subjects
from libs.bus import Bus
from libs.bus.dead_letters import Letter, LetterAnswer, read_letters
from libs.ids import new_id
from libs.service import Service, running
from services.transcription.adapters import worker_pool
from services.transcription.adapters.captured import CONSUMER, CapturedMessage, bury
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.deadly import DEADLY
from tests.integration.transcription.stage import FRAME_NS, PER_BUNDLE, Stage, bundles, carried, person
from tests.support.command import CommandOutput, rostrum
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually, pace
from tests.support.wer import word_error_rate

MOST_WRONG = 0.15
_numbers = count(10_000)


async def letters(bus: Bus) -> list[Letter]:
    return [letter async for letter in read_letters(bus.js, CONSUMER)]


async def retry(nats: NatsServer) -> CommandOutput:
    return await rostrum("dlq", "retry", "--all", "--consumer", CONSUMER, env={"ROSTRUM_NATS_URL": nats.url})


@pytest.mark.usefixtures("service")
async def test_a_bundle_of_tomorrow_is_buried_and_the_retry_says_why_it_still_is(
    stage: Stage, bus: Bus, nats: NatsServer
) -> None:
    await stage.start()
    session = new_id()
    body = bytearray(next(iter(bundles(carried()["awb"].packets[:5], base_ns=stage.base_ns))))
    body[0] = capture.VERSION + 1
    sequence = await stage.publish(stage.host, session, bytes(body))
    (letter,) = await eventually(lambda: _some(bus))
    stored = await bus.js.get_msg(subjects.CAPTURE_STREAM, sequence)
    assert (letter.service, letter.sequence, letter.data) == ("transcription", sequence, stored.data)
    assert bytes(body) not in letter.data, "it is sealed there too"
    assert letter.origin == subjects.capture(stage.space_id, session)
    assert letter.headers[subjects.HEADER_PERSON] == stage.host.id
    said = await retry(nats)
    assert said.code == 1
    assert "unknown bundle version 2" in said.errors
    assert [one.number for one in await letters(bus)] == [letter.number], "it stays until it can be used"


async def test_what_an_older_version_buried_becomes_one_caption(
    stage: Stage, service: Service[Settings], nats: NatsServer
) -> None:
    bus = service.bus
    captions = await stage.events()
    await stage.start()
    said = carried()["awb"]
    sentence = said.packets[: int(float(said.sentences[0]["end_s"]) * 50) + 30]
    silent = person("Silent")
    await stage.join(silent, consents=False)
    with closing(sqlite3.connect(service.settings.var / "stores" / "transcription-stages.db")) as db:
        known = "SELECT 1 FROM speakers WHERE person_id = ?"
        await eventually(lambda: bool(db.execute(known, (silent.id,)).fetchall()))
    await bury_all(stage, bus, stage.host.id, sentence)
    await bury_all(stage, bus, silent.id, sentence[:5])
    done = await retry(nats)
    assert (done.code, done.errors) == (0, "")
    assert await letters(bus) == []
    await captions.finals(1)
    assert word_error_rate(str(said.sentences[0]["text"]), captions.text(stage.host)) <= MOST_WRONG
    # What is said afterwards is heard as ever, and nothing of it was taken for accounted for.
    await stage.say(stage.host, sentence, after=60)
    await stage.end()
    await captions.complete()
    assert {caption.person.id for caption in captions.final} == {stage.host.id}
    seconds = [(caption.start_at - stage.started_at).total_seconds() for caption in captions.final]
    assert [round(one, -1) for one in seconds] == [0, 60]

    await bury_all(stage, bus, stage.host.id, sentence[:5])
    late = await retry(nats)
    assert late.code == 1
    assert "nothing is added to the transcript" in late.errors
    assert len(await letters(bus)) == 1


async def test_a_letter_that_comes_while_what_was_said_before_it_is_recognised_is_not_lost(
    stage: Stage, service: Service[Settings]
) -> None:
    captions = await stage.events()
    await stage.start()
    said, session = carried()["awb"], new_id()
    first, second = (float(said.sentences[number]["end_s"]) for number in (0, 1))
    ends = [int(first * 50) + 15, int(second * 50) + 30]
    before = [*bundles(said.packets[: ends[0]], base_ns=stage.base_ns, last=False)]
    after = [
        *bundles(said.packets[ends[0] : ends[1]], base_ns=stage.base_ns + ends[0] * FRAME_NS, first=ends[0], last=False)
    ]
    never = capture.encode(capture.Bundle(2**62, 7, ()))

    async def refused(session: str) -> bool:
        """Whether the worker refuses what no worker takes; it is answered at once."""
        return "distant future" in str((await hand_over(stage, service.bus, session, never)).reason)

    await eventually(lambda: refused(new_id()))  # the Space is known
    async with asyncio.TaskGroup() as asking:
        waiting = [asking.create_task(hand_over(stage, service.bus, session, body)) for body in before]
        await asyncio.sleep(0)  # they are sent
        assert await refused(session)  # by then the worker has all that was handed over before
        workers = worker_pids()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            # After 0.8 s without a letter the end of what was said is asked for; then the next ones come.
            await pace(time.monotonic() + 2)
            waiting += [asking.create_task(hand_over(stage, service.bus, session, body)) for body in after]
            await pace(time.monotonic() + 0.5)
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
    assert all(task.result().handled for task in waiting)
    await captions.finals(2)


async def test_letters_of_an_utterance_that_workers_die_of_stay(
    stage: Stage, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(DEADLY.format(signal="SIGKILL"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(worker_pool, "_STRIKES", 1)
    said, session = carried()["awb"], new_id()
    first, second = (float(said.sentences[number]["end_s"]) for number in (0, 1))
    packets = said.packets[: int(second * 50) + 20]
    ends = int(first * 50) + 30
    bodies = [*bundles(packets, base_ns=stage.base_ns, last=False)]
    deadly = range(ends // PER_BUNDLE, len(bodies))
    start = next(_numbers) + 1
    # The second utterance begins somewhere in the pause before it.
    (tmp_path / "deadly").write_text(f"{start + deadly.start - 1} {start + len(bodies)}")
    async with running(Settings.read(env), compose) as service:
        captions = await stage.events()
        await stage.start()
        never = capture.encode(capture.Bundle(2**62, 7, ()))

        async def known() -> bool:
            return "distant future" in str((await hand_over(stage, service.bus, new_id(), never)).reason)

        await eventually(known)
        reasons: list[list[str | None]] = []
        for _ in range(2):  # a worker dies, and then nobody tries it any more
            async with asyncio.TaskGroup() as asking:
                waiting = [
                    asking.create_task(hand_over(stage, service.bus, session, body, start + number))
                    for number, body in enumerate(bodies)
                ]
            reasons.append([task.result().reason for task in waiting])
        await captions.finals(1)
    died, left_out = (one[deadly.start + 3 :] for one in reasons)
    assert all("WorkerLost" in str(reason) for reason in died)
    assert all("died of the utterance" in str(reason) for reason in left_out)
    assert reasons[1][: deadly.start - 3] == [None] * (deadly.start - 3), "the first sentence is captioned"
    assert len(captions.final) == 1


async def hand_over(stage: Stage, bus: Bus, session: str, body: bytes, sequence: int | None = None) -> LetterAnswer:
    """As `rostrum dlq retry` does, without waiting for the one before."""
    headers = {
        subjects.HEADER_PERSON: stage.host.id,
        subjects.HEADER_SESSION: session,
        subjects.HEADER_ORIGIN: subjects.capture(stage.space_id, session),
        subjects.HEADER_SEQUENCE: str(next(_numbers) if sequence is None else sequence),
        subjects.HEADER_PUBLISHED_AT: datetime.now(UTC).isoformat(),
    }
    reply = await bus.nc.request(subjects.retry("transcription", CONSUMER), body, timeout=LIMIT, headers=headers)
    return LetterAnswer.decode(reply.data)


def worker_pids() -> list[int]:
    children = psutil.Process().children()
    return [child.pid for child in children if "services.transcription.adapters.worker" in child.cmdline()]


async def bury_all(stage: Stage, bus: Bus, person_id: str, packets: list[bytes]) -> None:
    """As a version did that could not read them."""
    session = new_id()
    for body in bundles(packets, base_ns=stage.base_ns, last=False):
        message = CapturedMessage(
            sequence=next(_numbers),
            session_id=session,
            person_id=person_id,
            published_ns=round(datetime.now(UTC).timestamp() * 1e9),
            subject=subjects.capture(stage.space_id, session),
            stored=body,
            body=body,
            bundle=None,
            headers={subjects.HEADER_PERSON: person_id, subjects.HEADER_SESSION: session},
        )
        await bury(bus, message, "unknown bundle version 1")


async def _some(bus: Bus) -> list[Letter] | None:
    return await letters(bus) or None
