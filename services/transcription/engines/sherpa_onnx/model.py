"""A streaming transducer in ONNX, as icefall exports it: a folder with encoder, decoder, joiner and tokens.

There is none of its own. The files may have what names they were published with, such as
`encoder-epoch-99-avg-1-chunk-16-left-128.int8.onnx`.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from services.transcription import engines

if TYPE_CHECKING:
    from services.transcription.engines.sherpa_onnx.recogniser import Recogniser

_NETWORKS: Final = ("encoder", "decoder", "joiner")
_SMALLER: Final = ".int8.onnx"
_TOKENS: Final = "tokens.txt"
_PIECES: Final = "bpe.vocab"
"""Scores of the pieces of words. With it, the words of a Space are told to the recogniser."""
_KINDS: Final = ("conformer", "ebranchformer", "lstm", "zipformer", "zipformer2")
"""Of encoders that sherpa-onnx streams."""
_NO_TEXT: Final = ("<", "#")
"""How tokens begin that stand for no piece of a word: `<blk>`, `#0`."""
_KEY, _VALUE = b"\x0a", b"\x12"
"""How Protocol Buffers begin the first and the second field of an entry."""


class Model(engines.Model):
    """A transducer whose files are there and belong together."""

    preference: ClassVar[int] = 5

    def __init__(self, folder: Path | None, var: Path) -> None:
        """Raises ModelError naming what is missing, truncated or of another model."""
        if folder is None:
            raise engines.ModelError("sherpa_onnx has no model of its own: a setting names its folder")
        self.languages = frozenset({"en"})
        self._folder = folder
        self._files = _files(folder)
        if find_spec("sherpa_onnx") is None:
            raise engines.ModelError("the package sherpa-onnx is not installed: it is the extra `sherpa` of Rostrum")
        _check(self._files)

    def load(self, live: int, *, verbose: bool = False) -> Recogniser:
        """Load it; everybody who talks shares it."""
        # Imported here: the library belongs in worker processes only.
        from services.transcription.engines.sherpa_onnx.recogniser import Recogniser

        try:
            return Recogniser(self._files)
        except (RuntimeError, OSError, ValueError) as error:
            # ONNX Runtime names the file.
            raise engines.ModelError(f"the speech model in {self._folder} cannot be loaded: {error}") from error


def _files(folder: Path) -> Mapping[str, Path]:
    """The files by what they are."""
    found: dict[str, Path] = {}
    missing = [] if (folder / _TOKENS).is_file() else [_TOKENS]
    for network in _NETWORKS:
        candidates = sorted(folder.glob(f"{network}*.onnx"))
        smaller = [path for path in candidates if path.name.endswith(_SMALLER)]
        if len(smaller or candidates) > 1:
            names = ", ".join(path.name for path in candidates)
            raise engines.ModelError(f"{folder} has more than one {network}: {names}")
        if candidates:
            found[network] = (smaller or candidates)[0]
        else:
            missing.append(f"{network}*.onnx")
    if missing:
        raise engines.ModelError(f"{folder} is no speech model: it lacks {', '.join(missing)}")
    found["tokens"] = folder / _TOKENS
    if (folder / _PIECES).is_file():
        found["pieces"] = folder / _PIECES
    return found


def _check(files: Mapping[str, Path]) -> None:
    """Raises ModelError for what makes sherpa-onnx end its process, or fail when something is said."""
    kind = _metadata(files["encoder"], "model_type")
    if kind not in _KINDS:
        raise engines.ModelError(f"{files['encoder']} is of the kind {kind!r}, and not one of {', '.join(_KINDS)}")
    size = _metadata(files["decoder"], "vocab_size")
    _metadata(files["decoder"], "context_size")
    tokens = files["tokens"]
    lines = _lines(tokens)
    try:
        ids = {int(line.split()[-1]) for line in lines}
    except (ValueError, IndexError) as error:
        raise engines.ModelError(f"{tokens} is truncated or altered: {error}") from error
    if not size.isdecimal() or not ids.issuperset(range(int(size))):
        raise engines.ModelError(f"{tokens} is truncated or altered: it lacks tokens of the {size} in the decoder")
    pieces = files.get("pieces")
    if pieces is not None:
        scored = {line.rpartition("\t")[0] for line in _lines(pieces)}
        text = {line.split()[0] for line in lines}
        missing = sorted(token for token in text - scored if not token.startswith(_NO_TEXT))
        if missing:
            raise engines.ModelError(f"{pieces} is truncated or altered: it lacks {missing[0]!r} of {tokens.name}")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise engines.ModelError(f"{path} cannot be read: {error}") from error


def _metadata(path: Path, key: str) -> str:
    """An entry of the metadata, which stand at the end of a file of ONNX. Raises ModelError where it lacks that."""
    name = key.encode()
    entry = _KEY + bytes([len(name)]) + name + _VALUE
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.rfind(entry) + len(entry)
            if at >= len(entry):
                return content[at + 1 : at + 1 + content[at]].decode(errors="replace")
    except (OSError, ValueError, IndexError) as error:
        raise engines.ModelError(f"{path} cannot be read: {error}") from error
    raise engines.ModelError(f"{path} is truncated, or of no streaming transducer: it has no {key} in its metadata")
