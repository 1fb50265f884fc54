"""Speakers are told that a host corrected what they said, in the events of their live bar, wherever they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.transcription.v1 import OwnCaptionCorrected, Transcript, TranscriptQuery
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.conftest import Running


def corrected(person_id: str, space_id: str) -> OwnCaptionCorrected:
    return OwnCaptionCorrected(
        space_id=space_id, version=3, at=datetime.now(UTC), caption_id="c-1", person_id=person_id,
        text="Hullo.", heard="Hello.", by=new_id(),
    )  # fmt: skip


async def test_a_speaker_who_is_elsewhere_is_told_and_nobody_else_is(gateway: Running, behind: Backend) -> None:
    ann, bob, space = new_id(), new_id(), new_id()
    async with (
        gateway.client(ann) as as_ann,
        gateway.client(bob) as as_bob,
        as_ann.events("/v1/live-bar/events") as anns,
        as_bob.events("/v1/live-bar/events") as bobs,
    ):
        await anns.until("snapshot")
        await bobs.until("snapshot")
        await behind.emit(corrected(ann, space))
        sequence = await behind.emit(corrected(bob, space))
        told = await anns.next()
        assert told.event == "transcription.own_caption_corrected"
        assert (told.data["space_id"], told.data["caption_id"], told.data["heard"]) == (space, "c-1", "Hello.")
        assert (await bobs.next()).sequence == sequence


@pytest.mark.parametrize("kept", ["complete", "none", "unknown"])
async def test_who_was_away_is_told_while_there_is_a_transcript(gateway: Running, behind: Backend, kept: str) -> None:
    ann, bob, space = new_id(), new_id(), new_id()

    async def answer(query: TranscriptQuery) -> Transcript:
        if kept == "unknown":
            raise Refusal("unavailable", "Too many changes at once; try again.", retry=True)
        return Transcript(space_id=query.space_id, state="none" if kept == "none" else "complete")

    behind.on(TranscriptQuery, answer)
    async with gateway.client(ann) as client, gateway.client(bob) as as_bob:
        async with client.events("/v1/live-bar/events") as events:
            last = (await events.until("snapshot"))[-1].id
        async with as_bob.events("/v1/live-bar/events") as bobs:
            await bobs.until("snapshot")
            missed = [await behind.emit(corrected(ann, space)) for _ in range(2)]
            passed = await behind.emit(corrected(bob, space))
            # What the gateway has not passed on yet would be live to Ann, not missed.
            assert (await bobs.next()).sequence == passed
        async with client.events("/v1/live-bar/events", last) as events:
            now = await behind.emit(corrected(ann, new_id()))
            expected = [*missed, now] if kept == "complete" else [now]
            assert [(await events.next()).sequence for _ in expected] == expected
    assert len(behind.asked[TranscriptQuery.name]) == 1, "of each Space it is asked once"
