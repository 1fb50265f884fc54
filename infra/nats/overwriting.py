"""Overwrites deleted messages in the files of a NATS server that does not run.

NATS deletes a message and overwrites it in two steps: it writes down that the message is gone, then it writes its block
anew without it. Killed between the two, it finds no message to delete when it is asked again, and the bytes stay. So
what is being deleted is noted (`infra.eraser.notes`), and done here before NATS is started again, as NATS does it
(`eraseMsg` in `server/filestore.go`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from infra.nats.highwayhash import highwayhash64
from libs.private_files import sync

_HEAD: Final = struct.Struct("<IQQH")
"""Before each record: its length, its sequence, its time, the length of its subject."""
_CHECK: Final = 8
"""Bytes of the hash at the end of a record."""
_WITH_HEADERS: Final = 1 << 31
"""In the length: the message has headers, whose length stands before them in 4 bytes."""
_GONE: Final = 1 << 63
"""In the sequence: the record is overwritten."""
_TOMBSTONE: Final = 1 << 62
"""In the sequence: the record tells that another one is deleted."""
_LONGEST: Final = 32 * 1024 * 1024
_BLOCK: Final = re.compile(r"(\d+)\.blk")
_INDEX: Final = "index.db"
"""What NATS knew of its blocks. Where there is none it reads them."""


class _Record(NamedTuple):
    at: int
    length: int
    """All bytes, head and hash included."""
    headers: bool
    sequence: int
    subject: int
    """Length of the subject."""


def made_at(store: Path, stream: str) -> datetime | None:
    """When a stream was made, to the microsecond below; None where it is not there, or does not tell."""
    for path in store.glob(f"jetstream/*/streams/{stream}/meta.inf"):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            created: str = json.loads(path.read_bytes())["Created"]
            return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", created))
    return None


def overwrite(store: Path, stream: str, sequences: Iterable[int]) -> set[int]:
    """Overwrite messages of a stream in the folder that NATS keeps it in; those of which no bytes are left.

    One that cannot be read as NATS writes it is left as it is. Copies of blocks that NATS was writing are removed: it
    never reads them. Raises OSError.
    """
    wanted = set(sequences)
    done: set[int] = set()
    unread = False
    for folder in store.glob(f"jetstream/*/streams/{stream}/msgs"):
        for copy in folder.glob("*.blk.tmp"):
            copy.unlink(missing_ok=True)
        blocks = [(int(match[1]), path) for path in folder.iterdir() if (match := _BLOCK.fullmatch(path.name))]
        for number, path in sorted(blocks):
            key = hashlib.sha256(f"{stream}-{number}".encode()).digest()
            written, whole = _overwrite_in(path, key, wanted - done)
            done |= written
            unread = unread or not whole
        sync(folder)
    return done if unread else wanted


def _overwrite_in(path: Path, key: bytes, wanted: set[int]) -> tuple[set[int], bool]:
    """Overwrite what is in this block; what was, and whether nothing else can be in it."""
    done: set[int] = set()
    whole = True
    with path.open("r+b") as file:
        data, end = file.read(), 0
        for record in _records(data):
            end = record.at + record.length
            if record.sequence & ~_GONE not in wanted:
                continue
            if record.sequence & _GONE:
                done.add(record.sequence & ~_GONE)
            elif _is_as_written(data, record, key):
                file.seek(record.at)
                file.write(_overwritten(record, key))
                done.add(record.sequence)
            else:
                whole = False
        file.flush()
        os.fsync(file.fileno())
    path.with_name(_INDEX).unlink(missing_ok=True)
    return done, whole and end == len(data)


def _records(data: bytes) -> Iterator[_Record]:
    """The records of a block, up to the first that is none."""
    at = 0
    while at + _HEAD.size <= len(data):
        length, sequence, _, subject = _HEAD.unpack_from(data, at)
        headers = bool(length & _WITH_HEADERS)
        length &= ~_WITH_HEADERS
        least = _HEAD.size + subject + (4 if headers else 0) + _CHECK
        if not least <= length <= min(len(data) - at, _LONGEST):
            return
        yield _Record(at, length, headers, sequence, subject)
        at += length


def _is_as_written(data: bytes, record: _Record, key: bytes) -> bool:
    """Whether a record's hash is right, which tells that it was read as it was written."""
    body, end = record.at + _HEAD.size, record.at + record.length - _CHECK
    after = body + record.subject
    hashed = data[record.at + 4 : record.at + 20] + data[body:after] + data[after + 4 * record.headers : end]
    return highwayhash64(key, hashed) == data[end : end + _CHECK]


def _overwritten(record: _Record, key: bytes) -> bytes:
    """What stands in a record's place: as long, with random bytes and without its time."""
    head = _HEAD.pack(record.length, record.sequence | _GONE, 0, 0)
    noise = secrets.token_bytes(record.length - _HEAD.size - _CHECK)
    return head + noise + highwayhash64(key, head[4:20] + noise)
