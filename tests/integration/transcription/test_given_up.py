"""An utterance that recognition workers do not survive costs its own caption, and nothing else."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from contracts import subjects
from contracts.transcription import v1
from libs.bus import Bus
from libs.bus.dead_letters import read_letters
from libs.service import running
from services.transcription.adapters.captured import CONSUMER
from services.transcription.adapters.worker_pool import WorkerPool
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.deadly import DEADLY
from tests.integration.transcription.stage import Stage, carried
from tests.support.waiting import LIMIT

HANGS_AFTER = 12.0
"""Much more than one piece of work takes, where nothing else runs."""


def _write(deadly: Path, sequences: str) -> None:
    deadly.write_text(sequences)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def three_sentences(stage: Stage, deadly: Path, *, dies: bool) -> list[v1.Caption]:
    """Captions of what the host said, in a session for each sentence. Workers die of the second, or of none."""
    captions = await stage.events()
    await stage.start()
    said = carried()["slt"]
    for number, sentence in enumerate(said.sentences[:3]):
        start, end = float(sentence["start_s"]), float(sentence["end_s"])
        packets = said.packets[max(0, int(start * 50) - 10) : int(end * 50) + 8]
        before = (await stage.bus.js.stream_info("CAPTURE")).state.last_seq
        if number == 1 and dies:
            _write(deadly, f"{before + 1} {before + (len(packets) + 4) // 5}")
        await stage.say(stage.host, packets, after=start, session=f"session-{number}")
        if number == 0:
            await captions.finals(1)
    await stage.end()
    await captions.complete(2 * LIMIT)
    return sorted(captions.final, key=lambda caption: caption.start_at)


@pytest.mark.parametrize(
    "signal",
    [
        pytest.param("SIGKILL", id="workers die of it"),
        # They are ended for it, and the rest is the same.
        pytest.param("SIGSTOP", id="workers hang", marks=pytest.mark.soak),
    ],
)
async def test_an_utterance_that_takes_two_workers_down_costs_only_itself(
    bus: Bus, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    signal: str,
) -> None:  # fmt: skip
    (tmp_path / "sitecustomize.py").write_text(DEADLY.format(signal=signal))
    monkeypatch.syspath_prepend(str(tmp_path))
    if signal == "SIGSTOP":
        monkeypatch.setattr(WorkerPool.__init__, "__kwdefaults__", {"hangs_after": HANGS_AFTER})
    deadly, first = tmp_path / "deadly", Stage(bus)
    _write(deadly, "0 -1")
    async with running(Settings.read({**env, "ROSTRUM_TRANSCRIPTION_WORKERS": "2"}), compose):
        whole = await three_sentences(first, deadly, dies=False)
        again = Stage(bus)
        again.host, again.base_ns, again.started_at = first.host, first.base_ns, first.started_at
        left_out = counted("rostrum_transcription_left_out_total", reason="utterance")
        died = counted("rostrum_transcription_workers_died_total")
        with caplog.at_level(logging.ERROR):
            some = await three_sentences(again, deadly, dies=True)
        kept = [letter async for letter in read_letters(bus.js, CONSUMER)]
        first_deadly, last_deadly = map(int, deadly.read_text().split())
    assert len(whole) == 3
    assert some == [whole[0], whole[2]]
    assert counted("rostrum_transcription_workers_died_total") >= died + 2
    assert counted("rostrum_transcription_left_out_total", reason="utterance") == left_out + 1
    assert "an utterance of session session-1 has no caption" in caplog.text
    # `rostrum dlq retry` finds what was captured of it, from its beginning to its end.
    sequences = [letter.sequence for letter in kept]
    assert sequences == list(range(sequences[0] or 0, last_deadly + 2)), "its end is told by a bundle of its own"
    assert first_deadly <= (sequences[0] or 0) < first_deadly + 5
    assert {letter.origin for letter in kept} == {subjects.capture(again.space_id, "session-1")}
    assert "workers died of the utterance" in kept[0].reason
