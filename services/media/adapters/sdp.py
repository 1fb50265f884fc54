"""Session descriptions: what an offer asks for, and the answer in the offer's own numbers (RFC 9429, 9725).

Offers come from anybody. Whatever is wrong with one is told as `BadOffer`, whichever way the parser takes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from aiortc.sdp import MediaDescription, SessionDescription

Direction = Literal["publish", "subscribe"]

MAX_SLOTS: Final = 3
MAX_LINES: Final = 800
MAX_MEDIA: Final = 16
MAX_BYTES: Final = 32_768

_LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
_MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
_DIGESTS: Final = ("sha-256", "sha-384", "sha-512")
_UFRAG: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,16}")
_FORMAT: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
# What an answer never depends on; the parser takes time for it that grows with the square.
_IDLE: Final = re.compile(r"^a=(rtcp-fb|ssrc|ssrc-group|candidate)[: ][^\n]*\n?", re.MULTILINE)
_UDP: Final = (126, 65_535)
"""Type and best local preference of host candidates (RFC 8445, section 5.1.2.2)."""
_TCP: Final = (90, 4 * 8192 + 8191)
"""The same of passive ones over TCP (RFC 6544, section 4.2), which are used where UDP does not answer."""
_PROFILES: Final = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP")


class BadOffer(Exception):
    """The offer cannot be answered; the text tells the sender why."""


class UnsuitableOffer(BadOffer):
    """It is well-formed, and asks for what is not done here."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What an ICE fragment (RFC 8840) says about its sender; candidates are of no use to ICE-lite."""

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


@dataclass(frozen=True, slots=True)
class Local:
    """Our side of one session."""

    session_number: int
    ufrag: str
    pwd: str
    fingerprint: str
    hosts: tuple[str, ...]
    """Addresses at which we can be reached, the best first; IPv4 and IPv6."""
    port: int
    tcp_port: int | None = None
    """Where connections are taken, at the same addresses."""
    ssrcs: tuple[int, ...] = ()
    """One per slot of a listener."""


def read_offer(text: str, direction: Direction) -> Offer:
    """The offer of somebody who wants to speak or to listen. Raises BadOffer."""
    if len(text) > MAX_BYTES:
        raise BadOffer(f"The offer is longer than {MAX_BYTES} bytes.")
    if text.count("\n") > MAX_LINES or text.count("\nm=") > MAX_MEDIA:
        raise BadOffer(f"The offer has more than {MAX_LINES} lines or {MAX_MEDIA} media sections.")
    if not text.startswith("v=0"):
        raise BadOffer("The body is not a session description: it does not begin with v=0.")
    try:
        parsed = SessionDescription.parse(_IDLE.sub("", text))
    except Exception as error:  # the parser asserts and stumbles in many ways on hostile text
        raise BadOffer("The offer is not a well-formed session description.") from error
    return _understand(parsed, direction)


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


def write_fragment(mid: str, local: Local) -> str:
    """Our side of a restarted ICE session."""
    lines = ["a=ice-lite", f"m=audio {local.port} UDP/TLS/RTP/SAVPF 0", *([f"a=mid:{mid}"] if mid else [])]
    return "\r\n".join([*lines, *_ice(local)]) + "\r\n"


def _ice(local: Local) -> list[str]:
    return [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.pwd}", *_candidates(local), "a=end-of-candidates"]


def _candidates(local: Local) -> Iterator[str]:
    for number, host in enumerate(local.hosts):
        yield f"a=candidate:{number + 1} 1 udp {_priority(_UDP, number)} {host} {local.port} typ host"
    if local.tcp_port is not None:
        for number, host in enumerate(local.hosts):
            foundation, priority = len(local.hosts) + number + 1, _priority(_TCP, number)
            yield f"a=candidate:{foundation} 1 tcp {priority} {host} {local.tcp_port} typ host tcptype passive"


def _priority(preferences: tuple[int, int], number: int) -> int:
    """Of our candidate with this number, counted from 0, the best first (RFC 8445, section 5.1.2.1)."""
    kind, best = preferences
    return (kind << 24) + (best - number << 8) + 255


def _understand(parsed: SessionDescription, direction: Direction) -> Offer:
    most = 1 if direction == "publish" else MAX_SLOTS
    wanted = ("sendonly", "sendrecv") if direction == "publish" else ("recvonly", "sendrecv")
    bundled = next((tuple(map(str, group.items)) for group in parsed.group if group.semantic == "BUNDLE"), ())
    accepted: list[MediaDescription] = []
    lines: list[Line] = []
    for media in parsed.media:
        mid = media.rtp.muxId
        if mid and not _TOKEN.fullmatch(mid):
            raise BadOffer("A MID is a token of at most 16 characters.")
        usable = (
            media.kind == "audio"
            and media.port != 0
            and media.profile in _PROFILES
            and (media.direction or "sendrecv") in wanted
            and len(accepted) < most
            and (not accepted or mid in bundled)
            and _opus(media) is not None
        )
        formats = tuple(str(item) for item in media.fmt)
        if any(not _FORMAT.fullmatch(item) for item in formats):
            raise BadOffer("A media format is a short token.")
        lines.append(Line(media.kind, media.profile, formats, mid, len(accepted) if usable else None))
        if usable:
            accepted.append(media)
    if not lines:
        raise BadOffer("The offer has no media section.")
    if not accepted:
        verb = "send" if direction == "publish" else "receive"
        raise UnsuitableOffer(f"The offer has no audio section that may {verb} Opus over DTLS-SRTP.")
    first = accepted[0]
    if len({line.mid for line in lines if line.mid}) != sum(1 for line in lines if line.mid):
        raise BadOffer("Two media sections have the same MID.")
    if any(not media.rtcp_mux for media in accepted):
        raise UnsuitableOffer("Audio must offer rtcp-mux.")
    payload_type = _opus(first)
    if payload_type is None or any(_opus(media) != payload_type for media in accepted):
        raise UnsuitableOffer("Opus must have the same payload type in every audio section.")
    return Offer(
        direction=direction,
        ufrag=_credential(first.ice.usernameFragment if first.ice else None, _UFRAG, "ice-ufrag"),
        pwd=_credential(first.ice.password if first.ice else None, _PWD, "ice-pwd"),
        fingerprints=_fingerprints(first),
        payload_type=payload_type,
        level_extension=_extension(accepted, _LEVEL),
        mid_extension=_extension(accepted, _MID),
        bundle=bool(bundled) and first.rtp.muxId in bundled,
        passive=first.dtls is not None and first.dtls.role == "server",
        lines=tuple(lines),
    )


def _opus(media: MediaDescription) -> int | None:
    for codec in media.rtp.codecs:
        if codec.mimeType.lower() == "audio/opus" and codec.clockRate == 48000 and codec.channels == 2:
            number = codec.payloadType
            return number if number is not None and 0 <= number < 128 and number in media.fmt else None
    return None


def _credential(value: str | None, shape: re.Pattern[str], name: str) -> str:
    if value is None or not shape.fullmatch(value):
        raise BadOffer(f"The offer has no valid {name}.")
    return value


def _fingerprints(media: MediaDescription) -> tuple[tuple[str, str], ...]:
    if media.dtls is None:
        raise BadOffer("The offer must say who begins DTLS (a=setup) and whose certificate it is (a=fingerprint).")
    known = tuple(
        (item.algorithm.lower(), item.value.upper())
        for item in media.dtls.fingerprints
        if item.algorithm.lower() in _DIGESTS
    )
    if not known:
        raise BadOffer("The offer has no certificate fingerprint of sha-256, sha-384 or sha-512.")
    return known


def _extension(accepted: Sequence[MediaDescription], uri: str) -> int | None:
    """The id of a header extension where every accepted section gives it the same one that fits one byte."""
    ids = {next((x.id for x in media.rtp.headerExtensions if x.uri == uri), None) for media in accepted}
    number = ids.pop() if len(ids) == 1 else None
    return number if number is not None and 1 <= number <= 14 else None


def write_answer(offer: Offer, local: Local) -> str:
    """The answer: ICE-lite with host candidates, passive DTLS where the peer begins it, one SSRC per slot."""
    lines = [
        "v=0",
        f"o=- {local.session_number} 1 IN {_family(local.hosts[0])} {local.hosts[0]}",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=msid-semantic:WMS *",
    ]
    mids = [line.mid for line in offer.slots]
    if offer.bundle:
        lines.append("a=group:BUNDLE " + " ".join(mids))
    for line in offer.lines:
        lines += _rejected(line) if line.slot is None else _accepted(offer, line, line.slot, local)
    return "\r\n".join(lines) + "\r\n"


def _family(host: str) -> str:
    return "IP6" if ":" in host else "IP4"


def _rejected(line: Line) -> list[str]:
    mid = [f"a=mid:{line.mid}"] if line.mid else []
    return [f"m={line.kind} 0 {line.profile} {' '.join(line.formats)}", "c=IN IP4 0.0.0.0", *mid, "a=inactive"]


def _accepted(offer: Offer, line: Line, slot: int, local: Local) -> list[str]:
    opus = offer.payload_type
    publishing = offer.direction == "publish"
    lines = [
        f"m=audio {local.port} {line.profile} {opus}",
        f"c=IN {_family(local.hosts[0])} {local.hosts[0]}",
        f"a={'recvonly' if publishing else 'sendonly'}",
    ]
    if line.mid:
        lines.append(f"a=mid:{line.mid}")
    if offer.level_extension is not None:
        lines.append(f"a=extmap:{offer.level_extension} {_LEVEL}")
    if offer.mid_extension is not None and line.mid:
        lines.append(f"a=extmap:{offer.mid_extension} {_MID}")
    lines += [
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=rtcp-mux",
        f"a=rtpmap:{opus} opus/48000/2",
        f"a=fmtp:{opus} minptime=10;useinbandfec=1",
        *_ice(local),
        f"a=fingerprint:{local.fingerprint}",
        f"a=setup:{'active' if offer.passive else 'passive'}",
    ]
    if not publishing:
        ssrc = local.ssrcs[slot]
        lines += [
            f"a=msid:slot-{slot} slot-{slot}",
            f"a=ssrc:{ssrc} cname:rostrum",
            f"a=ssrc:{ssrc} msid:slot-{slot} slot-{slot}",
        ]
    return lines
