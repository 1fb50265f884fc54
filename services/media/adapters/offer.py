"""Reads clients' offers (RFC 8866, 9429) and ICE fragments (RFC 8840) for what the answer depends on.

They come from anybody, so that they are read in one pass whose time grows with their length and with nothing else.
Whatever is wrong with one is told as `BadOffer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from services.media.adapters.section import LEVEL, MID, BadOffer, Section, read_sections

__all__ = [
    "BadOffer",
    "Direction",
    "Fragment",
    "MediaLine",
    "SdpOffer",
    "UnsuitableOffer",
    "read_fragment",
    "read_offer",
]

Direction = Literal["publish", "subscribe"]

MAX_SLOTS: Final = 3
MAX_LINES: Final = 800
MAX_MEDIA: Final = 16
MAX_BYTES: Final = 32_768

_PROFILES: Final = (
    "UDP/TLS/RTP/SAVPF",
    "UDP/TLS/RTP/SAVP",
    "TCP/DTLS/RTP/SAVPF",
    "TCP/DTLS/RTP/SAVP",
    "RTP/SAVPF",
    "RTP/SAVP",
    "RTP/AVPF",
    "RTP/AVP",
)
"""All of them mean DTLS-SRTP where there is a fingerprint (RFC 9429, section 5.1.2)."""
_TRANSPORTS: Final = (*_PROFILES, "UDP/DTLS/SCTP", "TCP/DTLS/SCTP")
"""Those over whose ICE and DTLS audio may go too."""
_PREFERRED: Final = ("sha-512", "sha-384", "sha-256")
_UFRAG: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")
_MID: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,255}")
_SHORT_MID: Final = 16
"""Bytes that fit in a one-byte header's extension (RFC 8285, section 4.2)."""


class UnsuitableOffer(BadOffer):
    """The offer is well-formed, but asks for something that we do not do."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What an ICE fragment says about its sender; candidates are of no use to ICE-lite."""

    ufrag: str | None
    pwd: str | None


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One m-line of the offer as the answer must mirror it. `slot` is its number among those accepted, else None."""

    kind: str
    profile: str
    formats: tuple[str, ...]
    mid: str
    slot: int | None
    carries: bool
    """Only its transport is used, by the accepted sections."""
    codec: str | None
    """The `a=rtpmap` of its first format."""
    level_direction: str | None = None
    """Direction that the offer gives the audio level's extension here, from its side."""
    mid_direction: str | None = None


@dataclass(frozen=True, slots=True)
class SdpOffer:
    """What an acceptable offer asks for."""

    direction: Direction
    ufrag: str
    pwd: str
    fingerprints: tuple[tuple[str, str], ...]
    """(algorithm, upper-case hex with colons), all of one algorithm; one of them must be the certificate's."""
    payload_type: int
    """Payload type of Opus, in every accepted m-line."""
    red: int | None
    """Payload type of redundant Opus (RFC 2198), if every accepted m-line offers it under the same number."""
    level_extension: int | None
    mid_extension: int | None
    bundle: tuple[str, ...]
    """MIDs of the answer's BUNDLE group, the one whose transport it uses first; empty: there is none."""
    passive: bool
    """The peer waits for our ClientHello (a=setup:passive)."""
    lines: tuple[MediaLine, ...]

    @property
    def slots(self) -> tuple[MediaLine, ...]:
        """The accepted audio m-lines, in order: one to speak, 1 to 3 to listen."""
        return tuple(line for line in self.lines if line.slot is not None)


def read_offer(text: str, direction: Direction) -> SdpOffer:
    """Read the offer of somebody who wants to speak or to listen. Raises BadOffer."""
    if len(text) > MAX_BYTES:
        raise BadOffer(f"The offer is longer than {MAX_BYTES} bytes.")
    if text.count("\n") > MAX_LINES or text.count("\nm=") > MAX_MEDIA:
        raise BadOffer(f"The offer has more than {MAX_LINES} lines or {MAX_MEDIA} media sections.")
    if not text.startswith("v=0"):
        raise BadOffer("The body is not a session description: it does not begin with v=0.")
    session, sections = read_sections(text)
    if not sections:
        raise BadOffer("The offer has no media section.")
    mids = [media.mid for media in sections if media.mid]
    if any(not _MID.fullmatch(mid) for mid in mids):
        raise BadOffer("A MID is a token of at most 255 characters.")
    if len(set(mids)) != len(mids):
        raise BadOffer("Two media sections have the same MID.")
    return _understand(session, sections, direction)


def _understand(session: Section, sections: Sequence[Section], direction: Direction) -> SdpOffer:
    accepted = _accepted(session, sections, direction)
    if not accepted:
        verb = "send" if direction == "publish" else "receive"
        raise UnsuitableOffer(f"The offer has no audio section that may {verb} Opus over DTLS-SRTP.")
    first = accepted[0]
    payload_type = first.payload_types[0]
    bundle = _bundle_of(first, session)
    transport = _transport_of(bundle, accepted, sections) or first
    carrier = None if transport in accepted else transport
    taken = accepted if carrier is None else [carrier, *accepted]
    # Data has no RTCP, and what is bundled with it has no choice (RFC 9143, section 9.3).
    if not transport.rtcp_mux and transport.profile in _PROFILES:
        raise UnsuitableOffer("Audio must offer rtcp-mux.")
    setup = transport.setup or session.setup
    slots = {id(media): slot for slot, media in enumerate(accepted)}
    usable = {uri: [_usable(media, session, uri, direction) for media in accepted] for uri in (LEVEL, MID)}
    level, mid = (_common(usable[uri]) for uri in (LEVEL, MID))
    if level == mid:
        level = mid = None  # one number for two says nothing
    if any(len(media.mid) > _SHORT_MID for media in accepted):
        mid = None
    return SdpOffer(
        direction=direction,
        ufrag=_credential(transport.ufrag or session.ufrag, _UFRAG, "ice-ufrag"),
        pwd=_credential(transport.pwd or session.pwd, _PWD, "ice-pwd"),
        fingerprints=_fingerprints(setup, transport, session),
        payload_type=payload_type,
        red=_shared(media.redundant_for(payload_type) for media in accepted),
        level_extension=level,
        mid_extension=mid,
        bundle=tuple(media.mid for media in sorted(taken, key=lambda media: media is not transport) if bundle),
        passive=setup == "passive",
        lines=tuple(
            _line(media, slots.get(id(media)), usable, {LEVEL: level, MID: mid}, carries=media is carrier)
            for media in sections
        ),
    )


def _accepted(session: Section, sections: Sequence[Section], direction: Direction) -> list[Section]:
    """The audio sections that we take: the first that will do, and those in one bundle with it that are alike."""
    most = 1 if direction == "publish" else MAX_SLOTS
    wanted = ("sendonly", "sendrecv") if direction == "publish" else ("recvonly", "sendrecv")
    accepted: list[Section] = []
    for media in sections:
        bundle = _bundle_of(accepted[0] if accepted else media, session)
        usable = (
            media.kind == "audio"
            and media.profile in _PROFILES
            and (media.direction or session.direction or "sendrecv") in wanted
            and len(accepted) < most
            and (not accepted or media.mid in bundle)
            # Port 0 rejects a section, except where it says that the section goes with others or not at all.
            and (media.port != 0 or (media.bundle_only and _tagged(bundle, sections) is not None))
            and media.payload_types
            and (not accepted or accepted[0].payload_types[0] in media.payload_types)
        )
        if usable:
            accepted.append(media)
    return accepted


def _bundle_of(media: Section, session: Section) -> tuple[str, ...]:
    """MIDs of the BUNDLE group that a section is in; empty: it is in none."""
    return next((group for group in session.bundles if media.mid in group), ()) if media.mid else ()


def _tagged(bundle: Sequence[str], sections: Sequence[Section]) -> Section | None:
    """The first section of the bundle that has a transport which may be ours (RFC 9143, section 7.3.1)."""
    known = {media.mid: media for media in sections if media.port != 0 and media.profile in _TRANSPORTS}
    return next((known[mid] for mid in bundle if mid in known), None)


def _transport_of(bundle: Sequence[str], accepted: Sequence[Section], sections: Sequence[Section]) -> Section | None:
    """The section whose transport the accepted ones use.

    It is one that we take nothing of, video or data, where no accepted one has a transport: what is bundle-only has
    none. Nor has what Chromium bundles, but there only the same ufrag says so. Rejected, that section could not be in
    the answer's group, and nothing could use its transport; so it is answered, as inactive or with no channels.
    """
    offered, own = _tagged(bundle, sections), _tagged(bundle, accepted)
    return offered if own is None or (offered is not None and offered.ufrag == own.ufrag) else own


def _line(
    media: Section,
    slot: int | None,
    usable: Mapping[str, Sequence[Mapping[int, str | None]]],
    chosen: Mapping[str, int | None],
    *,
    carries: bool,
) -> MediaLine:
    def direction(uri: str) -> str | None:
        number = chosen[uri]
        return None if slot is None or number is None else usable[uri][slot][number]

    return MediaLine(
        media.kind,
        media.profile,
        media.formats,
        media.mid,
        slot,
        carries,
        media.first_codec,
        direction(LEVEL),
        direction(MID),
    )


def _fingerprints(setup: str | None, transport: Section, session: Section) -> tuple[tuple[str, str], ...]:
    """The fingerprints of the best hash function; those of a section replace the session's (RFC 8122, section 5)."""
    if setup is None:
        raise BadOffer("The offer must say who begins DTLS (a=setup) and whose certificate it is (a=fingerprint).")
    own = transport if transport.fingerprints or transport.strange_fingerprints else session
    best = next((hash for hash in _PREFERRED if any(known == hash for known, _ in own.fingerprints)), None)
    if best is None:
        raise BadOffer("The offer has no certificate fingerprint of sha-256, sha-384 or sha-512.")
    return tuple(dict.fromkeys(item for item in own.fingerprints if item[0] == best))


def _usable(media: Section, session: Section, uri: str, direction: Direction) -> dict[int, str | None]:
    """The numbers under which a section offers a header extension that fits a one-byte header and goes the way the
    audio does, and their directions. What precedes all sections is for each of them (RFC 8285, section 5)."""
    way = "sendonly" if direction == "publish" else "recvonly"
    offered = media.extensions.get(uri) or session.extensions.get(uri, [])
    return {
        one.number: one.direction
        for one in offered
        if 1 <= one.number <= 14 and one.direction in (None, "sendrecv", way)
    }


def _common(usable: Sequence[Mapping[int, str | None]]) -> int | None:
    """The first number that all sections have: packets have one form."""
    return next((number for number in usable[0] if all(number in one for one in usable)), None)


def _shared(numbers: Iterable[int | None]) -> int | None:
    """The number that all sections share, if they do."""
    found = set(numbers)
    return found.pop() if len(found) == 1 else None


def _credential(value: str | None, shape: re.Pattern[str], name: str) -> str:
    if value is None or not shape.fullmatch(value):
        raise BadOffer(f"The offer has no valid {name}.")
    return value


def read_fragment(text: str) -> Fragment:
    """Read the credentials in a trickled fragment. Raises BadOffer."""
    lines = [line for line in text.splitlines() if line]
    if not lines or any(len(line) < 3 or line[1] != "=" for line in lines):
        raise BadOffer("The body is not an ICE fragment (RFC 8840).")
    ufrag, pwd = _only(lines, "ice-ufrag", _UFRAG), _only(lines, "ice-pwd", _PWD)
    return Fragment(ufrag, pwd)


def _only(lines: Sequence[str], name: str, shape: re.Pattern[str]) -> str | None:
    """The value of an attribute that each section may have once, always with the same value."""
    start = f"a={name}:"
    values = {line.removeprefix(start).strip() for line in lines if line.startswith(start)}
    if not values:
        return None
    if len(values) > 1:
        raise BadOffer(f"The fragment has more than one {name}.")
    return _credential(values.pop(), shape, name)
