"""The passive side of DTLS against a real client, with datagrams lost and strangers' certificates."""

from __future__ import annotations

import contextlib
import time

import pytest
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    SRTPProtectionProfile,
    generate_certificate,
)
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from services.media.adapters.dtls import MTU, Certificate, Handshake, HandshakeFailed
from tests.support.waiting import pace

NODE = Certificate()


class Client:
    """The active side, as a browser is."""

    def __init__(
        self,
        *profiles: SRTPProtectionProfile,
        passive: bool = False,
        key: ec.EllipticCurvePrivateKey | None = None,
        certificate: RTCCertificate | None = None,
        cipher: str | None = None,
    ) -> None:
        self.profiles = profiles or (SRTP_AEAD_AES_128_GCM,)
        self.passive = passive
        if key is not None:
            certificate = RTCCertificate(key=key, cert=generate_certificate(key))
        self.certificate = certificate or RTCCertificate.generateCertificate()
        context = self.certificate._create_ssl_context(srtp_profiles=list(self.profiles))
        if cipher is not None:
            context.set_cipher_list(cipher.encode())
        self.ssl = SSL.Connection(context)
        if passive:
            self.ssl.set_accept_state()
        else:
            self.ssl.set_connect_state()

    @property
    def fingerprints(self) -> list[tuple[str, str]]:
        return [(print_.algorithm, print_.value) for print_ in self.certificate.getFingerprints()]

    def step(self, *datagrams: bytes) -> list[bytes]:
        for datagram in datagrams:
            self.ssl.bio_write(datagram)
        with contextlib.suppress(SSL.WantReadError):
            self.ssl.do_handshake()
        try:
            return [self.ssl.bio_read(65_536)]
        except SSL.WantReadError:
            return []

    def again(self) -> Client:
        """The same client in another connection."""
        return Client(*self.profiles, passive=self.passive, certificate=self.certificate)

    def raises(self, *datagrams: bytes) -> None:
        """Take datagrams that end the handshake."""
        for datagram in datagrams:
            self.ssl.bio_write(datagram)
            self.ssl.do_handshake()

    def is_told(self) -> bool:
        """Whether the other side said goodbye."""
        try:
            self.ssl.recv(1500)
        except SSL.ZeroReturnError:
            return True
        except SSL.WantReadError:
            pass
        return False

    def keys(self) -> tuple[bytes, bytes]:
        """Of what this side sends, and of what it receives."""
        profile = next(p for p in self.profiles if p.openssl_profile == self.ssl.get_selected_srtp_profile())
        length = 2 * (profile.key_length + profile.salt_length)
        material = self.ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", length)
        client, server = profile.get_key_and_salt(material, 0), profile.get_key_and_salt(material, 1)
        return (server, client) if self.passive else (client, server)


def shake(client: Client, handshake: Handshake) -> None:
    """Everything arrives."""
    to_server = client.step(*handshake.begin()) if client.passive else client.step()
    for _ in range(10):
        to_client = [out for datagram in to_server for out in handshake.datagram(datagram)]
        assert all(len(datagram) <= MTU for datagram in to_client)
        to_server = client.step(*to_client)
        if handshake.keys is not None and not to_server:
            return


def test_both_sides_get_the_same_keys() -> None:
    client = Client()
    handshake = Handshake(NODE, client.fingerprints)
    shake(client, handshake)
    assert handshake.keys == client.keys()
    assert [len(key) for key in handshake.keys] == [28, 28]
    assert handshake.timeout() is None


def test_no_two_handshakes_give_the_same_keys_so_that_no_nonce_is_used_twice_also_after_a_restart() -> None:
    """A nonce is (key, SSRC, index): indices begin anew with every session, so keys must be its own. Nothing of a key
    outlives its session: both sides add fresh randomness, and tickets, which could resume one, are off."""
    client = Client()
    seen: set[bytes] = set()
    for node in (NODE, NODE, Certificate()):  # the last one as after a restart
        again = Client()
        again.certificate = client.certificate
        again.ssl = SSL.Connection(client.certificate._create_ssl_context(srtp_profiles=list(client.profiles)))
        again.ssl.set_connect_state()
        handshake = Handshake(node, client.fingerprints)
        shake(again, handshake)
        assert handshake.keys is not None
        seen |= set(handshake.keys)
    assert len(seen) == 6


async def test_a_lost_flight_is_sent_again() -> None:
    client = Client()
    handshake = Handshake(NODE, client.fingerprints)
    (hello,) = client.step()
    lost = handshake.datagram(hello)
    assert lost
    due = handshake.timeout()
    assert due is not None
    assert 0 < due <= 1.0
    await pace(time.monotonic() + due + 0.05)  # OpenSSL looks at the clock itself
    again = handshake.repeat()
    assert again
    finished = [out for datagram in client.step(*again) for out in handshake.datagram(datagram)]
    # The server's last flight is lost too: the client repeats its own, and gets it again.
    assert handshake.keys is not None
    assert finished
    wait = client.ssl.DTLSv1_get_timeout()
    assert wait is not None
    await pace(time.monotonic() + wait + 0.05)
    client.ssl.DTLSv1_handle_timeout()
    repeated = client.ssl.bio_read(65_536)
    client.step(*handshake.datagram(repeated))
    assert handshake.keys == client.keys()


def test_a_certificate_of_somebody_else_is_refused_and_its_owner_is_told() -> None:
    client, somebody = Client(), Client()
    with pytest.raises(HandshakeFailed, match="offer") as failed:
        shake(client, Handshake(NODE, somebody.fingerprints))
    client.step(*failed.value.datagrams)
    assert client.is_told()


def test_one_of_several_fingerprints_is_enough() -> None:
    client, somebody = Client(), Client()
    for prints in (
        [*somebody.fingerprints, *client.fingerprints],
        [*client.fingerprints, *somebody.fingerprints],
    ):
        again = client.again()
        handshake = Handshake(NODE, [item for item in prints if item[0] == "sha-256"])
        shake(again, handshake)
        assert handshake.keys == again.keys()
    with pytest.raises(HandshakeFailed, match="sha-256"):
        shake(client.again(), Handshake(NODE, [item for item in somebody.fingerprints if item[0] == "sha-256"] * 2))


@pytest.mark.parametrize(
    "curve", [ec.SECP224R1(), ec.SECP256K1(), ec.BrainpoolP256R1()], ids=lambda curve: str(curve.name)
)
def test_a_certificate_on_a_curve_that_openssl_does_not_take_is_refused_with_what_to_do(
    curve: ec.EllipticCurve,
) -> None:
    """FFmpeg with GnuTLS makes itself one on secp224r1; OpenSSL 4 has neither that curve nor a setting for it."""
    client = Client(key=ec.generate_private_key(curve))
    with pytest.raises(HandshakeFailed, match=rf"curve {curve.name}.*secp256r1.*cert_file") as failed:
        shake(client, Handshake(NODE, client.fingerprints))
    with pytest.raises(SSL.Error, match="alert"):
        client.raises(*failed.value.datagrams)


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: str(curve.name))
def test_certificates_on_other_curves_of_rfc_8422_are_taken(curve: ec.EllipticCurve) -> None:
    client = Client(key=ec.generate_private_key(curve))
    handshake = Handshake(NODE, client.fingerprints)
    shake(client, handshake)
    assert handshake.keys == client.keys()


@pytest.mark.parametrize("passive", [False, True])
@pytest.mark.parametrize(
    ("profiles", "length"),
    [
        ((SRTP_AES128_CM_SHA1_80,), 30),
        ((SRTP_AES128_CM_SHA1_80, SRTP_AEAD_AES_128_GCM), 28),
        ((SRTP_AEAD_AES_256_GCM, SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80), 28),
    ],
)
def test_the_best_cipher_that_both_know_is_taken(
    profiles: tuple[SRTPProtectionProfile, ...], length: int, passive: bool
) -> None:
    client = Client(*profiles, passive=passive)
    handshake = Handshake(NODE, client.fingerprints, active=passive)
    shake(client, handshake)
    assert handshake.keys == client.keys()
    if not passive:  # a passive peer chooses by its own order
        assert [len(key) for key in handshake.keys] == [length, length]


def test_a_client_without_our_ciphers_is_refused() -> None:
    client = Client(SRTP_AEAD_AES_256_GCM)
    with pytest.raises(HandshakeFailed, match="AEAD_AES_128_GCM") as failed:
        shake(client, Handshake(NODE, client.fingerprints))
    client.step(*failed.value.datagrams)
    assert client.is_told()


@pytest.mark.parametrize(
    "junk", [b"\x16", b"\x16\xfe\xfd" + bytes(10) + b"\xff", bytes(1200), b"\x15\xfe\xfd" + bytes(12)]
)
def test_junk_neither_ends_nor_finishes_a_handshake(junk: bytes) -> None:
    client = Client()
    handshake = Handshake(NODE, client.fingerprints)
    assert handshake.datagram(junk) == []
    shake(client, handshake)
    assert handshake.keys == client.keys()


@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
def test_a_goodbye_is_sealed_early_and_opened_late(passive: bool) -> None:
    client = Client(passive=passive)
    handshake = Handshake(NODE, client.fingerprints, active=passive)
    shake(client, handshake)
    (goodbye,) = handshake.farewell().sealed
    del handshake
    assert len(goodbye) < 100, "all of it that is kept for this"
    assert not client.is_told()
    client.ssl.bio_write(goodbye)
    assert client.is_told()


def test_there_is_no_goodbye_before_there_are_keys() -> None:
    client = Client()
    handshake = Handshake(NODE, client.fingerprints)
    assert handshake.goodbye() == ()
    assert handshake.datagram(client.step()[0])
    assert handshake.goodbye() == ()


def test_a_goodbye_is_noticed() -> None:
    client = Client()
    handshake = Handshake(NODE, client.fingerprints)
    shake(client, handshake)
    client.ssl.shutdown()
    handshake.datagram(client.ssl.bio_read(65_536))
    assert handshake.ended


def test_a_goodbye_that_comes_with_the_last_flight_is_noticed() -> None:
    client = Client(passive=True)
    handshake = Handshake(NODE, client.fingerprints, active=True)
    to_server = client.step(*handshake.begin())
    while handshake.keys is None:
        to_client = handshake.datagram(b"".join(to_server))
        to_server = client.step(*to_client)
        with contextlib.suppress(SSL.Error):  # not before its handshake is done
            client.ssl.shutdown()
            to_server.append(client.ssl.bio_read(65_536))
    assert handshake.ended


def test_no_words_of_a_client_pile_up() -> None:
    client = Client()
    handshake = Handshake(NODE, client.fingerprints)
    shake(client, handshake)
    for _ in range(3):
        for word in (b"one", b"two", b"three"):
            client.ssl.send(word)
        handshake.datagram(client.ssl.bio_read(65_536))
    client.ssl.shutdown()
    handshake.datagram(client.ssl.bio_read(65_536))
    assert handshake.ended


CIPHERS = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"]


@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_goodbye_is_understood_when_nothing_else_of_the_handshake_is_kept(passive: bool, cipher: str) -> None:
    client = Client(passive=passive, cipher=cipher)
    handshake = Handshake(NODE, client.fingerprints, active=passive)
    shake(client, handshake)
    farewell = handshake.farewell()
    client.ssl.send(b"something that nobody wants")
    words = client.ssl.bio_read(65_536)
    client.ssl.shutdown()
    goodbye = client.ssl.bio_read(65_536)
    assert farewell.is_said_in(goodbye)
    assert farewell.is_said_in(words + goodbye)
    assert not farewell.is_said_in(words)
    for at in range(len(goodbye)):
        forged = bytearray(goodbye)
        forged[at] ^= 1
        assert not farewell.is_said_in(bytes(forged)), at
        assert not farewell.is_said_in(goodbye[:at])
    other = Client(passive=passive, cipher=cipher)
    another = Handshake(NODE, other.fingerprints, active=passive)
    shake(other, another)
    assert not another.farewell().is_said_in(goodbye)
