"""The host corrects what was heard; the speaker is told and may reject it."""

from __future__ import annotations

import json

import pytest

from contracts.envelope import Event
from contracts.transcription import v1
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import Captions, Stage, carried, person
from tests.support.personal_data import held, of
from tests.support.waiting import eventually


async def said(stage: Stage, captions: Captions) -> tuple[v1.Caption, str]:
    """One caption of a speaker who is not the host, and the speaker's id; the Space still runs."""
    speaker = person("Selma")
    await stage.start()
    await stage.join(speaker)
    await stage.say(speaker, carried()["slt"].packets[:200])
    await captions.finals(1)
    return captions.final[0], speaker.id


async def correct(stage: Stage, caption: v1.Caption, text: str, *, key: str | None = None) -> None:
    """Correct it as the host, once it is known who that is."""
    command = v1.CorrectCaption(
        command_id=key or new_id(), actor=stage.host.id, space_id=stage.space_id, caption_id=caption.id, text=text
    )

    async def done() -> bool:
        try:
            await stage.bus.ask(command)
        except Refusal as no:
            if no.reason != "not_ready":
                raise
            return False
        return True

    await eventually(done)


async def news(captions: Captions, many: int) -> list[Event]:
    """So many events about corrections."""
    told: list[Event] = []
    while len(told) < many:
        event = await captions.next()
        if isinstance(event, v1.CaptionCorrected | v1.CaptionRestored | v1.OwnCaptionCorrected):
            told.append(event)
    return told


@pytest.mark.usefixtures("service")
async def test_a_correction_is_shown_live_and_afterwards_and_in_every_file_until_the_speaker_rejects_it(
    stage: Stage,
) -> None:
    captions = await stage.events()
    caption, speaker = await said(stage, captions)
    key = new_id()
    for _ in range(2):  # sent again, it happens once
        await correct(stage, caption, "My sister <i>A --> B</i> & I", key=key)
    await correct(stage, caption, "My sister <i>A --> B</i> & I")  # the same words change nothing
    everybody, own = await news(captions, 2)
    assert isinstance(everybody, v1.CaptionCorrected)
    assert (everybody.caption_id, everybody.by) == (caption.id, stage.host.id)
    assert isinstance(own, v1.OwnCaptionCorrected)
    assert (own.people(), own.heard) == (frozenset({speaker}), caption.text)
    await stage.end()
    await captions.complete()

    for viewer, heard in ((None, None), (speaker, caption.text), (stage.host.id, caption.text), (new_id(), None)):
        (shown,) = (await stage.transcript(viewer)).captions
        assert (shown.text, shown.corrected_by) == ("My sister <i>A --> B</i> & I", stage.host.id)
        assert shown.heard == heard
    assert "[corrected by the host]" in await stage.document("vtt")
    for who, heard_by in ((speaker, caption.text), (stage.host.id, None)):
        (record,) = of(await held(stage.bus, v1.HeldQuery, who), "captions")
        assert (record["corrected"], record["corrected_by"]) == ("My sister <i>A --> B</i> & I", stage.host.id)
        assert record.get("heard") == heard_by, "what others said is not the host's"
    assert await held(stage.bus, v1.HeldQuery, new_id()) == []
    assert "My sister &lt;i&gt;A --&gt; B&lt;/i&gt; &amp; I" in await stage.document("vtt")
    assert json.loads(await stage.document("json"))["captions"][0]["corrected_by"] == stage.host.id
    for format in ("vtt", "srt", "txt", "json"):
        assert caption.text not in await stage.document(format)

    await stage.bus.ask(
        v1.RejectCorrection(command_id=new_id(), actor=speaker, space_id=stage.space_id, caption_id=caption.id)
    )
    (restored,) = await news(captions, 1)
    assert isinstance(restored, v1.CaptionRestored)
    assert (restored.text, restored.reason) == (caption.text, "rejected")
    (shown,) = (await stage.transcript()).captions
    assert (shown.text, shown.corrected_by, shown.correction_rejected) == (caption.text, None, True)
    assert "corrected" not in await stage.document("txt")


async def test_corrections_outlast_a_restart(stage: Stage, env: dict[str, str]) -> None:
    captions = await stage.events()
    async with running(Settings.read(env), compose):
        caption, _ = await said(stage, captions)
        await correct(stage, caption, "Nothing of the kind")
    async with running(Settings.read(env), compose):
        (shown,) = (await stage.transcript()).captions
        assert (shown.text, shown.corrected_by) == ("Nothing of the kind", stage.host.id)


@pytest.mark.usefixtures("service")
async def test_a_space_that_is_not_recorded_keeps_no_transcript_after_its_end(stage: Stage) -> None:
    live_only = Stage(stage.bus, recorded=False)
    captions = await live_only.events()
    await said(live_only, captions)
    assert [caption.id for caption in (await live_only.transcript()).captions] == [captions.final[0].id]
    await live_only.end()
    await captions.complete()
    transcript = await live_only.transcript()
    assert (transcript.state, transcript.captions) == ("none", ())
    with pytest.raises(Refusal, match="no transcript"):
        await live_only.document("txt")
