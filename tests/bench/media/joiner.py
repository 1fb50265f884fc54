"""Listeners that join with everything a join takes; `python -m tests.bench.media.joiner URL SPACE JOINS PER_SECOND`.

Each one posts an offer, does ICE and DTLS, and waits for the first audio packet, which it decrypts. Prints `{}` when it
could begin, and waits for a line; then one line of JSON: milliseconds from the POST to that packet of each join, and
how many failed. Joins begin at their time whether earlier ones are done or not. The end of the input ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import secrets
import sys
from typing import Any, Final
from urllib.parse import urlsplit

import pylibsrtp
from aioice import stun
from aiortc import RTCPeerConnection
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, RTCCertificate
from OpenSSL import SSL

WITHIN: Final = 10.0
_PROFILE: Final = SRTP_AEAD_AES_128_GCM
_EXPORTER: Final = b"EXTRACTOR-dtls_srtp"


class _Http:
    """POST over connections that are kept."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, path: str, body: str) -> str:
        """The body of a 201 answer. Raises ConnectionError for another."""
        reader, writer = (
            self._idle.pop() if self._idle else await asyncio.open_connection(self._url.hostname, self._url.port)
        )
        head = f"POST {path} HTTP/1.1\r\nhost: rostrum\r\ncontent-type: application/sdp\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", answer, re.IGNORECASE)
        text = (await reader.readexactly(int(length[1]))).decode() if length else ""
        self._idle.append((reader, writer))
        if not answer.startswith("HTTP/1.1 201"):
            raise ConnectionError(f"{answer.splitlines()[0]}: {text[:200]}")
        return text


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, _: Any) -> None:
        if self.waiting.qsize() < 50:
            self.waiting.put_nowait(data)


def _after(sdp: str, name: str) -> str:
    return sdp.partition(f"a={name}:")[2].partition("\r\n")[0]


class Joiner:
    """Joins a Space again and again, each time as somebody new; one certificate for all."""

    def __init__(self, url: str, space_id: str, offer: str, context: SSL.Context) -> None:
        self._http = _Http(url)
        self._path = f"/v1/spaces/{space_id}/whep"
        self._offer = offer
        self._context = context
        self._open: list[asyncio.DatagramTransport] = []
        # Everybody has an address of their own: a port that an earlier crowd left would still be theirs at the server.
        self._addresses = (f"127.{64 + os.getpid() % 128}.{n // 250}.{n % 250 + 1}" for n in itertools.count())

    async def join(self) -> float:
        """Milliseconds from the POST to the first audio. Raises OSError, TimeoutError."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        ufrag, pwd = secrets.token_hex(4), secrets.token_hex(12)
        offer = re.sub(r"a=ice-ufrag:\S+", f"a=ice-ufrag:{ufrag}", self._offer)
        answer = await self._http.post(self._path, re.sub(r"a=ice-pwd:\S+", f"a=ice-pwd:{pwd}", offer))
        candidate = _after(answer, "candidate").split()
        transport, protocol = await loop.create_datagram_endpoint(
            _Datagrams, remote_addr=(candidate[4], int(candidate[5])), local_addr=(next(self._addresses), 0)
        )
        self._open.append(transport)
        stage = "ICE"
        try:
            async with asyncio.timeout(WITHIN):
                check = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
                check.attributes["USERNAME"] = f"{_after(answer, 'ice-ufrag')}:{ufrag}"
                check.attributes["PRIORITY"] = 1
                check.attributes["ICE-CONTROLLING"] = 1
                check.attributes["USE-CANDIDATE"] = None
                check.add_message_integrity(_after(answer, "ice-pwd").encode())
                check.add_fingerprint()
                await _checked(transport, protocol, bytes(check))
                stage = "DTLS"
                session = await self._handshake(transport, protocol)
                stage = "audio"
                packet = await _kind(protocol, range(128, 192))
                while 192 <= packet[1] <= 223:
                    packet = await _kind(protocol, range(128, 192))
                session.unprotect(packet)
        except TimeoutError as error:
            raise TimeoutError(f"no {stage} within {WITHIN} s") from error
        return (loop.time() - began) * 1000

    async def _handshake(self, transport: asyncio.DatagramTransport, protocol: _Datagrams) -> pylibsrtp.Session:
        ssl = SSL.Connection(self._context)
        ssl.set_ciphertext_mtu(1200)
        ssl.set_connect_state()
        done = False
        while not done:
            try:
                ssl.do_handshake()
                done = True
            except SSL.WantReadError:
                pass
            with contextlib.suppress(SSL.WantReadError):
                while True:
                    transport.sendto(ssl.bio_read(1500))
            if not done:
                try:
                    async with asyncio.timeout(ssl.DTLSv1_get_timeout()):
                        ssl.bio_write(await _kind(protocol, range(20, 64)))
                except TimeoutError:
                    ssl.DTLSv1_handle_timeout()
        material = ssl.export_keying_material(_EXPORTER, 2 * (_PROFILE.key_length + _PROFILE.salt_length))
        key = _PROFILE.get_key_and_salt(material, 1)
        profile = _PROFILE.libsrtp_profile
        return pylibsrtp.Session(
            pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
        )

    def close(self) -> None:
        """Closes every socket; the server notices by itself."""
        for transport in self._open:
            transport.close()


async def _kind(protocol: _Datagrams, first: range) -> bytes:
    """The next datagram whose first byte is in the range; what else comes is dropped, as on any network."""
    while True:
        data = await protocol.waiting.get()
        if data[0] in first:
            return data


async def _checked(transport: asyncio.DatagramTransport, protocol: _Datagrams, request: bytes) -> None:
    """Sends the check until it is answered, as clients do."""
    while True:
        transport.sendto(request)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await _kind(protocol, range(4))
                return


async def _offer() -> tuple[str, SSL.Context]:
    """An offer of aiortc for three slots, and the SSL context of its certificate."""
    certificate = RTCCertificate.generateCertificate()
    pc = RTCPeerConnection()
    for _ in range(3):
        pc.addTransceiver("audio", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    sdp = pc.localDescription.sdp
    await pc.close()
    lines = [line for line in sdp.split("\r\n") if not line.startswith(("a=fingerprint:", "a=candidate:"))]
    prints = [f"a=fingerprint:{item.algorithm} {item.value}" for item in certificate.getFingerprints()]
    sdp = "\r\n".join(part for line in lines for part in ([*prints, line] if line.startswith("a=setup:") else [line]))
    return sdp, certificate._create_ssl_context(srtp_profiles=[_PROFILE])


async def main(url: str, space_id: str, joins: int, per_second: float) -> None:
    """Joins at their times."""
    joiner = Joiner(url, space_id, *await _offer())
    loop = asyncio.get_running_loop()
    print("{}", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began = loop.time()
    tasks = []
    for number in range(joins):
        await asyncio.sleep(began + number / per_second - loop.time())
        tasks.append(asyncio.create_task(joiner.join()))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    took = [round(result, 2) for result in results if isinstance(result, float)]
    seconds = loop.time() - began
    print(json.dumps({"ms": took, "failed": len(failed), "seconds": seconds, "why": repr(failed[:1])}), flush=True)
    # Who asks wants to look at the server while everybody is still there.
    await asyncio.to_thread(sys.stdin.readline)
    joiner.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
