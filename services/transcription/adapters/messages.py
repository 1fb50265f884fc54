"""Messages between the service and its recognition workers: length-prefixed msgpack over a socket.

Every request has one answer; those of one session come in the order of its requests. Besides, a worker tells what it
works on, and what can be shown.
"""

from __future__ import annotations

from typing import BinaryIO, Final

import msgspec


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """How speech is cut into utterances; all in seconds."""

    silence_s: float = 0.5
    """Silence that ends an utterance."""
    prepare_s: float = 0.12
    """Silence after which the final result is prepared, in case no more is said."""
    long_s: float = 8.0
    """From this length on an utterance ends at the next breath,"""
    breath_s: float = 0.12
    """which is this long,"""
    longest_s: float = 12.0
    """and at this length in any case."""
    pause_s: float = 0.6
    """An utterance ends when nothing arrives for longer than this; a shorter gap is filled with silence."""
    first_after_s: float = 0.6
    """Sound, with what is kept from before the first word, in which there may be words to show,"""
    first_every_s: float = 0.1
    """and how often they are asked for until there are some,"""
    partial_every_s: float = 0.5
    """and then."""


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first request: which engine to load, with the model of which folder (None: its own)."""

    engine: str
    model: str | None
    var: str
    """Where the engine keeps what it makes of its model."""
    live: int
    """How many people it must follow at once."""
    tuning: Tuning
    session: int = 0
    """No session's number."""


class HearBundle(msgspec.Struct, frozen=True, tag=True):
    """One captured bundle of one session; the session begins when it is first mentioned."""

    session: int
    sequence: int
    body: bytes
    lang: str
    """Primary subtag of the language that is spoken, or `auto`."""
    vocabulary: str = ""
    """Names and words that may be said."""
    given_up: tuple[int, ...] = ()
    """Utterances that begin in one of these bundles are left out: workers did not survive them."""


class Flush(msgspec.Struct, frozen=True, tag=True):
    """Nothing arrives for this session any more; `sequence` is that of its last bundle."""

    session: int
    sequence: int
    given_up: tuple[int, ...] = ()
    """As in `HearBundle`."""


class Close(msgspec.Struct, frozen=True, tag=True):
    """The session is over."""

    session: int


Request = Start | HearBundle | Flush | Close


class PartialResult(msgspec.Struct, frozen=True):
    """The words so far of an utterance that goes on."""

    began_ns: int
    """Base of the bundle in which the utterance began: identifies it within its session."""
    start_ns: int
    text: str


class Word(msgspec.Struct, frozen=True, array_like=True):
    """A word and its times, in seconds from the beginning of the utterance."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None


class FinalResult(msgspec.Struct, frozen=True):
    """The words of an utterance that is over."""

    began_ns: int
    start_ns: int
    end_ns: int
    text: str
    sequence: int
    """All of the session's bundles up to this one are accounted for."""
    words: tuple[Word, ...]
    lang: str
    """Primary subtag of the language it was said in."""
    detected: bool
    """Whether that was found out, and holds for what this speaker says next."""
    waited_s: float
    """From the end of the utterance until it was recognised."""


class LeftOut(msgspec.Struct, frozen=True, array_like=True):
    """The bundles of an utterance that workers did not survive."""

    first: int
    last: int


class Results(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The answer to HearBundle and Flush (and to Start and Close, with nothing in it)."""

    session: int
    needed: int | None = None
    """The oldest bundle of this session that must be recognised again after a crash; None where none must."""
    finals: tuple[FinalResult, ...] = ()
    undecodable: int = 0
    """Packets in it that were no Opus."""
    left_out: tuple[LeftOut, ...] = ()
    """Utterances that ended and are left out."""
    last: bool = False
    """It was the session's last bundle."""
    speaking: bool = False
    """What was heard ends in the middle of speech."""


class Rejected(msgspec.Struct, frozen=True, tag=True):
    """The bundle is no bundle, or the model cannot be loaded."""

    session: int
    reason: str


class Working(msgspec.Struct, frozen=True, tag=True):
    """No answer: the worker begins to work on an utterance, or is done with it (None)."""

    sequence: int | None
    """Of the bundle in which it began."""


class PartialShown(msgspec.Struct, frozen=True, tag=True):
    """No answer: the words so far, or other ones than before, as soon as they are known."""

    session: int
    partial: PartialResult


Answer = Results | Rejected
Notice = Answer | Working | PartialShown

PREFIX: Final = 4
LARGEST: Final = 1 << 20
_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_notices: msgspec.msgpack.Decoder[Notice] = msgspec.msgpack.Decoder(Notice)


def frame(message: Request | Notice) -> bytes:
    """The message with its length before it."""
    body = _encoder.encode(message)
    return len(body).to_bytes(PREFIX, "little") + body


def notice_of(body: bytes) -> Notice:
    """What a worker sent. Raises msgspec.MsgspecError."""
    return _notices.decode(body)


def read_request(requests: BinaryIO) -> Request | None:
    """The next request, None at the end. Blocks."""
    prefix = requests.read(PREFIX)
    if len(prefix) < PREFIX:
        return None
    body = requests.read(int.from_bytes(prefix, "little"))
    return _requests.decode(body)
