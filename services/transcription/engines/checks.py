"""Whether the files of a model are what they should be.

Files that we know are verified by SHA-256. Of a folder by setting we know nothing, unless it has a `SHA256SUMS`, and
engines in C++ may end their process over a damaged file; so such a folder is first used in a process of its own:
`python -m services.transcription.engines.trial ENGINE FOLDER VAR`. Both are remembered, and done again when a file
changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from services.transcription.engines import ModelError

_SUMS: Final = "SHA256SUMS"
_SUM: Final = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
_STAMPS: Final = "verified.json"
_TRIED: Final = "tried.json"
_FILES: Final = 1000
"""At most in the folder of a model."""
_WITHIN_S: Final = 120.0
_REPORT: Final = 1 << 20
"""Bytes of a trial's report that are read."""
_TRIAL: Final = "services.transcription.engines.trial"
REFUSED: Final = 3
"""Exit code of a trial whose model was refused for a reason that it prints."""
_COMPLAINT: Final = re.compile(r"^(ERROR|FATAL)\b")


class _Stamp(msgspec.Struct, frozen=True):
    """A file that had this SHA-256 when it was last read."""

    sha256: str
    size: int
    inode: int
    changed_ns: int


_stamps_of: Final = msgspec.json.Decoder(dict[str, _Stamp])
_tried_of: Final = msgspec.json.Decoder(dict[str, str])


class Verified:
    """Files whose SHA-256 was verified. It is remembered with size, inode and time of change."""

    def __init__(self, var: Path) -> None:
        """`var` is where it is remembered."""
        self._path = var / "speech" / _STAMPS
        try:
            self._stamps = _stamps_of.decode(self._path.read_bytes())
        except (OSError, msgspec.MsgspecError):
            self._stamps = {}
        self._remembered = dict(self._stamps)

    def verify(self, path: Path, sha256: str) -> None:
        """Raises ModelError naming a file that has another content, or cannot be read."""
        try:
            if self._stamps.get(str(path)) == _stamp(path, sha256):
                return
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                raise ModelError(f"{path} is truncated or altered: its SHA-256 is {found}, not {sha256}")
            self._stamps[str(path)] = _stamp(path, sha256)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error

    def remember(self) -> None:
        """Remember what was verified, if that is news. Raises ModelError where it cannot be written."""
        if self._stamps != self._remembered:
            _write(self._path, msgspec.json.encode(self._stamps))
            self._remembered = dict(self._stamps)


def verify_sums(folder: Path, var: Path) -> None:
    """Verify the files that a folder's `SHA256SUMS` names, if it has one. Raises ModelError naming the file."""
    try:
        lines = (folder / _SUMS).read_text().splitlines()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / _SUMS} cannot be read: {error}") from error
    if len(lines) > _FILES:
        raise ModelError(f"{folder / _SUMS} has more than {_FILES} lines")
    verified = Verified(var)
    for number, line in enumerate(lines, 1):
        match = _SUM.fullmatch(line)
        if match is None:
            raise ModelError(f"line {number} of {folder / _SUMS} is none that sha256sum writes")
        verified.verify(folder / match[2], match[1].lower())
    verified.remember()


def try_out(engine: str, folder: Path, var: Path) -> None:
    """Use the model in a folder in a process of its own, unless that is known to go well.

    Raises ModelError naming the file that is damaged, as far as it can be told.
    """
    mark = _mark(folder)
    path = var / "speech" / _TRIED
    try:
        tried = _tried_of.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        tried = {}
    key = f"{engine} {folder}"
    if tried.get(key) == mark:
        return
    with tempfile.TemporaryFile() as report:
        try:
            code = subprocess.run(
                [sys.executable, "-m", _TRIAL, engine, str(folder), str(var)],
                stdin=subprocess.DEVNULL, stdout=report, stderr=report, timeout=_WITHIN_S, check=False,
                env={"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ModelError(_cannot(folder, f"it took more than {_WITHIN_S:.0f} s")) from None
        report.seek(0)
        lines = report.read(_REPORT).decode(errors="replace").splitlines()
    if code == REFUSED and lines:
        raise ModelError(lines[-1])
    first = next((n for n, line in enumerate(lines) if _COMPLAINT.match(line)), None)
    if code or first is not None:
        raise ModelError(_cannot(folder, _why(folder, code, lines, first)))
    _write(path, msgspec.json.encode({**tried, key: mark}))


def _cannot(folder: Path, why: str) -> str:
    return f"the speech model in {folder} cannot be loaded: {why}"


def _why(folder: Path, code: int, lines: Sequence[str], complaint: int | None) -> str:
    """What a process said that did not survive, and the file that it named last."""
    said = lines if complaint is None else lines[: complaint + 1]
    inside = re.compile(re.escape(str(folder)) + r"/([\w./-]*\w)")
    named = [match[1] for line in said for match in inside.finditer(line) if (folder / match[1]).is_file()]
    if complaint is not None:
        why = lines[complaint]
    elif code < 0:
        why = f"whoever loads it ends with {signal.Signals(-code).name}"
    else:
        why = said[-1] if said else f"whoever loads it ends with exit code {code}"
    return f"{named[-1]}: {why}" if named else why


def _mark(folder: Path) -> str:
    """A digest of the names, sizes, inodes and times of change of the files in a folder, of which none is empty."""
    found = []
    try:
        for path in folder.rglob("*"):
            if path.is_file():
                status = path.stat()
                if not status.st_size and not path.name.startswith("."):
                    # Lists of words may be empty, but then they are not those of the model.
                    raise ModelError(_cannot(folder, f"{path.relative_to(folder)} is empty"))
                found.append((str(path), status.st_size, status.st_ino, status.st_mtime_ns))
            if len(found) > _FILES:
                raise ModelError(f"{folder} is no speech model: it has more than {_FILES} files")
    except OSError as error:
        raise ModelError(f"{folder} cannot be read: {error.strerror}") from error
    return hashlib.sha256(repr(sorted(found)).encode()).hexdigest()


def _stamp(path: Path, sha256: str) -> _Stamp:
    found = path.stat()
    return _Stamp(sha256, found.st_size, found.st_ino, found.st_mtime_ns)


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(content)
        new.replace(path)
    except OSError as error:
        raise ModelError(f"{new} cannot be written: {error.strerror}") from error
