"""What is wrong with a demo as it was asked for is said in one line, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.cli import main
from infra.demo import cast, voice


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--speaker", "Ada=nowhere.wav"], "nowhere.wav: no such file"),
        (["--speaker", "Ada={broken}"], "broken.wav: not an audio file"),
        (["--speaker", "Ada={folder}"], "is a directory"),
        (["--speaker", "Ada"], "NAME=FILE"),
        (["--speaker", "=x.wav"], "NAME=FILE"),
        (["--speaker", "Ada={good}", "--speaker", "Ada={good}"], "named twice"),
        (["--speaker", "Ada={good}", "--mute", "Bo"], "there is no such speaker"),
        (["--mute", "Bo"], "--mute goes with --speaker"),
    ],
)
def test_a_demo_that_cannot_be_played_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF and then nothing of the kind")
    files = {"broken": tmp_path / "broken.wav", "folder": tmp_path, "good": cast.SPEECH / "awb.flac"}
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--out", str(out), *(argument.format(**files) for argument in arguments)])
    said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert len(said) == 1
    assert named in said[0]
    assert not out.exists()


@pytest.mark.parametrize("count", ["-1", "many", "201"])
def test_a_number_of_listeners_that_is_none_is_refused(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", f"--listeners={count}"])
    assert ended.value.code == 2
    assert "0 to 200" in capsys.readouterr().err


def test_speech_becomes_twenty_millisecond_packets() -> None:
    packets = voice.encode(cast.SPEECH / "awb.flac")
    assert 29 < len(packets) * voice.FRAME_SECONDS < 33
    assert all(0 < len(packet) <= 1275 for packet in packets)
    assert packets == voice.encode(cast.SPEECH / "awb.flac"), "the same speech is the same packets"


def test_a_space_of_ones_own_speakers_is_called_after_them() -> None:
    def title(*names: str) -> str:
        return cast.title_of([cast.Part(name, []) for name in names])

    assert title("Ada") == "Ada"
    assert title("Ada", "Bo") == "Ada and Bo"
    assert title("Ada", "Bo", "Cy") == "Ada, Bo and Cy"
    assert title("Ada Lovelace", "B" * 50, "Cy") == "Ada Lovelace and others"


def test_a_handle_is_made_of_any_name() -> None:
    assert cast.handle_of("Ada Lovelace", 7) == "adalovela_7"
    assert cast.handle_of("Жанна", 12345) == "speaker_12345"
    assert len(cast.handle_of("a" * 50, 99999)) <= 15
