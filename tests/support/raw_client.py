"""A WebRTC client of parts: ICE by aioice, DTLS by OpenSSL, SRTP by libsrtp. It offers no more than it must.

No MID, no BUNDLE, no header extension: what the server adds to these clients' packets, or needs of them, is nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
import secrets
import struct
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Literal, Self

from aioice import Candidate, Connection
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from infra.demo.connection import Negotiate
from tests.support.waiting import LIMIT, pace

_PAYLOAD_TYPE: Final = 96
_HEADER: Final = struct.Struct("!BBHII")
_KEY, _SALT = 16, 14
"""Bytes of AES_CM_128_HMAC_SHA1_80, the profile that every implementation must know (RFC 5764, section 4.1.2)."""

Direction = Literal["sendonly", "recvonly"]


class RawClient:
    """One connection in one direction."""

    def __init__(self, direction: Direction) -> None:
        self.heard: list[bytes] = []
        """Opus payloads."""
        self.ended = asyncio.Event()
        """The server said goodbye (close_notify)."""
        self._direction = direction
        self._ice = Connection(ice_controlling=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _certificate(self._key)
        self._tls = self._new_tls()
        self._send = self._receive = Session()

    async def connect(self, negotiate: Negotiate) -> Self:
        """Offer, and do ICE and DTLS. Raises ConnectionError."""
        await self._ice.gather_candidates()
        answer = await negotiate(self._offer())
        self._ice.remote_is_lite = "a=ice-lite" in answer
        self._ice.remote_username = _value(answer, "ice-ufrag")
        self._ice.remote_password = _value(answer, "ice-pwd")
        for line in re.findall(r"^a=candidate:(.*? udp .*?)\r$", answer, re.MULTILINE):
            await self._ice.add_remote_candidate(Candidate.from_sdp(line))
        await self._ice.add_remote_candidate(None)
        await self._ice.connect()
        async with asyncio.timeout(LIMIT):
            await self._handshake()
        self._check_fingerprint(_value(answer, "fingerprint"))
        material = self._tls.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (_KEY + _SALT))
        ours, theirs, our_salt, their_salt = (
            material[:_KEY], material[_KEY : 2 * _KEY], material[2 * _KEY : -_SALT], material[-_SALT:],
        )  # fmt: skip
        self._send = Session(Policy(key=ours + our_salt, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
        self._receive = Session(Policy(key=theirs + their_salt, ssrc_type=Policy.SSRC_ANY_INBOUND))
        return self

    async def say(self, payloads: Sequence[bytes]) -> None:
        """Send Opus packets of 20 ms at the pace of the clock, for ever."""
        ssrc, number, began = secrets.randbits(32), 0, time.monotonic()
        while True:
            header = _HEADER.pack(0x80, _PAYLOAD_TYPE, number & 0xFFFF, number * 960 & 0xFFFFFFFF, ssrc)
            await self._ice.send(self._send.protect(header + payloads[number % len(payloads)]))
            number += 1
            await pace(began + number * 0.02)

    async def listen(self) -> None:
        """Collect what is heard, until the connection ends."""
        with contextlib.suppress(ConnectionError):
            while True:
                data = await self._ice.recv()
                if 20 <= data[0] <= 63:
                    self._goodbye(data)
                elif not 192 <= data[1] <= 223:  # RTCP has these (RFC 5761, section 4)
                    self.heard.append(_payload(self._receive.unprotect(data)))

    async def send(self, *datagrams: bytes) -> None:
        """Send anything, from the address that the server takes this client's DTLS and SRTP from."""
        for datagram in datagrams:
            await self._ice.send(datagram)

    def sealed(self, *packets: bytes) -> list[bytes]:
        """RTP packets as SRTP."""
        return [self._send.protect(packet) for packet in packets]

    def sealed_rtcp(self, *packets: bytes) -> list[bytes]:
        """RTCP packets as SRTCP."""
        return [self._send.protect_rtcp(packet) for packet in packets]

    @property
    def server(self) -> tuple[str, int]:
        """Where the server takes datagrams."""
        (pair,) = self._ice._nominated.values()
        return pair.remote_addr

    @property
    def check_as(self) -> tuple[str, bytes]:
        """User name and key of this client's checks (RFC 8445, section 7.1.1)."""
        return f"{self._ice.remote_username}:{self._ice.local_username}", str(self._ice.remote_password).encode()

    async def close(self) -> None:
        """Leave without a word."""
        await self._ice.close()

    def _offer(self) -> str:
        host = self._ice.get_default_candidate(1)
        assert host is not None
        lines = [
            "v=0", f"o=- {secrets.randbits(60)} 1 IN IP4 {host.host}", "s=-", "t=0 0",
            f"m=audio {host.port} UDP/TLS/RTP/SAVPF {_PAYLOAD_TYPE}", f"c=IN IP4 {host.host}", "a=rtcp-mux",
            f"a={self._direction}", f"a=rtpmap:{_PAYLOAD_TYPE} opus/48000/2",
            f"a=ice-ufrag:{self._ice.local_username}", f"a=ice-pwd:{self._ice.local_password}",
            *(f"a=candidate:{candidate.to_sdp()}" for candidate in self._ice.local_candidates),
            f"a=fingerprint:sha-256 {_fingerprint(self._certificate)}", "a=setup:active",
        ]  # fmt: skip
        return "\r\n".join(lines) + "\r\n"

    def _new_tls(self) -> SSL.Connection:
        context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        context.use_certificate(self._certificate)
        context.use_privatekey(self._key)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)  # the answer's fingerprint says whose it must be
        context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
        tls = SSL.Connection(context)
        tls.set_ciphertext_mtu(1200)
        tls.set_connect_state()
        return tls

    async def _handshake(self) -> None:
        while True:
            with contextlib.suppress(SSL.WantReadError):
                self._tls.do_handshake()
                await self._flush()
                return
            await self._flush()
            try:
                async with asyncio.timeout(self._tls.DTLSv1_get_timeout()):
                    self._tls.bio_write(await self._ice.recv())
            except TimeoutError:
                self._tls.DTLSv1_handle_timeout()

    async def _flush(self) -> None:
        with contextlib.suppress(SSL.WantReadError):
            while True:
                await self._ice.send(self._tls.bio_read(1500))

    def _check_fingerprint(self, told: str) -> None:
        peer = self._tls.get_peer_certificate(as_cryptography=True)
        if peer is None or told.upper() != f"SHA-256 {_fingerprint(peer)}":
            raise ConnectionError("the server has another certificate than its answer says")

    def _goodbye(self, data: bytes) -> None:
        self._tls.bio_write(data)
        try:
            self._tls.recv(1500)
        except SSL.ZeroReturnError:
            self.ended.set()
        except SSL.WantReadError:
            pass


@asynccontextmanager
async def raw_client(direction: Direction, negotiate: Negotiate, say: Sequence[bytes] = ()) -> AsyncIterator[RawClient]:
    """A connected client that says this round and round, or listens."""
    client = RawClient(direction)
    try:
        await client.connect(negotiate)
        tasks = [asyncio.create_task(client.listen())]
        if say:
            tasks.append(asyncio.create_task(client.say(say)))
        try:
            yield client
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await client.close()


def _payload(packet: bytes) -> bytes:
    """What an RTP packet carries (RFC 3550, section 5.1)."""
    at = _HEADER.size + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        at += 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")
    end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
    return packet[at:end]


def _value(sdp: str, name: str) -> str:
    found = re.search(rf"^a={name}:(.*?)\r$", sdp, re.MULTILINE)
    assert found is not None, f"the answer has no {name}"
    return found[1]


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "raw")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    return builder.sign(key, hashes.SHA256())
