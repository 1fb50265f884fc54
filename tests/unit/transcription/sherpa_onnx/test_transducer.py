"""A transducer of one's own: its words, their times, the vocabulary, its files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.transcription.engines import RATE, Hints, ModelError
from services.transcription.engines.choosing import find, model_of
from tests.support import tiny_transducer
from tests.support.tiny_transducer import GAP_S, TONE_S, spoken

PIECE = RATE // 10 * 2
"""Bytes."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_transducer.write(tmp_path / "model")


def test_words_come_one_by_one_and_stay(folder: Path, tmp_path: Path) -> None:
    session = find("sherpa_onnx", folder, tmp_path)[1].load(1).session()
    session.begin()
    shown = [""]
    samples = spoken("one two three")
    for at in range(0, len(samples), PIECE):
        session.feed(samples[at : at + PIECE])
        if session.partial() != shown[-1]:
            shown.append(session.partial())
    final = session.final()
    assert final.text == "One two three"
    assert shown == ["", "One", "One two", "One two th", "One two three"][: len(shown)]
    assert len(shown) >= 4


def test_a_word_begins_when_it_was_said_and_is_as_sure_as_the_model(folder: Path, tmp_path: Path) -> None:
    session = find("sherpa_onnx", folder, tmp_path)[1].load(1).session()
    session.begin()
    session.feed(spoken("one three two"))
    words = session.final().words
    assert [word.text for word in words] == ["One", "three", "two"]
    began = [GAP_S, 2 * GAP_S + TONE_S, 3 * GAP_S + 3 * TONE_S]
    assert [word.start_s for word in words] == pytest.approx(began, abs=0.06)
    assert [word.end_s for word in words] == pytest.approx(
        [GAP_S + TONE_S, 2 * GAP_S + 3 * TONE_S, 3 * GAP_S + 4 * TONE_S], abs=0.15
    )


def test_of_two_words_that_sound_alike_the_one_in_the_vocabulary_is_heard(folder: Path, tmp_path: Path) -> None:
    session = find("sherpa_onnx", folder, tmp_path)[1].load(1).session()
    heard = []
    for vocabulary in ("", "Ada", "Tromsø, Ada", ""):
        session.begin(Hints("en", vocabulary))
        session.feed(spoken("one eider two"))
        heard.append(session.final().text)
    assert heard == ["One eider two", "One ada two", "One ada two", "One eider two"]
    # Without the pieces' scores words cannot be taken apart, and everything else works.
    (folder / "bpe.vocab").unlink()
    session = find("sherpa_onnx", folder, tmp_path)[1].load(1).session()
    session.begin(Hints("en", "Ada"))
    session.feed(spoken("one eider two"))
    assert session.final().text == "One eider two"


def test_a_caption_is_in_the_language_that_the_operator_says_the_model_knows(folder: Path, tmp_path: Path) -> None:
    session = find("sherpa_onnx", folder, tmp_path)[1].load(1).session()
    session.begin(Hints("de"))
    session.feed(spoken("one"))
    assert session.final().lang == "de"


def test_files_may_be_named_as_they_are_published(folder: Path, tmp_path: Path) -> None:
    for network in ("encoder", "decoder", "joiner"):
        path = folder / f"{network}.onnx"
        path.rename(folder / f"{network}-epoch-99-avg-1.onnx")
    # Of two the smaller is taken.
    (folder / "joiner-epoch-99-avg-1.int8.onnx").write_bytes((folder / "joiner-epoch-99-avg-1.onnx").read_bytes())
    (folder / "joiner-epoch-99-avg-1.onnx").write_bytes(b"none")
    assert find("auto", folder, tmp_path)[0] == "sherpa_onnx"
    (folder / "encoder-epoch-5-avg-1.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"more than one encoder: encoder-epoch-5-avg-1\.onnx, encoder-epoch-99"):
        find("sherpa_onnx", folder, tmp_path)


def test_a_folder_that_lacks_files_is_refused_by_their_names(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"lacks tokens\.txt, encoder\*\.onnx, decoder\*\.onnx, joiner\*\.onnx"):
        find("sherpa_onnx", tmp_path, tmp_path)


def test_tokens_of_another_model_are_refused(folder: Path, tmp_path: Path) -> None:
    tokens = (folder / "tokens.txt").read_text().splitlines()
    (folder / "tokens.txt").write_text("\n".join(tokens[:-1]))
    with pytest.raises(ModelError, match=r"tokens\.txt is truncated or altered: it lacks tokens of the 10"):
        find("sherpa_onnx", folder, tmp_path)


def test_a_network_that_is_no_transducers_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "encoder.onnx").write_bytes((folder / "joiner.onnx").read_bytes())
    with pytest.raises(ModelError, match=r"encoder\.onnx is truncated, or of no streaming transducer"):
        find("sherpa_onnx", folder, tmp_path)


def test_without_the_library_the_refusal_says_what_to_install(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [part for part in sys.path if not part.endswith("site-packages")])
    monkeypatch.delitem(sys.modules, "sherpa_onnx", raising=False)
    with pytest.raises(ModelError, match="extra `sherpa`"):
        model_of("sherpa_onnx")(folder, tmp_path)
