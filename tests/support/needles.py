"""Looks for words in everything that a system keeps: files of any kind, as they are, encoded, compressed or indexed.

A needle is a made-up word in lower-case letters and digits, 16 or longer, that stands nowhere else. It is looked for
without its first four letters, since SQLite's index of words leaves out what a word has in common with the one before
it. Texts in MessagePack stand there as they are. A packet of sound is a needle too. So is a tone, for which sound of
any format is decoded.
"""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
import sqlite3
import stat
import struct
import sys
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import av
import lz4.block
import numpy as np
from numpy.typing import NDArray

from services.recording.replay import fragments
from tests.support import tones
from tests.support.at_rest import entries

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["Needle", "Tone", "forms", "in_bytes", "in_file", "in_folder", "needle", "zstd"]


@dataclass(frozen=True)
class Tone:
    """A tone that nobody else says."""

    hertz: float


Needle = str | bytes | Tone

_SHARED: Final = 4
_SQLITE: Final = b"SQLite format 3\0"
_ZSTD: Final = re.compile(rb"\x28\xb5\x2f\xfd")
_DEFLATED: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
"""How gzip and zlib begin."""
_BLOCK: Final = struct.Struct("<16sBII")
"""Before a compressed block of ClickHouse: checksum, codec, and both sizes (`CompressedReadBufferBase.cpp`)."""
_PLAIN, _LZ4, _IN_ZSTD = 0x02, 0x82, 0x90
_LARGEST: Final = 64 * 1024 * 1024
_SOUND: Final = re.compile(rb"OggS|fLaC|RIFF|ID3|\xff[\xf1\xf9]|....(ftyp|styp|moof)|G.{187}G", re.DOTALL)
"""How a file of sound begins: Ogg, FLAC, WAVE, MP3, AAC, MP4 and its segments, MPEG-TS."""

_FRAGMENT: Final = re.compile(rb"(?P<fragment>\0\0..)moof(?=.{0,65527}?(?P<media>\0...)mdat)", re.DOTALL)
"""How a movie fragment begins, and the length of its media: a part of live sound."""


def needle() -> str:
    """A word that stands nowhere else, and that no stemmer shortens."""
    return f"zq{secrets.token_hex(10)}x"


@cache
def forms(word: str | bytes) -> list[bytes]:
    """How a word, or a packet of sound, may stand in a file: as it is, in UTF-16, hexadecimal and Base64."""
    plain = word.encode() if isinstance(word, str) else word
    found = [plain[_SHARED:], plain.hex().encode()]
    if isinstance(word, str):
        found.append(word.encode("utf-16-le")[2 * _SHARED :])
    for before, blurred in enumerate((0, 2, 3)):
        # Without the letters that depend on what stands before and behind.
        found.append(base64.b64encode(bytes(before) + plain)[blurred:-4])
    return found


class _Search:
    """Finds any of many forms in one pass: by the first four bytes of each, and those that may be there one by one."""

    def __init__(self, words: Collection[str | bytes]) -> None:
        self._forms = [(form, word) for word in words for form in forms(word)]
        self._begin = _fours(b"".join(form[:4] for form, _ in self._forms))[::4]
        self._known = np.zeros(1 << 20, bool)
        self._known[_hashes(self._begin)] = True

    def words(self, data: bytes) -> set[str | bytes]:
        fours = _fours(data)
        there = np.isin(self._begin, fours[self._known[_hashes(fours)]])
        maybe = (self._forms[number] for number in np.flatnonzero(there))
        return {word for form, word in maybe if form in data}


_search = lru_cache(maxsize=4)(_Search)


def _fours(data: bytes) -> NDArray[Any]:
    """Four bytes from each place on, as a number."""
    one: NDArray[Any] = np.frombuffer(data, np.uint8).astype(np.uint32)
    fours: NDArray[Any] = one[:-3] | one[1:-2] << 8 | one[2:-1] << 16 | one[3:] << 24
    return fours


def _hashes(fours: NDArray[Any]) -> NDArray[Any]:
    hashes: NDArray[Any] = fours * np.uint32(2654435761) >> np.uint32(12)
    return hashes


def in_bytes(data: bytes, words: Collection[Needle]) -> set[Needle]:
    """The words that stand in some bytes, or in what is compressed in them."""
    found: set[Needle] = set()
    search = _search(frozenset(word for word in words if not isinstance(word, Tone)))
    heard = [word for word in words if isinstance(word, Tone)]
    for part in (data, *_unpacked(data)):
        found |= search.words(part) | search.words(part.lower())
        for sound in _sounds(part) if heard else ():
            with contextlib.suppress(av.FFmpegError, IndexError):  # nor does all that begins so hold sound
                samples = tones.decode_file(sound)
                found |= {tone for tone in heard if tones.has_tone(samples, tone.hertz)}
    return found


def _sounds(data: bytes) -> Iterator[bytes]:
    """What may be a file of sound: all of it, and each movie fragment in it, which has no header of its own."""
    if _SOUND.match(data):
        yield data
    if b"moov" not in data:
        for match in _FRAGMENT.finditer(data):
            size, media = (int.from_bytes(match[name], "big") for name in ("fragment", "media"))
            yield fragments.header() + data[match.start() : match.start() + size + media]


def in_file(path: Path, words: Collection[Needle]) -> set[Needle]:
    """The words that stand in a file; in a database also where an index hides them. A file that is gone has none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return set()
    found = in_bytes(data, words)
    if data.startswith(_SQLITE):
        found |= _in_database(path, words)
    return found


def in_folder(folder: Path, words: Collection[Needle], among: Collection[str] | None = None) -> dict[str, set[Needle]]:
    """The files of a folder, and of all below it, in which words stand; and which. Only `among` these, where given."""
    everything = sorted(path for path, status in entries(folder) if stat.S_ISREG(status.st_mode))
    named = ((str(path.relative_to(folder)), path) for path in everything)
    return {name: found for name, path in named if (among is None or name in among) and (found := in_file(path, words))}


def _unpacked(data: bytes) -> Iterator[bytes]:
    yield from _blocks(data)
    for match in _ZSTD.finditer(data):
        with contextlib.suppress(zstd.ZstdError):
            yield zstd.ZstdDecompressor().decompress(data[match.start() :], _LARGEST)
    for match in _DEFLATED.finditer(data):
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data[match.start() :], _LARGEST)


def _blocks(data: bytes) -> Iterator[bytes]:
    """The columns in a file of ClickHouse; nothing of other files."""
    place = 0
    while place + _BLOCK.size <= len(data):
        _, codec, size, plain = _BLOCK.unpack_from(data, place)
        if codec not in (_PLAIN, _LZ4, _IN_ZSTD) or not 9 <= size <= len(data) - place - 16 or plain > _LARGEST:
            return
        body = data[place + _BLOCK.size : place + 16 + size]
        try:
            if codec == _LZ4:
                yield lz4.block.decompress(body, uncompressed_size=plain)
            elif codec == _IN_ZSTD:
                yield zstd.decompress(body)
            else:
                yield body
        except (lz4.block.LZ4BlockError, zstd.ZstdError):
            return
        place += 16 + size


def _in_database(path: Path, words: Collection[Needle]) -> set[Needle]:
    """The words in the tables of an SQLite file, those of its log too, and in its full-text indexes."""
    found: set[Needle] = set()
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        return found
    with contextlib.closing(connection) as db:
        tables = db.execute("SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE type = 'table'").fetchall()
        for name, sql in tables:
            if "fts5" in sql.lower():
                found |= _in_index(db, name, words)
            elif "virtual table" not in sql.lower():
                for row in db.execute(f'SELECT * FROM "{name}"'):
                    data = b"\0".join(
                        value if isinstance(value, bytes) else str(value).encode("utf-8", "replace") for value in row
                    )
                    found |= in_bytes(data, words)
    return found


def _in_index(db: sqlite3.Connection, table: str, words: Collection[Needle]) -> set[Needle]:
    """The words that are terms of a full-text index, whole or as all of their trigrams."""
    db.execute(f"CREATE VIRTUAL TABLE temp.\"terms of {table}\" USING fts5vocab('main', '{table}', 'row')")
    terms = {term for (term,) in db.execute(f'SELECT term FROM temp."terms of {table}"')}
    db.execute(f'DROP TABLE temp."terms of {table}"')
    return {word for word in words if isinstance(word, str) and (word in terms or _trigrams(word) <= terms)}


def _trigrams(word: str) -> set[str]:
    return {word[at : at + 3] for at in range(len(word) - 2)}
