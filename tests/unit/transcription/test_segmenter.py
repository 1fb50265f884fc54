"""From captured packets to utterances, without a bus."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from contracts.capture import decode
from services.transcription.adapters.messages import Tuning
from services.transcription.engines import Recogniser
from services.transcription.engines.choosing import find
from tests.integration.transcription.stage import bundles, carried
from tests.support.segmented import Segmented, Step

BASE = 1_800_000_000 * 10**9
S = 10**9


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    """It follows one speaker at a time."""
    _, model = find("pocketsphinx", None, tmp_path_factory.mktemp("var"))
    return model.load(1)


def fed(segmenter: Segmented, bodies: Iterator[bytes] | list[bytes], *, first: int = 1) -> list[Step]:
    return [segmenter.feed(first + index, decode(body)) for index, body in enumerate(bodies)]


def sentence(voice: str, number: int) -> list[bytes]:
    """The packets of one sentence with the pause after it."""
    said = carried()[voice]
    start = float(said.sentences[number]["start_s"])
    end = float(said.sentences[number]["end_s"])
    return said.packets[int(start * 50) - 5 : int(end * 50) + 23]


def test_an_utterance_that_is_recognised_again_has_the_same_id(recogniser: Recogniser) -> None:
    bodies = list(bundles(carried()["slt"].packets[:425], base_ns=BASE))
    once = fed(Segmented(recogniser.session(), Tuning()), bodies)
    said = [s for results in once for s in results.finals]
    assert len(said) == 2
    # The process died somewhere in the second: it goes on after what was stored of the first.
    resumed = said[0].sequence
    again = fed(Segmented(recogniser.session(), Tuning()), bodies[resumed:], first=resumed + 1)
    repeated = [s for results in again for s in results.finals]
    assert [s.began_ns for s in repeated] == [said[1].began_ns]
    assert repeated[0].sequence == said[1].sequence
    assert abs(repeated[0].start_ns - said[1].start_ns) < S // 10


def test_what_is_needed_covers_the_utterance_from_its_first_bundle(recogniser: Recogniser) -> None:
    segmenter = Segmented(recogniser.session(), Tuning())
    results = fed(segmenter, list(bundles(sentence("rms", 4)[:-23], base_ns=BASE, last=False)))
    needed = [h.needed for h in results]
    assert needed[-1] is not None
    assert needed[-1] <= 3
    assert all(b >= a for a, b in pairwise(n for n in needed if n is not None))
    done = segmenter.flush(len(results))
    assert done.needed is None
    assert done.finals[0].sequence == len(results)
    assert "the city should have a voice" in done.finals[0].text


def test_the_first_words_are_shown_soon_and_then_renewed(recogniser: Recogniser) -> None:
    said = carried()["rms"]
    results = fed(Segmented(recogniser.session(), Tuning()), list(bundles(said.packets[:255], base_ns=BASE)))
    shown = [(index + 1) / 10 for index, h in enumerate(results) if h.partial is not None]
    assert shown[0] - float(said.sentences[0]["start_s"]) <= 1.5
    assert all(0.2 <= b - a <= 1.1 for a, b in pairwise(shown)), shown
    texts = [h.partial.text for h in results if h.partial is not None]
    assert all(a != b for a, b in pairwise(texts))


def test_an_utterance_begins_without_the_words_of_the_last_one(recogniser: Recogniser) -> None:
    results = fed(Segmented(recogniser.session()), list(bundles(carried()["slt"].packets[:425], base_ns=BASE)))
    partials = [h.partial for h in results if h.partial is not None]
    changes = [(one, other) for one, other in pairwise(partials) if one.began_ns != other.began_ns]
    assert len(changes) == 1
    assert all(not other.text.startswith(one.text) for one, other in changes)
    assert len(changes[0][1].text) < len(changes[0][0].text)


def test_silence_is_no_caption(recogniser: Recogniser) -> None:
    said = carried()["awb"]
    gap = said.packets[int(float(said.sentences[0]["end_s"]) * 50) + 8 :][:15]
    results = fed(Segmented(recogniser.session(), Tuning()), list(bundles(gap * 20, base_ns=BASE)))
    assert [h for h in results if h.finals or h.partial] == []


def test_long_speech_without_pauses_is_split(recogniser: Recogniser) -> None:
    packets = sentence("rms", 4)[:-25] + sentence("rms", 3)[6:-25] + sentence("rms", 2)[6:-25]
    tuning = Tuning(long_s=3.0, longest_s=4.5)
    said = [
        s for h in fed(Segmented(recogniser.session(), tuning), list(bundles(packets, base_ns=BASE))) for s in h.finals
    ]
    assert len(said) >= 3
    assert all(s.end_ns - s.start_ns <= 4.7 * S for s in said)
    # Nothing is lost between them.
    assert all(after.start_ns - before.end_ns < 0.5 * S for before, after in pairwise(said))


def test_a_speaker_who_finds_no_decoder_gets_a_caption_all_the_same(recogniser: Recogniser) -> None:
    first, second = Segmented(recogniser.session(), Tuning()), Segmented(recogniser.session(), Tuning())
    talking = list(bundles(sentence("awb", 0), base_ns=BASE))
    other = list(bundles(sentence("slt", 0), base_ns=BASE))
    said = {"awb": "", "slt": ""}
    shown = {"awb": 0, "slt": 0}
    for number, (one, two) in enumerate(zip(talking, other, strict=False), 1):
        for voice, segmenter, body in (("awb", first, one), ("slt", second, two)):
            results = segmenter.feed(number, decode(body))
            said[voice] += "".join(s.text for s in results.finals)
            shown[voice] += results.partial is not None
    said["awb"] += "".join(s.text for s in first.flush(99).finals)
    assert said["awb"].startswith("Good evening everybody")
    assert said["slt"].startswith("My sister and I")
    assert (shown["awb"] == 0) != (shown["slt"] == 0), "there is one decoder, and it follows one of them"


def test_a_pause_in_which_nothing_arrives_ends_an_utterance(recogniser: Recogniser) -> None:
    packets = sentence("rms", 0)
    half = packets[: len(packets) // 2]
    segmenter = Segmented(recogniser.session(), Tuning())
    before = fed(segmenter, list(bundles(half, base_ns=BASE, last=False)))
    assert not any(h.finals for h in before)
    after = fed(segmenter, list(bundles(sentence("rms", 1), base_ns=BASE + 60 * S, first=len(half))), first=1000)
    said = [s for h in after for s in h.finals]
    assert len(said) == 2
    assert said[0].sequence == 999
    assert said[0].end_ns < BASE + 10 * S
    assert said[1].start_ns >= BASE + 59 * S
