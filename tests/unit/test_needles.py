"""The search for words on a disk finds them in every form in which something may keep them."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import clickhouse_connect
import msgspec
import numpy as np
import pytest

from services.recording.replay.fragments import FRAME, part
from services.recording.replay.fragments import coder as coder_of_parts
from services.recording.replay.mix import frame
from tests.support.needles import Tone, in_bytes, in_folder, needle, zstd
from tests.unit.recording.sounds import RATE, Audio, speech

ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "upper case": bytes.upper,
    "hexadecimal": lambda plain: plain.hex().encode(),
    "UTF-16": lambda plain: plain.decode().encode("utf-16-le"),
    "JSON": lambda plain: json.dumps({"text": plain.decode()}).encode(),
    "MessagePack": lambda plain: msgspec.msgpack.encode({"text": plain.decode(), "at": 1}),
    "Base64": base64.b64encode,
    "Base64 for addresses": base64.urlsafe_b64encode,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "Zstandard": zstd.compress,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("before", range(4))
def test_a_word_is_found(encoding: str, before: int) -> None:
    word, other = needle(), needle()
    text = f"{'a' * before}{word} and more"
    data = b"\x00\x01" * before + ENCODINGS[encoding](text.encode()) + b"\xff\x00"
    assert in_bytes(data, [word, other]) == {word}


def test_a_word_is_found_in_a_database_and_its_indexes(tmp_path: Path) -> None:
    row, term, trigram, gone, absent = (needle() for _ in range(5))
    with closing(sqlite3.connect(tmp_path / "words.db", isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete = OFF")  # some builds overwrite without being asked
        db.execute("CREATE TABLE said (id INTEGER PRIMARY KEY, text TEXT)")
        db.execute("INSERT INTO said (text) VALUES (?), (?)", (f"{row} was said", f"{gone} was said"))
        db.execute("DELETE FROM said WHERE text LIKE ?", (f"%{gone}%",))
        for name, words, options in (("by_word", term, ""), ("by_letters", trigram, ", tokenize='trigram'")):
            db.execute(f"CREATE VIRTUAL TABLE {name} USING fts5(text, content=''{options})")
            db.execute(f"INSERT INTO {name} (rowid, text) VALUES (1, ?)", (words,))
    found = in_folder(tmp_path, [row, term, trigram, gone, absent])
    # A row that was deleted stays in the file until something overwrites it.
    assert found == {"words.db": {row, term, trigram, gone}}


def test_a_word_is_found_in_the_log_of_a_database(tmp_path: Path) -> None:
    word = needle()
    with closing(sqlite3.connect(tmp_path / "words.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE said (text TEXT)")
        db.execute("INSERT INTO said VALUES (?)", (word,))
        found = in_folder(tmp_path, [word])
    assert found == {"words.db": {word}, "words.db-wal": {word}}


@pytest.mark.parametrize("codec", ["NONE", "LZ4", "ZSTD"])
def test_a_word_is_found_in_a_table_of_clickhouse(tmp_path: Path, codec: str) -> None:
    word, other = needle(), needle()
    client = clickhouse_connect.get_client(dsn=f"chdb://{tmp_path}/tables")
    try:
        client.command(f"CREATE TABLE rows (text String CODEC({codec})) ENGINE = MergeTree ORDER BY tuple()")
        client.insert("rows", [[f"{letter * 40} {word}"] for letter in "abcdefgh"], column_names=["text"])
    finally:
        client.close()
    assert any(found == {word} for found in in_folder(tmp_path, [word, other]).values())


def test_a_packet_of_sound_is_found() -> None:
    packet = bytes(range(100, 160))
    for data in (packet, base64.b64encode(b"a" + packet), gzip.compress(packet * 3)):
        assert in_bytes(b"\0\xff" + data + b"\1", [packet]) == {packet}
    assert not in_bytes(packet[::-1], [packet])


@pytest.mark.parametrize(("kind", "codec"), [("ogg", "libopus"), ("mp4", "aac"), ("adts", "aac"), ("mpegts", "aac")])
def test_a_tone_is_heard_in_files_of_sound_and_not_in_speech(kind: str, codec: str) -> None:
    spoken = speech("slt", 3.0)
    at = np.arange(round(0.6 * RATE)) / RATE
    sung = np.concatenate((spoken, 0.3 * np.sin(2 * np.pi * 2340 * at))).astype(np.float32)
    tones = [Tone(2000.0 + 170 * number) for number in range(8)]
    assert in_bytes(file_of(sung, kind, codec), tones) == {tones[2]}
    assert in_bytes(file_of(spoken, kind, codec), tones) == set()
    assert in_bytes(b"OggS that goes on otherwise", tones) == set()


def test_a_tone_is_heard_in_parts_of_live_sound_which_have_no_header() -> None:
    at = np.arange(FRAME * 48)
    sung = (0.3 * np.sin(2 * np.pi * 2340 * at / RATE)).astype(np.float32)
    coder = coder_of_parts()
    frames = [bytes(packet) for n in at[::FRAME] for packet in coder.encode(frame(sung[n : n + FRAME], int(n)))]
    parts = [part(frames[n : n + 16], n, n) for n in range(0, len(frames), 16)]
    kept = b"RSPOOL1\n" + b"".join(b"a record " + one for one in parts)
    assert in_bytes(kept, [Tone(2340.0), Tone(2510.0)]) == {Tone(2340.0)}


def file_of(samples: Audio, kind: str, codec: str) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", kind) as container:
        stream: Any = container.add_stream(codec, rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format=stream.format, frame_size=960 if kind == "ogg" else 1024)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return out.getvalue()
