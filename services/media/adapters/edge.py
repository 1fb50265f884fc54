"""The node's media ports: the forwarder, and the DTLS handshakes that give it keys."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from rostrum_forwarder import Captured, Closed, Dtls, Forwarder, IceCredentials, Reachable, Relayed, Report, Talking

from contracts.relayed import RelayedPacket
from services.media.adapters.answer import LocalDescription, write_answer, write_fragment
from services.media.adapters.dtls import Certificate, Handshake, HandshakeFailed
from services.media.adapters.farewell import Farewell
from services.media.adapters.offer import SdpOffer

_log = logging.getLogger(__name__)
_KEEP_HANDSHAKE: Final = 4.0
"""How many seconds a finished handshake still answers repetitions. Then only its farewell is kept."""
_POLL: Final = 512


class EdgeObserver(Protocol):
    """Is told what happens at the edge. No method may block or raise."""

    def connected(self, session: int, setup_ms: float) -> None:
        """Keys are in place: audio can flow."""

    def closed(self, session: int, *, expired: bool, failed: bool, report: Report) -> None:
        """The session is gone."""

    def talking(self, space: int, sessions: list[int]) -> None:
        """Who is heard now, loudest first."""

    def captured(self, session: int, packets: int, bundle: bytes) -> None:
        """A bundle of a speaker's packets (`contracts.capture`)."""

    def relayed(self, session: int, packets: list[RelayedPacket]) -> None:
        """Packets of a speaker, of a Space that other nodes carry too."""


@dataclass(slots=True)
class _Setup:
    """A session until a few seconds after its handshake."""

    offer: SdpOffer
    began: float
    handshake: Handshake | None = None
    timer: asyncio.TimerHandle | None = None
    failed: bool = False


@dataclass(slots=True)
class Edge:
    """The ports. The caller numbers the sessions; each is closed exactly once, which `observer.closed` tells.

    A context manager: the sockets are bound inside. Raises OSError where a port is taken.
    """

    bind_host: str
    bind_port: int
    observer: EdgeObserver
    tcp_port: int | None = None
    """Port for clients without UDP, at the same address; 0: any free one; None: no such port."""
    tcp_connections: int = 1_000
    public_hosts: tuple[str, ...] = ()
    """Addresses in the candidates, the best first; empty: the bound address."""
    threads: int = 1
    """How many threads seal and send packets."""
    coalesce_ms: int = 0
    """How many milliseconds a packet may wait for others to the same listener."""
    repacketise_from: int = 0
    """From so many listeners of a Space on, packets for those not on stage have 60 ms; 0: never."""
    certificate: Certificate = field(default_factory=Certificate)
    _setups: dict[int, _Setup] = field(default_factory=dict)
    _farewells: dict[int, Farewell] = field(default_factory=dict)
    """Of sessions whose handshake is no longer kept."""
    _forwarder: Forwarder | None = None

    async def __aenter__(self) -> Edge:
        self._forwarder = Forwarder(
            self.bind_host,
            self.bind_port,
            tcp_port=self.tcp_port,
            tcp_connections=self.tcp_connections,
            threads=self.threads,
            coalesce_ms=self.coalesce_ms,
            repacketise_from=self.repacketise_from,
        )
        asyncio.get_running_loop().add_reader(self._forwarder.fileno(), self._poll)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self.forwarder.fileno())
        for setup in self._setups.values():
            if setup.timer is not None:
                setup.timer.cancel()
        self._setups.clear()
        self._farewells.clear()
        self.forwarder.close()

    @property
    def forwarder(self) -> Forwarder:
        """The running forwarder."""
        if self._forwarder is None:
            raise RuntimeError("the edge is not open")
        return self._forwarder

    @property
    def host(self) -> str:
        """The address at which clients reach it best."""
        return self.hosts[0]

    @property
    def hosts(self) -> tuple[str, ...]:
        """All addresses at which clients reach it."""
        return self.public_hosts or (self.forwarder.host,)

    @property
    def port(self) -> int:
        """Its UDP port."""
        return self.forwarder.port

    def publish(self, session: int, offer: SdpOffer, *, space: int, owner: int, muted: bool, capture: bool) -> str:
        """Take a speaker's offer; return the answer. `owner` is the person's number."""
        local = self._describe()
        self._begin(session, offer)
        self.forwarder.add_publisher(
            session,
            space=space,
            owner=owner,
            ice=_credentials(local, offer.ufrag, offer.pwd),
            payload_type=offer.payload_type,
            red_payload_type=offer.red,
            level_extension=offer.level_extension,
            muted=muted,
            capture=capture,
        )
        return write_answer(offer, local)

    def subscribe(self, session: int, offer: SdpOffer, *, space: int, owner: int) -> str:
        """Take a listener's offer; return the answer. `owner` is the person's number, 0 for an anonymous one."""
        local = self._describe(_distinct(len(offer.slots)))
        self._begin(session, offer)
        self.forwarder.add_listener(
            session,
            space=space,
            owner=owner,
            ice=_credentials(local, offer.ufrag, offer.pwd),
            payload_type=offer.payload_type,
            red_payload_type=offer.red,
            mid_extension=offer.mid_extension,
            level_extension=offer.level_extension,
            slots=[
                ("" if offer.mid_extension is None else line.mid, ssrc)
                for line, ssrc in zip(offer.slots, local.ssrcs, strict=True)
            ],
        )
        return write_answer(offer, local)

    def restart(self, session: int, mid: str, ufrag: str, pwd: str) -> str:
        """Begin another ICE session with the peer's new credentials; return our fragment."""
        local = self._describe()
        self.forwarder.restart(session, _credentials(local, ufrag, pwd))
        return write_fragment(mid, local)

    async def reports(self) -> dict[int, Report]:
        """Return every session's report, by its number."""
        return await asyncio.to_thread(self.forwarder.reports)

    def close(self, session: int) -> None:
        """End a session, which the client is told at once (RFC 7675, section 5.2); `observer.closed` follows."""
        self._forget_handshake(session)
        farewell = self._farewells.pop(session, None)
        for datagram in farewell.sealed if farewell is not None else ():
            self.forwarder.send_dtls(session, datagram)
        self.forwarder.remove(session)

    def set_muted(self, session: int, muted: bool) -> None:
        """Mute or unmute a speaker, before the next packets are read."""
        self.forwarder.set_muted(session, muted)

    def set_capture(self, session: int, capture: bool) -> None:
        """Start or stop capturing a speaker."""
        self.forwarder.set_capture(session, capture)

    def set_shared(self, space: int, shared: bool) -> None:
        """Say whether `observer.relayed` is told of a Space's packets. Forgotten with its last session."""
        self.forwarder.set_shared(space, shared)

    def inject(self, packet: RelayedPacket, *, space: int, source: int, owner: int) -> None:
        """Forward a packet from another node, under a source that is no session's number."""
        self.forwarder.inject(
            space,
            source=source,
            owner=owner,
            ssrc=packet.ssrc,
            timestamp=packet.timestamp,
            sequence=packet.sequence,
            level=packet.level,
            loudness=packet.loudness,
            missing=packet.missing,
            payload=packet.payload,
        )

    def hush(self, space: int, *, source: int) -> None:
        """Take away at once the slot of somebody who speaks at another node."""
        self.forwarder.hush(space, source=source)

    def _begin(self, session: int, offer: SdpOffer) -> None:
        self._setups[session] = _Setup(offer, time.monotonic())

    def _describe(self, ssrcs: tuple[int, ...] = ()) -> LocalDescription:
        return LocalDescription(
            session_number=secrets.randbits(62),
            ufrag=_ice_chars(6),
            pwd=_ice_chars(18),
            fingerprint=self.certificate.fingerprint,
            hosts=self.hosts,
            port=self.port,
            tcp_port=self.forwarder.tcp_port,
            ssrcs=ssrcs,
        )

    def _poll(self) -> None:
        relayed: dict[int, list[RelayedPacket]] = {}
        for event in self.forwarder.poll(_POLL):
            match event:
                case Relayed():
                    relayed.setdefault(event.session, []).append(_packet(event))
                case Captured():
                    self.observer.captured(event.session, event.packets, event.bundle)
                case Dtls():
                    self._dtls(event.session, event.datagram)
                case Talking():
                    self.observer.talking(event.space, event.sessions)
                case Closed():
                    self._closed(event)
                case Reachable():
                    _log.debug("a client is reachable", extra={"session": event.session, "address": event.address})
                    self._reachable(event.session)
        for session, packets in relayed.items():
            self.observer.relayed(session, packets)

    def _handshake(self, offer: SdpOffer) -> Handshake:
        return Handshake(self.certificate, offer.fingerprints, active=offer.passive)

    def _reachable(self, session: int) -> None:
        """Begin the handshake if the peer is the passive side."""
        setup = self._setups.get(session)
        if setup is not None and setup.offer.passive and setup.handshake is None and not setup.failed:
            setup.handshake = self._handshake(setup.offer)
            self._advance(session, setup, Handshake.begin)

    def _dtls(self, session: int, datagram: bytes) -> None:
        setup = self._setups.get(session)
        if setup is None:
            farewell = self._farewells.get(session)
            if farewell is not None and farewell.is_said_in(datagram):
                self.close(session)
            return
        if setup.failed:
            return
        handshake = setup.handshake = setup.handshake or self._handshake(setup.offer)
        before = handshake.keys
        self._advance(session, setup, lambda handshake: handshake.datagram(datagram))
        if handshake.ended:
            self.close(session)
        keys = handshake.keys
        if keys is not None and before is None:
            self.forwarder.set_keys(session, receive=keys.receive, send=keys.send)
            if setup.timer is not None:
                setup.timer.cancel()
            setup.timer = asyncio.get_running_loop().call_later(_KEEP_HANDSHAKE, self._forget_handshake, session)
            self.observer.connected(session, (time.monotonic() - setup.began) * 1000)

    def _advance(self, session: int, setup: _Setup, step: Callable[[Handshake], list[bytes]]) -> None:
        handshake = setup.handshake
        if handshake is None:
            return
        try:
            for out in step(handshake):
                self.forwarder.send_dtls(session, out)
        except HandshakeFailed as error:
            _log.info("a handshake failed", extra={"session": session, "why": str(error)})
            setup.failed = True
            for out in error.datagrams:
                self.forwarder.send_dtls(session, out)
            self.forwarder.remove(session)
            return
        if handshake.keys is None:
            if setup.timer is not None:
                setup.timer.cancel()
                setup.timer = None
            seconds = handshake.timeout()
            if seconds is not None:
                loop = asyncio.get_running_loop()
                setup.timer = loop.call_later(seconds, self._advance, session, setup, Handshake.repeat)

    def _forget_handshake(self, session: int) -> None:
        """Drop what OpenSSL keeps of a session, but the goodbyes."""
        setup = self._setups.get(session)
        if setup is None or setup.failed or setup.handshake is None:
            return
        if setup.timer is not None:
            setup.timer.cancel()
        del self._setups[session]
        self._farewells[session] = setup.handshake.farewell()

    def _closed(self, event: Closed) -> None:
        self._farewells.pop(event.session, None)
        setup = self._setups.pop(event.session, None)
        if setup is not None and setup.timer is not None:
            setup.timer.cancel()
        failed = setup is not None and setup.failed
        self.observer.closed(event.session, expired=event.expired, failed=failed, report=event.report)


def _credentials(local: LocalDescription, ufrag: str, pwd: str) -> IceCredentials:
    """Our credentials, with the peer's `ufrag` and `pwd`."""
    return IceCredentials(local_ufrag=local.ufrag, local_pwd=local.pwd, remote_ufrag=ufrag, remote_pwd=pwd)


def _packet(event: Relayed) -> RelayedPacket:
    return RelayedPacket(
        event.ssrc, event.timestamp, event.sequence, event.level, event.loudness, event.payload, event.missing
    )


def _ice_chars(count: int) -> str:
    """So many random bytes, a multiple of 3, in base64, whose letters ICE allows (RFC 8839, section 5.4)."""
    return base64.b64encode(os.urandom(count)).decode()


def _distinct(count: int) -> tuple[int, ...]:
    """SSRCs for a listener's slots, different from each other and not 0."""
    first = secrets.randbelow(0xFFFF_FFF0) + 1
    return tuple(first + number for number in range(count))
