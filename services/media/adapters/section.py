"""Reads the lines of an offer (RFC 8866) into the part before the first media section, and the sections after it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
_URIS: Final = (LEVEL, MID)
_SETUPS: Final = ("actpass", "active", "passive")
_DIGESTS: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
"""The hash functions that we compare certificates with, and the length of what they return."""
# Whatever nothing here depends on is passed over: candidates, SSRCs, feedback, other codecs and extensions. Blanks at
# the end of a line mean nothing.
_WANTED: Final = re.compile(
    r"^(?:m=([^\r\n]*)|a=(mid|setup|rtcp-mux|rtpmap|fmtp(?=:[0-9]+ [0-9]+/)"
    r"|extmap(?=:[^ \r\n]+ urn:ietf:params:)|group|fingerprint|ice-ufrag|ice-pwd|bundle-only"
    r"|sendrecv|sendonly|recvonly|inactive)(?::([^\r\n]*)|(?=[ \t]*(?:[\r\n]|\Z))))",
    re.MULTILINE,
)
_LETTERS: Final = "A-Za-z0-9!#$%&'*+.^_`{|}~-"
"""Of a token (RFC 8866, section 9): what is echoed has nothing that a reader could take for the end of a line."""
_MEDIA: Final = re.compile(rf"([{_LETTERS}]{{1,32}}) ([0-9]{{1,5}})(?:/[0-9]{{1,5}})? ([/{_LETTERS}]{{1,64}}) ([^ ].*)")
_FORMAT: Final = re.compile(rf"[{_LETTERS}]{{1,64}}")
_CODEC: Final = re.compile(r"([0-9]{1,3}) ([^/]+)/([0-9]{1,9})(?:/([0-9]{1,3}))?")
_RTPMAP: Final = re.compile(r"[0-9]{1,3} [A-Za-z0-9._-]{1,64}/[0-9]{1,9}(?:/[0-9]{1,9})?")
"""What is echoed: nothing that a reader could take for the end of a line."""
_EXTMAP: Final = re.compile(r"([0-9]{1,5})(?:/(sendrecv|sendonly|recvonly|inactive))? ([^ ]+)")
_RTCP_TYPES: Final = range(72, 77)
"""Payload types that RTCP's own look like (RFC 5761, section 4)."""


class BadOffer(Exception):
    """The offer cannot be answered; the text tells the sender why."""


class Extension(NamedTuple):
    """A header extension as one section offers it."""

    number: int
    direction: str | None
    """From the offerer's side; None: that of the section (RFC 8285, section 7)."""


@dataclass(slots=True)
class Section:
    """A media section, or what precedes the first one, whose values hold where a section has None."""

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
    """(algorithm, upper-case hex with colons) of those hash functions that we know."""
    strange_fingerprints: bool = False
    """Whether there are fingerprints of other hash functions too."""
    rtcp_mux: bool = False
    bundle_only: bool = False
    first_codec: str | None = None
    """The `a=rtpmap` of its first format."""
    opus: list[int] = field(default_factory=list)
    """Its payload types."""
    redundant: list[int] = field(default_factory=list)
    """Payload types of redundant audio."""
    blocks: dict[str, str] = field(default_factory=dict)
    """Payload type of redundant audio -> those of its blocks, `111/111`."""
    extensions: dict[str, list[Extension]] = field(default_factory=dict)
    """By their names. One name may have several numbers, each with a direction or attributes of its own."""
    bundles: list[tuple[str, ...]] = field(default_factory=list)
    """MIDs of each BUNDLE group."""

    def read(self, name: str, value: str) -> None:
        """Take an attribute in. Raises BadOffer for one that is malformed."""
        match name:
            case "rtpmap":
                self._map(value)
            case "fmtp":
                number, _, blocks = value.partition(" ")
                self.blocks.setdefault(number, blocks.strip())
            case "extmap":
                if (found := _EXTMAP.match(value)) and found[3] in _URIS:
                    self.extensions.setdefault(found[3], []).append(Extension(int(found[1]), found[2]))
            case "mid":
                self.mid = value
            case "rtcp-mux":
                self.rtcp_mux = True
            case "bundle-only":
                self.bundle_only = True
            case "ice-ufrag":
                self.ufrag = value
            case "ice-pwd":
                self.pwd = value
            case "fingerprint":
                self._fingerprint(value)
            case "setup":
                if value not in _SETUPS:
                    raise malformed("a=setup")
                self.setup = value
            case "group":
                semantics, *mids = value.split() or [""]
                if semantics == "BUNDLE":
                    self.bundles.append(tuple(mids))
            case direction:
                self.direction = direction

    def _map(self, value: str) -> None:
        number, _, codec = value.partition(" ")
        if self.formats[:1] == (number,) and _RTPMAP.fullmatch(value):
            self.first_codec = value
        if not codec.lower().startswith(("opus/", "red/")):
            return
        found = _CODEC.fullmatch(value)
        if found is None:
            raise malformed("a=rtpmap")
        payload_type, rate, channels = (int(part or 1) for part in found.group(1, 3, 4))
        if (rate, channels) == (48000, 2):
            (self.redundant if found[2].lower() == "red" else self.opus).append(payload_type)

    def _fingerprint(self, value: str) -> None:
        algorithm, _, digest = value.partition(" ")
        algorithm, digest = algorithm.lower(), digest.strip().upper()
        if not digest or " " in digest:
            raise malformed("a=fingerprint")
        length = _DIGESTS.get(algorithm)
        if length is None:
            self.strange_fingerprints = True
        elif not re.fullmatch(rf"(?:[0-9A-F]{{2}}:?){{{length}}}", digest):
            raise malformed("a=fingerprint")
        else:
            self.fingerprints.append((algorithm, digest))

    def _sendable(self, numbers: list[int]) -> list[int]:
        """Those payload types that stand in the m-line and can be sent, in its order: the sender's preference."""
        known = {str(number): number for number in numbers if number < 128 and number not in _RTCP_TYPES}
        return [known[item] for item in self.formats if item in known]

    @property
    def payload_types(self) -> list[int]:
        """Payload types of Opus that can be sent, the preferred one first."""
        return self._sendable(self.opus)

    def redundant_for(self, opus: int) -> int | None:
        """Payload type of redundant audio all of whose blocks are Opus of this type, if the section offers one."""
        for number in self._sendable(self.redundant):
            if number != opus and set(self.blocks.get(str(number), "").split("/")) == {str(opus)}:
                return number
        return None


def malformed(what: str) -> BadOffer:
    """What to say of something that cannot be read."""
    return BadOffer(f"The offer is not a well-formed session description: {what} cannot be read.")


def read_sections(text: str) -> tuple[Section, list[Section]]:
    """Return what precedes the first media section, and the sections. Raises BadOffer."""
    session = current = Section()
    sections: list[Section] = []
    for media, name, value in _WANTED.findall(text):
        if name:
            current.read(name, value.strip(" \t"))
        else:
            current = _begun(media.rstrip(" \t"))
            sections.append(current)
    return session, sections


def _begun(line: str) -> Section:
    found = _MEDIA.fullmatch(line)
    if found is None:
        raise malformed("an m-line")
    formats = tuple(found[4].split())
    if any(not _FORMAT.fullmatch(item) for item in formats):
        raise BadOffer("A media format is a short token.")
    return Section(kind=found[1], port=int(found[2]), profile=found[3], formats=formats)
