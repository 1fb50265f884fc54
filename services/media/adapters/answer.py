"""Answers to offers, in the offers' own numbers, and our ICE fragments (RFC 9429)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.media.adapters.offer import MediaLine, SdpOffer
from services.media.adapters.section import LEVEL, MID

_UDP: Final = (126, 65_535)
"""Type and best local preference of host candidates (RFC 8445, section 5.1.2.2)."""
_TCP: Final = (90, 4 * 8192 + 8191)
"""The same of passive candidates over TCP (RFC 6544, section 4.2), which clients use where UDP does not answer."""


@dataclass(frozen=True, slots=True)
class LocalDescription:
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


def write_answer(offer: SdpOffer, local: LocalDescription) -> str:
    """Write the answer: ICE-lite with host candidates, passive DTLS if the peer begins it, one SSRC per slot."""
    lines = [
        "v=0",
        f"o=- {local.session_number} 1 IN {_family(local.hosts[0])} {local.hosts[0]}",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=msid-semantic:WMS *",
    ]
    if offer.bundle:
        lines.append("a=group:BUNDLE " + " ".join(offer.bundle))
    for line in offer.lines:
        if line.slot is not None:
            lines += _accepted(offer, line, line.slot, local)
        else:
            lines += _carrier(offer, line, local) if line.carries else _rejected(line)
    return "\r\n".join(lines) + "\r\n"


def _family(host: str) -> str:
    return "IP6" if ":" in host else "IP4"


def _rejected(line: MediaLine) -> list[str]:
    mid = [f"a=mid:{line.mid}"] if line.mid else []
    return [f"m={line.kind} 0 {line.profile} {' '.join(line.formats)}", "c=IN IP4 0.0.0.0", *mid, "a=inactive"]


def _carrier(offer: SdpOffer, line: MediaLine, local: LocalDescription) -> list[str]:
    """A section of which only the transport is used: a camera sends nothing, and no data channel opens."""
    media = [
        "a=inactive",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=rtcp-mux",
        *([f"a=rtpmap:{line.codec}"] if line.codec else []),
    ]
    return [
        f"m={line.kind} {local.port} {line.profile} {line.formats[0]}",
        f"c=IN {_family(local.hosts[0])} {local.hosts[0]}",
        f"a=mid:{line.mid}",
        *(["a=sctp-port:5000"] if line.kind == "application" else media),
        *_transport(offer, local),
    ]


def _accepted(offer: SdpOffer, line: MediaLine, slot: int, local: LocalDescription) -> list[str]:
    opus, red = offer.payload_type, offer.red
    publishing = offer.direction == "publish"
    # In the offer's order, which is its sender's preference: whoever puts redundant audio first will send that.
    formats = " ".join(item for item in line.formats if item in (str(opus), str(red)))
    lines = [
        f"m=audio {local.port} {line.profile} {formats}",
        f"c=IN {_family(local.hosts[0])} {local.hosts[0]}",
        f"a={'recvonly' if publishing else 'sendonly'}",
    ]
    if line.mid:
        lines.append(f"a=mid:{line.mid}")
    if offer.level_extension is not None:
        lines.append(_extension(offer, offer.level_extension, line.level_direction, LEVEL))
    if offer.mid_extension is not None and line.mid:
        lines.append(_extension(offer, offer.mid_extension, line.mid_direction, MID))
    lines += [
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=rtcp-mux",
        f"a=rtpmap:{opus} opus/48000/2",
        f"a=fmtp:{opus} minptime=10;useinbandfec=1",
        *([] if red is None else [f"a=rtpmap:{red} red/48000/2", f"a=fmtp:{red} {opus}/{opus}"]),
        *_transport(offer, local),
    ]
    if not publishing:
        ssrc = local.ssrcs[slot]
        lines += [
            f"a=msid:slot-{slot} slot-{slot}",
            f"a=ssrc:{ssrc} cname:rostrum",
            f"a=ssrc:{ssrc} msid:slot-{slot} slot-{slot}",
        ]
    return lines


def _transport(offer: SdpOffer, local: LocalDescription) -> list[str]:
    setup = "active" if offer.passive else "passive"
    return [*_ice(local), f"a=fingerprint:{local.fingerprint}", f"a=setup:{setup}"]


def _extension(offer: SdpOffer, number: int, direction: str | None, uri: str) -> str:
    """A header extension; where the offer gives it a direction, so does the answer (RFC 8285, section 7)."""
    ours = "recvonly" if offer.direction == "publish" else "sendonly"
    return f"a=extmap:{number}{f'/{ours}' if direction else ''} {uri}"


def write_fragment(mid: str, local: LocalDescription) -> str:
    """Write our fragment for a restarted ICE session."""
    lines = ["a=ice-lite", f"m=audio {local.port} UDP/TLS/RTP/SAVPF 0", *([f"a=mid:{mid}"] if mid else [])]
    return "\r\n".join([*lines, *_ice(local)]) + "\r\n"


def _ice(local: LocalDescription) -> list[str]:
    return [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.pwd}", *_candidates(local), "a=end-of-candidates"]


def _candidates(local: LocalDescription) -> Iterator[str]:
    for number, host in enumerate(local.hosts):
        yield f"a=candidate:{number + 1} 1 udp {_priority(_UDP, number)} {host} {local.port} typ host"
    if local.tcp_port is not None:
        for number, host in enumerate(local.hosts):
            foundation, priority = len(local.hosts) + number + 1, _priority(_TCP, number)
            yield f"a=candidate:{foundation} 1 tcp {priority} {host} {local.tcp_port} typ host tcptype passive"


def _priority(preferences: tuple[int, int], number: int) -> int:
    """The priority of our candidate with this number, from 0 for the best (RFC 8445, section 5.1.2.1)."""
    kind, best = preferences
    return (kind << 24) + (best - number << 8) + 255
