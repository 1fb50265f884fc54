"""The public address: its certificate, and whether requests to it arrive at this gateway."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import SplitResult, urlsplit

import certifi
import httpx
from cryptography import x509

from infra.doctor.findings import Finding, bad, good, words_of, worth_knowing
from infra.doctor.situation import Situation
from services.gateway.adapters.certificate import Certificate

_SOON: Final = timedelta(days=14)
_SECONDS: Final = 5.0
_STATUS: Final = re.compile(r'"status": ?"ready"|urn:rostrum:problem:unavailable')


async def certificate(situation: Situation) -> Finding | None:
    """The certificate with which the gateway serves HTTPS itself, or the one that the public address shows."""
    public = _public(situation)
    settings = situation.gateway
    if settings.certificate is not None:
        try:
            Certificate(settings.certificate, settings.certificate_key)
            shown = x509.load_pem_x509_certificates(settings.certificate.read_bytes())[0]
        except ValueError as error:
            return bad(str(error), "name a chain of certificates in PEM, and its key without a passphrase")
        where = str(settings.certificate)
        if public is not None and not _names(shown, public.hostname or ""):
            return bad(f"{where} is not for {public.hostname}", "get a certificate for that name")
        return _judged(where, shown)
    if public is None or public.scheme != "https":
        return None
    where = f"{public.hostname}:{public.port or 443}"
    try:
        shown = await _shown(public)
    except ssl.SSLCertVerificationError as error:
        return bad(
            f"{where} shows a certificate that browsers refuse: {error.verify_message}",
            "have the proxy send the whole chain of a certificate for this name; of an authority of your own, name it "
            "in SSL_CERT_FILE",
        )
    except (OSError, TimeoutError) as error:
        return bad(
            f"{where} does not answer with TLS: {words_of(error)}",
            "start the proxy, point DNS at this machine, and open the port in the firewall (docs/public.md)",
        )
    return _judged(where, shown)


async def address(situation: Situation) -> Finding | None:
    """A request to the public address arrives at the gateway that runs here."""
    public = _public(situation)
    if public is None:
        return None
    url = f"{public.geturl()}/readyz"
    if situation.running is None:
        return worth_knowing(
            f"{public.geturl()} was not asked: nothing runs on {situation.var}", "run this again after `rostrum up`"
        )
    try:
        async with httpx.AsyncClient(verify=_context(), timeout=_SECONDS, trust_env=False) as client:
            answer = await client.get(url)
    except (httpx.HTTPError, OSError) as error:
        return bad(
            f"{url} cannot be reached from here: {words_of(error)}",
            "start the proxy and point DNS at it; a machine behind NAT may need its own name in /etc/hosts",
        )
    if answer.status_code not in (200, 503) or not _STATUS.search(answer.text):
        return bad(
            f"{url} answers {answer.status_code}, and not as Rostrum does",
            f"have the proxy pass every path to http://127.0.0.1:{situation.gateway.port}",
        )
    if answer.status_code == 503:
        return bad(f"{url} says what is missing: {answer.text[:300]}", "look into var/logs")
    return good(f"{public.geturl()} arrives here, and everything is ready")


def _public(situation: Situation) -> SplitResult | None:
    url = situation.gateway.public_url
    return None if url is None else urlsplit(url)


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def _shown(public: SplitResult) -> x509.Certificate:
    """What a browser is shown, verified. Raises ssl.SSLCertVerificationError, OSError, TimeoutError."""
    async with asyncio.timeout(_SECONDS):
        _, writer = await asyncio.open_connection(public.hostname, public.port or 443, ssl=_context())
    encoded = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return x509.load_der_x509_certificate(encoded)


def _names(certificate: x509.Certificate, host: str) -> bool:
    """Whether a certificate is for a host (RFC 9525, section 6.3)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    wildcard = "*." + host.partition(".")[2]
    of_dns = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    of_ip = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return bool({host.lower(), wildcard.lower()} & of_dns) or host in of_ip


def _judged(where: str, certificate: x509.Certificate) -> Finding:
    until = certificate.not_valid_after_utc
    left = until - datetime.now(UTC)
    if left < timedelta():
        return bad(f"{where}: the certificate expired on {until.date()}", "renew it")
    if left < _SOON:
        return worth_knowing(f"{where}: the certificate expires on {until.date()}", "see to it that it is renewed")
    return good(f"{where}: good until {until.date()}")
