"""What the service and its recognition workers say to each other: length-prefixed msgpack over a socket.

Every request has one answer, in order.
"""

from __future__ import annotations

from typing import BinaryIO, Final

import msgspec


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """How speech is cut into utterances; all in seconds."""

    silence_s: float = 0.36
    """Silence that ends an utterance."""
    long_s: float = 8.0
    """From this length on an utterance ends at the next breath,"""
    breath_s: float = 0.12
    """which is this long,"""
    longest_s: float = 12.0
    """and at this length in any case."""
    pause_s: float = 0.6
    """Nothing arriving for longer than this ends an utterance; less is filled with silence."""
    partial_every_s: float = 0.5


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first request: how many decoders to load, of which model (None: pocketsphinx's own)."""

    decoders: int
    model: str | None
    tuning: Tuning


class Feed(msgspec.Struct, frozen=True, tag=True):
    """One capture bundle of one ear; the ear is made when it is first mentioned."""

    ear: int
    sequence: int
    body: bytes


class Flush(msgspec.Struct, frozen=True, tag=True):
    """Nothing arrives for this ear any more; `sequence` is that of its last bundle."""

    ear: int
    sequence: int


class Forget(msgspec.Struct, frozen=True, tag=True):
    """The ear is not needed any more."""

    ear: int


Request = Start | Feed | Flush | Forget


class SoFar(msgspec.Struct, frozen=True):
    """What was said so far, in an utterance that goes on."""

    began_ns: int
    """Base of the bundle in which the utterance began: identifies it within its session."""
    start_ns: int
    text: str


class Said(msgspec.Struct, frozen=True):
    """What was said, in an utterance that is over."""

    began_ns: int
    start_ns: int
    end_ns: int
    text: str
    sequence: int
    """All of the session's bundles up to this one are accounted for."""


class Heard(msgspec.Struct, frozen=True, tag=True):
    """The answer to Feed and Flush (and to Start and Forget, with nothing in it)."""

    needed: int | None = None
    """The oldest bundle of this session that must be heard again after a crash; None where none must."""
    so_far: SoFar | None = None
    said: tuple[Said, ...] = ()
    undecodable: int = 0
    """Packets in it that were no Opus."""
    last: bool = False
    """It was the session's last bundle."""


class Bad(msgspec.Struct, frozen=True, tag=True):
    """The bundle is no bundle, or the model none."""

    reason: str


Answer = Heard | Bad

PREFIX: Final = 4
LARGEST: Final = 1 << 20
_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def frame(message: Request | Answer) -> bytes:
    """The message with its length before it."""
    body = _encoder.encode(message)
    return len(body).to_bytes(PREFIX, "little") + body


def answer_of(body: bytes) -> Answer:
    """Raises msgspec.MsgspecError."""
    return _answers.decode(body)


def read_request(requests: BinaryIO) -> Request | None:
    """The next request, None at the end. Blocks."""
    prefix = requests.read(PREFIX)
    if len(prefix) < PREFIX:
        return None
    body = requests.read(int.from_bytes(prefix, "little"))
    return _requests.decode(body)
