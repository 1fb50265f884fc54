"""DTLS handshakes that yield SRTP keys (RFC 5764); somebody else sends and receives the datagrams.

We are the passive side wherever the offer lets us; FFmpeg's publisher insists on being it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, RTCCertificate
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from OpenSSL import SSL, crypto

from services.media.adapters.farewell import Farewell, farewell

MTU: Final = 1200
_RECORD_HEADER: Final = 13
_FLIGHT: Final = 4096
"""Bytes, enough for any usual flight."""
_DIGESTS: Final = {"sha-256": hashlib.sha256, "sha-384": hashlib.sha384, "sha-512": hashlib.sha512}
_EXPORTER: Final = b"EXTRACTOR-dtls_srtp"
_PROFILES: Final = (SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80)
"""The best first; FFmpeg's publisher knows only the second."""


class HandshakeFailed(Exception):
    """The peer spoke no acceptable DTLS, or has another certificate than its offer said.

    `datagrams` tell the peer that it is over.
    """

    def __init__(self, why: str, datagrams: Sequence[bytes] = ()) -> None:
        super().__init__(f"DTLS: {why}")
        self.datagrams = tuple(datagrams)


class SrtpKeys(NamedTuple):
    """Master key and salt of both directions."""

    receive: bytes
    """For what the peer sends."""
    send: bytes
    """For what is sent to the peer."""


class Certificate:
    """The node's certificate, made at every start, and the SSL context that all handshakes share."""

    def __init__(self) -> None:
        certificate = RTCCertificate.generateCertificate()
        self.context = certificate._create_ssl_context(srtp_profiles=list(_PROFILES))
        # Nobody resumes a session of DTLS-SRTP: OpenSSL would keep each for five minutes, with the peer's certificate.
        self.context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self.context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        sha256 = next(item for item in certificate.getFingerprints() if item.algorithm == "sha-256")
        self.fingerprint = f"{sha256.algorithm} {sha256.value}"
        """The value of `a=fingerprint`."""


class Handshake:
    """One handshake. Feed it datagrams and send what it returns; `keys` is set when it is done.

    It holds about 90 KiB in OpenSSL: drop it when the peer has certainly received the last flight.
    """

    def __init__(
        self, certificate: Certificate, fingerprints: Sequence[tuple[str, str]], *, active: bool = False
    ) -> None:
        self._ssl = SSL.Connection(certificate.context)
        self._ssl.set_ciphertext_mtu(MTU)
        self._active = active
        if active:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()
        self._fingerprints = tuple(fingerprints)
        self.keys: SrtpKeys | None = None
        self.ended = False
        """The peer said that it is over (close_notify, or a fatal alert)."""

    def begin(self) -> list[bytes]:
        """Return the active side's first flight. Raises HandshakeFailed."""
        return self._step()

    def datagram(self, data: bytes) -> list[bytes]:
        """Take one datagram; return those to send. Raises HandshakeFailed."""
        self._ssl.bio_write(data)
        datagrams = self._step() if self.keys is None else []
        if self.keys is not None:
            # Repetitions of the last flight are answered by OpenSSL while reading. Nobody wants application data.
            with contextlib.suppress(SSL.Error):
                while True:
                    self._ssl.recv(MTU)
            self.ended = bool(self._ssl.get_shutdown() & SSL.RECEIVED_SHUTDOWN)
            datagrams += self._outgoing()
        return datagrams

    def _step(self) -> list[bytes]:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return self._outgoing()
        except SSL.Error as error:
            raise HandshakeFailed(self._explain(error), self._outgoing()) from error
        try:
            self._verify()
            self._export()
        except HandshakeFailed as error:
            # The peer finishes with the last flight, and reads the goodbye after it.
            error.datagrams = (*self._outgoing(), *self.goodbye())
            raise
        return self._outgoing()

    def goodbye(self) -> tuple[bytes, ...]:
        """Seal close_notify, for now or for later; nothing else may be sent after it."""
        with contextlib.suppress(SSL.Error):  # not during the handshake
            self._ssl.shutdown()
        return tuple(self._outgoing())

    def farewell(self) -> Farewell:
        """What is to be kept of it, whose `sealed` is the goodbye."""
        return farewell(self._ssl, self.goodbye(), active=self._active)

    def _explain(self, error: SSL.Error) -> str:
        """What went wrong; of a certificate that OpenSSL does not take, also what to do."""
        certificate = self._ssl.get_peer_certificate()
        key = None if certificate is None else certificate.to_cryptography().public_key()
        if "wrong curve" not in str(error) or not isinstance(key, EllipticCurvePublicKey):
            return str(error)
        return (
            f"the client's certificate is on the curve {key.curve.name}, which OpenSSL takes no more (RFC 8422); "
            "the client must use one on secp256r1, in FFmpeg with the options cert_file and key_file"
        )

    def timeout(self) -> float | None:
        """Seconds until `repeat` is due, or None."""
        return None if self.keys is not None else self._ssl.DTLSv1_get_timeout()

    def repeat(self) -> list[bytes]:
        """Return the last flight again, if it is due. Raises HandshakeFailed after too many."""
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise HandshakeFailed(str(error)) from error
        return self._outgoing()

    def _outgoing(self) -> list[bytes]:
        parts: list[bytes] = []
        try:
            while not parts or len(parts[-1]) == _FLIGHT:
                parts.append(self._ssl.bio_read(_FLIGHT))
        except SSL.WantReadError:
            pass
        return _datagrams(b"".join(parts))

    def _verify(self) -> None:
        """Check that one of the fingerprints is the certificate's (RFC 8122, section 5)."""
        certificate = self._ssl.get_peer_certificate()
        if certificate is None:
            raise HandshakeFailed("the peer has no certificate")
        encoded = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
        algorithms = sorted({algorithm for algorithm, _ in self._fingerprints})
        digests = {algorithm: _DIGESTS[algorithm](encoded).hexdigest() for algorithm in algorithms}
        for algorithm, value in self._fingerprints:
            if value.replace(":", "").lower() == digests[algorithm]:
                return
        raise HandshakeFailed(f"the certificate is not the one whose {' or '.join(algorithms)} stands in the offer")

    def _export(self) -> None:
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((known for known in _PROFILES if known.openssl_profile == chosen), None)
        if profile is None:
            names = " nor ".join(known.openssl_profile.decode() for known in _PROFILES)
            raise HandshakeFailed(f"the peer does neither {names}")
        material = self._ssl.export_keying_material(_EXPORTER, 2 * (profile.key_length + profile.salt_length))
        client, server = profile.get_key_and_salt(material, 0), profile.get_key_and_salt(material, 1)
        receive, send = (server, client) if self._active else (client, server)
        self.keys = SrtpKeys(receive=receive, send=send)


def _datagrams(data: bytes) -> list[bytes]:
    """Pack records into datagrams of at most MTU bytes; the memory BIO does not keep their boundaries."""
    result: list[bytes] = []
    current = b""
    while data:
        length = _RECORD_HEADER + int.from_bytes(data[11:13], "big") if len(data) >= _RECORD_HEADER else len(data)
        record, data = data[:length], data[length:]
        if current and len(current) + len(record) > MTU:
            result.append(current)
            current = b""
        current += record
    if current:
        result.append(current)
    return result
