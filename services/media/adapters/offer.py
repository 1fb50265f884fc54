"""What clients send: offers (RFC 8866, 9429) and ICE fragments (RFC 8840), read for what the answer depends on.

They come from anybody, so that they are read in one pass whose time grows with their length and with nothing else.
Whatever is wrong with one is told as `BadOffer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

Direction = Literal["publish", "subscribe"]

MAX_SLOTS: Final = 3
MAX_LINES: Final = 800
MAX_MEDIA: Final = 16
MAX_BYTES: Final = 32_768

LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
_URIS: Final = (LEVEL, MID)
_DIGESTS: Final = ("sha-256", "sha-384", "sha-512")
_PROFILES: Final = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP")
_SETUPS: Final = ("actpass", "active", "passive")
_UFRAG: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,16}")
_FORMAT: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
# Whatever nothing here depends on is passed over: candidates, SSRCs, feedback, other codecs and extensions.
_WANTED: Final = re.compile(
    r"^(?:m=([^\r\n]*)|a=(mid|setup|rtcp-mux|rtpmap(?=:[0-9]+ (?i:opus|red)/)|fmtp(?=:[0-9]+ [0-9]+/)"
    r"|extmap(?=:[^ \r\n]+ urn:ietf:params:)|group|fingerprint|ice-ufrag|ice-pwd"
    r"|sendrecv|sendonly|recvonly|inactive)(?::([^\r\n]*)|(?=[\r\n])|\Z))",
    re.MULTILINE,
)
_MEDIA: Final = re.compile(r"([a-z]{1,32}) ([0-9]{1,5})(?:/[0-9]{1,5})? ([A-Z/]{1,32}) ([^ ].*)")
_CODEC: Final = re.compile(r"([0-9]{1,3}) ([^/]+)/([0-9]{1,9})(?:/([0-9]{1,3}))? *")
_EXTMAP: Final = re.compile(r"([0-9]{1,5})(?:/[a-z]+)? ([^ ]+)")
_RTCP_TYPES: Final = range(72, 77)
"""Payload types that RTCP's own look like (RFC 5761, section 4)."""


class BadOffer(Exception):
    """The offer cannot be answered; the text tells the sender why."""


class UnsuitableOffer(BadOffer):
    """It is well-formed, and asks for what is not done here."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What an ICE fragment says about its sender; candidates are of no use to ICE-lite."""

    ufrag: str | None
    pwd: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """One m-line of the offer as the answer must mirror it. `slot` is its number among those accepted, else None."""

    kind: str
    profile: str
    formats: tuple[str, ...]
    mid: str
    slot: int | None


@dataclass(frozen=True, slots=True)
class Offer:
    """What an acceptable offer asks for."""

    direction: Direction
    ufrag: str
    pwd: str
    fingerprints: tuple[tuple[str, str], ...]
    """(algorithm, upper-case hex with colons); all of them must match the certificate."""
    payload_type: int
    """Of Opus, in every accepted m-line."""
    red: int | None
    """Of Opus with copies of earlier packets (RFC 2198), where every accepted m-line offers that under one number."""
    level_extension: int | None
    mid_extension: int | None
    bundle: bool
    passive: bool
    """The peer waits for our ClientHello (a=setup:passive)."""
    lines: tuple[Line, ...]

    @property
    def slots(self) -> tuple[Line, ...]:
        """The accepted audio m-lines, in order: one to speak, 1 to 3 to listen."""
        return tuple(line for line in self.lines if line.slot is not None)


@dataclass(slots=True)
class _Section:
    """A media section, or what stands before the first. What is None there is as it is before the first."""

    kind: str = ""
    port: int = 0
    profile: str = ""
    formats: tuple[str, ...] = ()
    mid: str = ""
    direction: str | None = None
    setup: str | None = None
    ufrag: str | None = None
    pwd: str | None = None
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    rtcp_mux: bool = False
    opus: int | None = None
    """Its payload type."""
    red: int | None = None
    blocks: dict[str, str] = field(default_factory=dict)
    """Payload type of redundant audio -> those of its blocks, `111/111`."""
    extensions: dict[str, int] = field(default_factory=dict)
    bundled: tuple[str, ...] | None = None
    """MIDs of the first BUNDLE group."""

    def read(self, name: str, value: str) -> None:
        """Take an attribute in. Raises BadOffer for one that is malformed."""
        match name:
            case "rtpmap":
                self._map(value)
            case "fmtp":
                number, _, blocks = value.partition(" ")
                self.blocks.setdefault(number, blocks.strip())
            case "extmap":
                if (found := _EXTMAP.match(value)) and found[2] in _URIS:
                    self.extensions.setdefault(found[2], int(found[1]))
            case "mid":
                self.mid = value
            case "rtcp-mux":
                self.rtcp_mux = True
            case "ice-ufrag":
                self.ufrag = value
            case "ice-pwd":
                self.pwd = value
            case "fingerprint":
                algorithm, _, digest = value.strip().partition(" ")
                if not digest.strip() or " " in digest.strip():
                    raise _malformed("a=fingerprint")
                self.fingerprints.append((algorithm.lower(), digest.strip().upper()))
            case "setup":
                if value not in _SETUPS:
                    raise _malformed("a=setup")
                self.setup = value
            case "group":
                semantics, *mids = value.split() or [""]
                if semantics == "BUNDLE" and self.bundled is None:
                    self.bundled = tuple(mids)
            case direction:
                self.direction = direction

    def _map(self, value: str) -> None:
        found = _CODEC.fullmatch(value)
        if found is None:
            raise _malformed("a=rtpmap")
        number, rate, channels = (int(part or 1) for part in found.group(1, 3, 4))
        if (rate, channels) != (48000, 2):
            return
        if found[2].lower() == "red":
            self.red = number if self.red is None else self.red
        elif self.opus is None:
            self.opus = number

    def _sendable(self, number: int | None) -> int | None:
        usable = number is not None and number < 128 and number not in _RTCP_TYPES and str(number) in self.formats
        return number if usable else None

    @property
    def payload_type(self) -> int | None:
        """Of Opus, where the section offers it under a number that can be sent."""
        return self._sendable(self.opus)

    @property
    def red_payload_type(self) -> int | None:
        """Of redundant audio whose blocks are all Opus, where the section offers it."""
        blocks = set(self.blocks.get(str(self.red), "").split("/"))
        return self._sendable(self.red) if self.red != self.opus and blocks == {str(self.opus)} else None


def _malformed(what: str) -> BadOffer:
    return BadOffer(f"The offer is not a well-formed session description: {what} cannot be read.")


def read_offer(text: str, direction: Direction) -> Offer:
    """The offer of somebody who wants to speak or to listen. Raises BadOffer."""
    if len(text) > MAX_BYTES:
        raise BadOffer(f"The offer is longer than {MAX_BYTES} bytes.")
    if text.count("\n") > MAX_LINES or text.count("\nm=") > MAX_MEDIA:
        raise BadOffer(f"The offer has more than {MAX_LINES} lines or {MAX_MEDIA} media sections.")
    if not text.startswith("v=0"):
        raise BadOffer("The body is not a session description: it does not begin with v=0.")
    session = current = _Section()
    sections: list[_Section] = []
    for media, name, value in _WANTED.findall(text):
        if name:
            current.read(name, value)
        else:
            current = _begun(media)
            sections.append(current)
    return _understand(session, sections, direction)


def _begun(line: str) -> _Section:
    found = _MEDIA.fullmatch(line)
    if found is None:
        raise _malformed("an m-line")
    formats = tuple(found[4].split())
    if any(not _FORMAT.fullmatch(item) for item in formats):
        raise BadOffer("A media format is a short token.")
    return _Section(kind=found[1], port=int(found[2]), profile=found[3], formats=formats)


def _understand(session: _Section, sections: Sequence[_Section], direction: Direction) -> Offer:
    most = 1 if direction == "publish" else MAX_SLOTS
    wanted = ("sendonly", "sendrecv") if direction == "publish" else ("recvonly", "sendrecv")
    bundled = session.bundled or ()
    accepted: list[_Section] = []
    lines: list[Line] = []
    for media in sections:
        if media.mid and not _TOKEN.fullmatch(media.mid):
            raise BadOffer("A MID is a token of at most 16 characters.")
        usable = (
            media.kind == "audio"
            and media.port != 0
            and media.profile in _PROFILES
            and (media.direction or session.direction or "sendrecv") in wanted
            and len(accepted) < most
            and (not accepted or media.mid in bundled)
            and media.payload_type is not None
        )
        lines.append(Line(media.kind, media.profile, media.formats, media.mid, len(accepted) if usable else None))
        if usable:
            accepted.append(media)
    if not lines:
        raise BadOffer("The offer has no media section.")
    if not accepted:
        verb = "send" if direction == "publish" else "receive"
        raise UnsuitableOffer(f"The offer has no audio section that may {verb} Opus over DTLS-SRTP.")
    first = accepted[0]
    mids = [line.mid for line in lines if line.mid]
    if len(set(mids)) != len(mids):
        raise BadOffer("Two media sections have the same MID.")
    if any(not media.rtcp_mux for media in accepted):
        raise UnsuitableOffer("Audio must offer rtcp-mux.")
    payload_type = first.payload_type
    if payload_type is None or any(media.payload_type != payload_type for media in accepted):
        raise UnsuitableOffer("Opus must have the same payload type in every audio section.")
    setup = first.setup or session.setup
    return Offer(
        direction=direction,
        ufrag=_credential(first.ufrag or session.ufrag, _UFRAG, "ice-ufrag"),
        pwd=_credential(first.pwd or session.pwd, _PWD, "ice-pwd"),
        fingerprints=_fingerprints(setup, [*session.fingerprints, *first.fingerprints]),
        payload_type=payload_type,
        red=_common(media.red_payload_type for media in accepted),
        level_extension=_extension(accepted, LEVEL),
        mid_extension=_extension(accepted, MID),
        bundle=first.mid in bundled,
        passive=setup == "passive",
        lines=tuple(lines),
    )


def _fingerprints(setup: str | None, prints: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    if setup is None:
        raise BadOffer("The offer must say who begins DTLS (a=setup) and whose certificate it is (a=fingerprint).")
    known = tuple(dict.fromkeys(item for item in prints if item[0] in _DIGESTS))
    if not known:
        raise BadOffer("The offer has no certificate fingerprint of sha-256, sha-384 or sha-512.")
    return known


def _extension(accepted: Sequence[_Section], uri: str) -> int | None:
    """The id of a header extension where every accepted section gives it the same one that fits one byte."""
    number = _common(media.extensions.get(uri) for media in accepted)
    return number if number is not None and 1 <= number <= 14 else None


def _common(numbers: Iterable[int | None]) -> int | None:
    """The number that all of them are, where they are one."""
    found = set(numbers)
    return found.pop() if len(found) == 1 else None


def _credential(value: str | None, shape: re.Pattern[str], name: str) -> str:
    if value is None or not shape.fullmatch(value):
        raise BadOffer(f"The offer has no valid {name}.")
    return value


def read_fragment(text: str) -> Fragment:
    """The credentials in a trickled fragment. Raises BadOffer."""
    lines = [line for line in text.splitlines() if line]
    if not lines or any(len(line) < 3 or line[1] != "=" for line in lines):
        raise BadOffer("The body is not an ICE fragment (RFC 8840).")
    ufrag, pwd = _only(lines, "ice-ufrag", _UFRAG), _only(lines, "ice-pwd", _PWD)
    return Fragment(ufrag, pwd)


def _only(lines: Sequence[str], name: str, shape: re.Pattern[str]) -> str | None:
    """The value of an attribute that may stand once per section, always the same."""
    start = f"a={name}:"
    values = {line.removeprefix(start).strip() for line in lines if line.startswith(start)}
    if not values:
        return None
    if len(values) > 1:
        raise BadOffer(f"The fragment has more than one {name}.")
    return _credential(values.pop(), shape, name)
