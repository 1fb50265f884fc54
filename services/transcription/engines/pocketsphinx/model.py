"""A pocketsphinx model: its own English one, or a folder with the same parts."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from services.transcription import engines
from services.transcription.engines.checks import Verified

if TYPE_CHECKING:
    from services.transcription.engines.pocketsphinx.recogniser import Recogniser

_PARTS: Final = {"hmm": "acoustic", "dict": "words.dict", "lm": "language.lm.bin"}
"""By pocketsphinx's option: the acoustic model (a folder), the pronunciations, the language model."""
_OWN: Final = "pocketsphinx/model/en-us"
_OWN_PARTS: Final = {"hmm": "en-us", "dict": "cmudict-en-us.dict", "lm": "en-us.lm.bin"}
_OWN_FILES: Final = {
    "cmudict-en-us.dict": "20b5c293e1f311fb375fe067e500ec5636f4fc7af5594967263696def9b23bfe",
    "en-us.lm.bin": "db21d0642286677699e6dbc859d2e5395570222361999387ce60f6e1d01995d6",
    "en-us/feat.params": "c982c5f75e2a30c34d2c9ef1f6b129a5a00e67e3e927565076b58664cc2404c9",
    "en-us/mdef": "2360f9a86889c1cfee8bd618a0269387911e5fb2920a594f506b18b8c79683b0",
    "en-us/means": "832019e32cac12eb318964f96f469034acb12d0348eeddc3831831a100cb4dd4",
    "en-us/noisedict": "7295b07df2c204c4f87c6782b6be1a3859d7006d4e3864181c955d6dab105a33",
    "en-us/sendump": "8c9564c0d5bef69ca9d9bf1014abe162f071644cf02cf1fa8a483c3dc165a7a8",
    "en-us/transition_matrices": "c1f7f28ea43177be734be1f88bd7f1b9a853d0e660f8599c67c6eaeca8bb539a",
    "en-us/variances": "b00d696f85e96834fc10f8e5f06428d8c4db6bffdbe5845b6f69bf6efbc48fa5",
}
"""SHA-256 of the files of pocketsphinx's own model, which are those of its releases."""


class Model(engines.Model):
    """A model whose parts are there."""

    preference: ClassVar[int] = 0

    def __init__(self, folder: Path | None, var: Path) -> None:
        """Raises ModelError naming what the folder lacks, or a file of the own model that is not what it was."""
        self.languages = frozenset({"en"})
        self._name = "of pocketsphinx itself" if folder is None else f"in {folder}"
        self._parts = _own(var) if folder is None else _in_folder(folder)

    def load(self, live: int, *, verbose: bool = False) -> Recogniser:
        """Load `live` decoders, each of 90 MB, in a third of a second."""
        # Imported here: the library belongs in worker processes only.
        from services.transcription.engines.pocketsphinx.recogniser import Recogniser

        try:
            return Recogniser(live, self._parts, verbose=verbose)
        except RuntimeError as error:
            if verbose:
                raise  # its log says more
            raise engines.ModelError(f"the speech model {self._name} cannot be loaded: {error}") from error


def _own(var: Path) -> Mapping[str, str]:
    try:
        folder = Path(str(distribution("pocketsphinx").locate_file(_OWN)))
    except PackageNotFoundError:
        raise engines.ModelError("the package pocketsphinx is not installed") from None
    verified = Verified(var)
    for name, sha256 in _OWN_FILES.items():
        verified.verify(folder / name, sha256)
    verified.remember()
    return {option: str(folder / name) for option, name in _OWN_PARTS.items()}


def _in_folder(folder: Path) -> Mapping[str, str]:
    missing = [name for name in _PARTS.values() if not (folder / name).exists()]
    if missing:
        raise engines.ModelError(f"{folder} is no speech model: it lacks {', '.join(missing)}")
    return {option: str(folder / name) for option, name in _PARTS.items()}
