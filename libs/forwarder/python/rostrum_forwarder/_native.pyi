"""Types of the compiled module. Session, space and owner numbers are chosen by the caller (0 to 2**64 - 1)."""

from typing import final

__all__ = [
    "Captured",
    "Closed",
    "DelayBucket",
    "Delays",
    "Dtls",
    "Forwarder",
    "IceCredentials",
    "Reachable",
    "Relayed",
    "Report",
    "Talking",
]

@final
class Reachable:
    """An address of the session passed an authenticated STUN check; DTLS can begin."""

    @property
    def session(self) -> int: ...
    @property
    def address(self) -> str:
        """`ip:port`, an IPv6 address in brackets."""

@final
class Dtls:
    """A DTLS datagram from an address of the session that passed a check."""

    @property
    def session(self) -> int: ...
    @property
    def datagram(self) -> bytes: ...

@final
class Report:
    """A connection in numbers: of a publisher what arrived here, of a listener what it reported."""

    @property
    def packets(self) -> int:
        """RTP packets accepted from a publisher, or sent to a listener."""
    @property
    def lost(self) -> int:
        """Of those, as far as known; 0 at least."""
    @property
    def recent(self) -> bool:
        """Whether a receiver report, or a publisher's packet, came in the last 12 s; else jitter and loss are old."""
    @property
    def fraction_lost(self) -> float:
        """0 to 1, of the last reporting interval; the worst slot of a listener."""
    @property
    def jitter_us(self) -> int:
        """Interarrival jitter (RFC 3550, section 6.4.1), 10 s at most."""
    @property
    def round_trip_us(self) -> int:
        """Between a sender report of ours and the receiver report that answers it; 0 when unknown, a minute at most."""
    @property
    def quiet_us(self) -> int:
        """Since the peer's last check that consents to being sent to (RFC 7675); clients send one every 5 s or so."""

@final
class Closed:
    """The session is gone: `expired` for want of consent (30 s), else on request."""

    @property
    def session(self) -> int: ...
    @property
    def expired(self) -> bool: ...
    @property
    def report(self) -> Report: ...

@final
class Talking:
    """Who holds a slot in the space now, loudest first; only when the set changed, at most every 100 ms."""

    @property
    def space(self) -> int: ...
    @property
    def sessions(self) -> list[int]: ...

@final
class Captured:
    """Packets of a publisher in the format of `contracts.capture`, about ten bundles a second."""

    @property
    def session(self) -> int: ...
    @property
    def packets(self) -> int: ...
    @property
    def bundle(self) -> bytes: ...

@final
class Relayed:
    """An accepted packet of a space that other nodes carry too."""

    @property
    def session(self) -> int: ...
    @property
    def ssrc(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Of RTP, 48 kHz."""
    @property
    def sequence(self) -> int: ...
    @property
    def level(self) -> int | None:
        """The byte of RFC 6464: bit 7 voice, then -dBov; None from a client that measures none."""
    @property
    def loudness(self) -> int:
        """Smoothed, in half dB over digital silence, 0 to 254."""
    @property
    def missing(self) -> int:
        """So many packets right before it may still come, 0 to 4."""
    @property
    def payload(self) -> bytes: ...

@final
class IceCredentials:
    """What both sides of one ICE session prove themselves with (RFC 8445)."""

    def __new__(cls, *, local_ufrag: str, local_pwd: str, remote_ufrag: str, remote_pwd: str) -> IceCredentials: ...
    @property
    def local_ufrag(self) -> str:
        """Our user name fragment, unique among live sessions."""
    @property
    def local_pwd(self) -> str:
        """Our password, with which the peer's checks are authenticated."""
    @property
    def remote_ufrag(self) -> str:
        """The peer's user name fragment."""
    @property
    def remote_pwd(self) -> str:
        """The peer's password, with which our own checks are authenticated."""

@final
class DelayBucket:
    """Forwarded packets whose delay lies above the previous bucket's end and not above this one's."""

    @property
    def end_us(self) -> int:
        """Upper end in microseconds; 2**64 - 1 for the last bucket."""
    @property
    def packets(self) -> int: ...

@final
class Delays:
    """How long forwarded packets were in the forwarder."""

    @property
    def buckets(self) -> list[DelayBucket]:
        """In ascending order."""
    @property
    def sum_us(self) -> int:
        """All delays added up, in microseconds."""

@final
class Forwarder:
    """The sockets and their threads. Methods return at once; what they order is obeyed before the next datagrams.

    Every method that orders something raises RuntimeError when the command queue (16,384) is full.
    """

    def __new__(
        cls,
        host: str,
        port: int,
        *,
        tcp_port: int | None = None,
        tcp_connections: int = 1000,
        threads: int = 1,
        coalesce_ms: int = 0,
        repacketise_from: int = 0,
    ) -> Forwarder:
        """Binds (port 0: any free one). Raises ValueError for a host that is no IP address, OSError from the system.

        `tcp_port`: packets are taken from TCP connections to it too (RFC 4571); None: there is none. At most
        `tcp_connections` are open, each with a file descriptor.
        `threads`: how many seal and send, 1 at least.
        `coalesce_ms`: how long a packet may wait for others to the same listener; 0: none waits, but those that are
        there at the same time leave together. `repacketise_from`: from so many listeners of a space on, those who are
        not on stage get packets of 60 ms; 0: never.
        """
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def tcp_port(self) -> int | None: ...
    def fileno(self) -> int:
        """An eventfd that is readable when `poll` has something; for `loop.add_reader`. Do not read it."""
    def add_publisher(
        self,
        session: int,
        *,
        space: int,
        owner: int,
        ice: IceCredentials,
        payload_type: int,
        red_payload_type: int | None = None,
        level_extension: int | None,
        muted: bool,
        capture: bool,
    ) -> None:
        """A session that speaks, with the payload types and header extension id of its offer. Raises ValueError.

        `red_payload_type`: of Opus with copies of earlier packets (RFC 2198), where that is agreed. Listeners who
        agreed to it too are sent it as it came, others the packets themselves.
        """
    def add_listener(
        self,
        session: int,
        *,
        space: int,
        owner: int,
        ice: IceCredentials,
        payload_type: int,
        red_payload_type: int | None = None,
        mid_extension: int | None,
        level_extension: int | None,
        slots: list[tuple[str, int]],
    ) -> None:
        """A session that listens, with 1 to 3 slots (MID, SSRC). An owner other than 0 never hears itself.

        Raises ValueError.
        """
    def restart(self, session: int, ice: IceCredentials) -> None:
        """Begins another ICE session; unknown sessions are ignored. DTLS and SRTP go on as they are."""
    def set_keys(self, session: int, *, receive: bytes, send: bytes) -> None:
        """SRTP master key and salt of what the peer sends (`receive`) and of what is sent to it (`send`).

        28 bytes: AEAD_AES_128_GCM; 30 bytes: AES128_CM_SHA1_80. Taken once per session. Raises ValueError for another
        length, or two different ones.
        """
    def set_muted(self, session: int, muted: bool) -> None: ...
    def set_capture(self, session: int, capture: bool) -> None: ...
    def send_dtls(self, session: int, datagram: bytes) -> None:
        """Dropped while the session has no validated address."""
    def remove(self, session: int) -> None:
        """A `Closed` follows."""
    def set_shared(self, space: int, shared: bool) -> None:
        """Whether accepted packets are told as `Relayed`; forgotten with the space's last session."""
    def inject(
        self,
        space: int,
        *,
        source: int,
        owner: int,
        ssrc: int,
        timestamp: int,
        sequence: int,
        level: int | None,
        loudness: int,
        missing: int,
        payload: bytes,
    ) -> None:
        """Takes in a packet from another node, under a source that is no session's number.

        It is heard like any other, and neither captured nor relayed again. Raises OverflowError.
        """
    def hush(self, space: int, *, source: int) -> None:
        """Takes the slot of somebody who speaks at another node away at once."""
    def poll(self, most: int = 256) -> list[Reachable | Dtls | Closed | Talking | Captured | Relayed]: ...
    def stats(self) -> dict[str, int]:
        """Totals since the start, at most 20 ms old; for metrics."""
    def delays(self) -> Delays:
        """Forwarded packets by how long they were in here, at most 20 ms old; for metrics."""
    def reports(self) -> dict[int, Report]:
        """Every session's numbers; waits for the thread (a second at most), without the interpreter lock."""
    def close(self) -> None:
        """Stops the thread, closes the socket. Nothing happens the second time."""
