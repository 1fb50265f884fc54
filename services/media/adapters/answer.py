"""Our side of a session, as clients are told it: answers in the offer's own numbers, and ICE fragments (RFC 9429)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.media.adapters.offer import LEVEL, MID, Line, Offer

_UDP: Final = (126, 65_535)
"""Type and best local preference of host candidates (RFC 8445, section 5.1.2.2)."""
_TCP: Final = (90, 4 * 8192 + 8191)
"""The same of passive ones over TCP (RFC 6544, section 4.2), which are used where UDP does not answer."""


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
        lines.append(f"a=extmap:{offer.level_extension} {LEVEL}")
    if offer.mid_extension is not None and line.mid:
        lines.append(f"a=extmap:{offer.mid_extension} {MID}")
    lines += [
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=rtcp-mux",
        f"a=rtpmap:{opus} opus/48000/2",
        f"a=fmtp:{opus} minptime=10;useinbandfec=1",
        *([] if red is None else [f"a=rtpmap:{red} red/48000/2", f"a=fmtp:{red} {opus}/{opus}"]),
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
