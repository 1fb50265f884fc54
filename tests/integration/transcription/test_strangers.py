"""Captured speech of somebody who is not on stage is no caption of anybody."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from libs.bus import Bus
from libs.service import Service
from services.transcription.settings import Settings
from tests.integration.transcription.stage import Stage, bundles, carried, person
from tests.support.waiting import eventually
from tests.support.wer import word_error_rate

pytestmark = pytest.mark.asyncio(loop_scope="module")
MOST_WRONG = 0.15
SENTENCE = slice(225, 470)
"""Of awb's packets: a sentence."""


@pytest.fixture
def service(shared: Service[Settings]) -> Service[Settings]:
    return shared


@pytest.fixture
def bus(shared_bus: Bus) -> Bus:
    return shared_bus


def left_out(reason: str) -> float:
    return REGISTRY.get_sample_value("rostrum_transcription_left_out_total", {"reason": reason}) or 0.0


@pytest.mark.usefixtures("service")
async def test_bundles_of_nobody_on_stage_are_left_out_and_counted(stage: Stage, bus: Bus) -> None:
    other, unknown = Stage(bus), Stage(bus)
    guest = person("Guest")
    captions, elsewhere, nowhere = await stage.events(), await other.events(), await unknown.events()
    await stage.start()
    await other.start()
    await other.join(guest)
    said = carried()["awb"]
    end_s = float(said.sentences[0]["end_s"])
    speech = carried()["slt"].packets[:250]
    before = {reason: left_out(reason) for reason in ("not_on_stage", "no_person")}
    await asyncio.gather(
        stage.say(stage.host, said.packets[: int(end_s * 50) + 30]),
        stage.say(person("Stranger"), speech),
        stage.say(None, speech),
        stage.say(guest, speech),  # who is on another stage
        unknown.say(unknown.host, speech),  # in a Space that has not begun, and never will
    )
    await stage.end()
    await captions.complete()
    assert {caption.person.id for caption in captions.final} == {stage.host.id}
    assert {partial.person.id for partial in captions.partial} <= {stage.host.id}
    assert word_error_rate(str(said.sentences[0]["text"]), captions.text(stage.host)) <= MOST_WRONG
    assert list((await stage.transcript()).captions) == [c.model_copy(update={"words": ()}) for c in captions.final]
    assert left_out("not_on_stage") - before["not_on_stage"] == 2
    assert left_out("no_person") - before["no_person"] == 1
    # The guest is heard on their own stage all the same.
    await other.say(guest, speech)
    await other.end()
    await elsewhere.complete()
    assert {caption.person.id for caption in elsewhere.final} == {guest.id}
    assert (await unknown.transcript()).state == "none"
    with pytest.raises(TimeoutError):
        await nowhere.next(within=0.2)


async def test_whoever_left_the_stage_is_heard_no_more_until_they_are_back(
    stage: Stage, service: Service[Settings]
) -> None:
    guest = person("Guest")
    captions = await stage.events()
    await stage.start()
    await stage.join(guest)
    speech = carried()["awb"].packets[SENTENCE]
    await stage.leave(guest, after=30)
    with closing(sqlite3.connect(service.settings.var / "stores" / "transcription-stages.db")) as db:
        gone = "SELECT 1 FROM stands WHERE NOT stands AND space_id = ?"
        await eventually(lambda: bool(db.execute(gone, (stage.space_id,)).fetchall()))
    before = left_out("not_on_stage")
    session = await stage.say(guest, speech, last=False)
    # Captured long after they had left, in the same session and in another one.
    await stage.say(guest, speech, after=60, session=session)
    await stage.say(guest, speech, after=80)
    await captions.finals(1)
    await stage.join(guest, at=stage.started_at + timedelta(seconds=100))
    await stage.say(guest, speech, after=101)
    await stage.end()
    await captions.complete()
    said = [(caption.start_at - stage.started_at).total_seconds() for caption in captions.final]
    assert [round(seconds, -1) for seconds in sorted(said)] == [0, 100]
    assert left_out("not_on_stage") - before == 2 * len(list(bundles(speech, base_ns=0)))


@pytest.mark.usefixtures("service")
async def test_nobody_is_captioned_by_what_another_persons_bundles_bring_into_their_session(stage: Stage) -> None:
    guest = person("Guest")
    captions = await stage.events()
    await stage.start()
    await stage.join(guest)
    speech = carried()["awb"].packets[SENTENCE]
    before = left_out("another_person")
    session = await stage.say(stage.host, speech, last=False)
    await stage.say(guest, speech, after=10, session=session, last=False)
    await stage.say(person("Stranger"), speech, after=20, session=session, last=False)
    for body in bundles(speech, base_ns=stage.base_ns + 30 * 10**9, first=1000):
        await stage.publish(stage.host, session, body)
    await stage.end()
    await captions.complete()
    assert {caption.person.id for caption in captions.final} == {stage.host.id}
    assert [round((c.start_at - stage.started_at).total_seconds(), -1) for c in captions.final] == [0, 30]
    assert left_out("another_person") - before == 2 * len(list(bundles(speech, base_ns=0, last=False)))


@pytest.mark.usefixtures("service")
async def test_bundles_that_come_again_are_captioned_once_also_after_their_sentence(stage: Stage) -> None:
    captions = await stage.events()
    await stage.start()
    speech = carried()["awb"].packets[SENTENCE]
    session = await stage.say(stage.host, speech, last=False)
    bodies = list(bundles(speech, base_ns=stage.base_ns, last=False))
    await captions.finals(1)
    # Of a sentence that is over, the second half, and all of it.
    for body in (*bodies[len(bodies) // 2 :], *bodies):
        await stage.publish(stage.host, session, body)
    for body in bundles(speech, base_ns=stage.base_ns + 30 * 10**9, first=1000):
        await stage.publish(stage.host, session, body)
    await stage.end()
    await captions.complete()
    said = [(caption.start_at - stage.started_at).total_seconds() for caption in captions.final]
    assert [round(seconds, -1) for seconds in said] == [0, 30]
    assert captions.final[0].text == captions.final[1].text
