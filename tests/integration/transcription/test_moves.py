"""Whoever goes to another media node is captured at both for a while."""

from __future__ import annotations

from itertools import pairwise

from contracts import capture
from libs.ids import new_id
from libs.service import running
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import FRAME_NS, Stage, bundles, carried
from tests.support.wer import word_error_rate

MOST_WRONG = 0.15


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
