"""DTLS on datagrams that somebody else carries, up to the SRTP keys (RFC 5764).

We are the passive side wherever the offer lets us; FFmpeg's publisher insists on being it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, RTCCertificate
from OpenSSL import SSL, crypto

MTU: Final = 1200
_RECORD_HEADER: Final = 13
_FLIGHT: Final = 4096
"""Bytes that hold any usual flight."""
_DIGESTS: Final = {"sha-256": hashlib.sha256, "sha-384": hashlib.sha384, "sha-512": hashlib.sha512}
_EXPORTER: Final = b"EXTRACTOR-dtls_srtp"
_PROFILES: Final = (SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80)
"""In the order of our preference; FFmpeg's publisher knows the second only."""


class HandshakeFailed(Exception):
    """The peer spoke no acceptable DTLS, or is not who its offer said."""


class Certificate:
    """The node's certificate, made anew at every start, with the one SSL context of all handshakes."""

    def __init__(self) -> None:
        certificate = RTCCertificate.generateCertificate()
        self.context = certificate._create_ssl_context(srtp_profiles=list(_PROFILES))
        # Nobody resumes a session of DTLS-SRTP: OpenSSL would keep each for five minutes, with the peer's certificate.
        self.context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self.context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        sha256 = next(item for item in certificate.getFingerprints() if item.algorithm == "sha-256")
        self.fingerprint = f"{sha256.algorithm} {sha256.value}"
        """As it stands in `a=fingerprint`."""


class Handshake:
    """One handshake. Feed it datagrams, send what it returns; `keys` is there when it is done.

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
        self.keys: tuple[bytes, bytes] | None = None
        """Master key and salt of what the peer sends, and of what is sent to it."""
        self.ended = False
        """The peer said goodbye (close_notify)."""

    def begin(self) -> list[bytes]:
        """The active side's first flight. Raises HandshakeFailed."""
        return self._step()

    def datagram(self, data: bytes) -> list[bytes]:
        """Takes one datagram; returns those to send. Raises HandshakeFailed."""
        self._ssl.bio_write(data)
        if self.keys is not None:
            # Repetitions of the last flight are answered by OpenSSL while reading; there is no application data.
            try:
                self._ssl.recv(MTU)
            except SSL.ZeroReturnError:
                self.ended = True
            except SSL.Error:
                pass
            return self._outgoing()
        return self._step()

    def _step(self) -> list[bytes]:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return self._outgoing()
        except SSL.Error as error:
            raise HandshakeFailed(f"DTLS: {error}") from error
        self._verify()
        self._export()
        return self._outgoing()

    def timeout(self) -> float | None:
        """Seconds until `repeat` is due, or None."""
        return None if self.keys is not None else self._ssl.DTLSv1_get_timeout()

    def repeat(self) -> list[bytes]:
        """The last flight again, when its time has come. Raises HandshakeFailed after too many."""
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise HandshakeFailed(f"DTLS: {error}") from error
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
        """Every fingerprint of the offer must be the certificate's (RFC 8122, section 5)."""
        certificate = self._ssl.get_peer_certificate()
        if certificate is None:
            raise HandshakeFailed("DTLS: the peer has no certificate")
        encoded = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
        for algorithm, value in self._fingerprints:
            if value.replace(":", "").upper() != _DIGESTS[algorithm](encoded).hexdigest().upper():
                raise HandshakeFailed(f"DTLS: the certificate is not the one whose {algorithm} stands in the offer")

    def _export(self) -> None:
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((known for known in _PROFILES if known.openssl_profile == chosen), None)
        if profile is None:
            names = " nor ".join(known.openssl_profile.decode() for known in _PROFILES)
            raise HandshakeFailed(f"DTLS: the peer does neither {names}")
        material = self._ssl.export_keying_material(_EXPORTER, 2 * (profile.key_length + profile.salt_length))
        client, server = profile.get_key_and_salt(material, 0), profile.get_key_and_salt(material, 1)
        self.keys = (server, client) if self._active else (client, server)


def _datagrams(data: bytes) -> list[bytes]:
    """Packs records into datagrams of at most MTU bytes; the memory BIO does not keep their borders."""
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
