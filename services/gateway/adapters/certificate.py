"""TLS of the gateway itself: a certificate in files that are renewed while it is served."""

from __future__ import annotations

import asyncio
import logging
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from prometheus_client import Gauge

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 5.0
_EXPIRES: Final = Gauge("rostrum_gateway_certificate_expires", "When the served certificate expires, in Unix seconds")

_Seen = tuple[tuple[int, int, int], ...]


class Certificate:
    """A chain of certificates and its private key, both PEM; `key` may be the same file.

    Connections that are open keep the certificate that they began with; later ones get what the files hold by then.
    Raises ValueError where the files hold no certificate and its key.
    """

    def __init__(self, chain: Path, key: Path | None) -> None:
        self._chain = chain
        self._key = key or chain
        self.context = _context()
        """What servers take."""
        self._seen = self._files()
        self._load()

    async def run(self) -> None:
        """Serve what the files hold, for ever. Files that cannot be used are reported, and change nothing."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Load the files again if they changed."""
        try:
            seen = self._files()
            if seen == self._seen:
                return
            self._load()
        except ValueError as error:
            # The key may be written a moment after the certificate, so the files are tried again.
            _log.error("the renewed certificate cannot be used; the one before is still served: %s", error)
            return
        self._seen = seen
        _log.info("the renewed certificate is served")

    def _files(self) -> _Seen:
        try:
            stats = [path.stat() for path in (self._chain, self._key)]
        except OSError as error:
            raise ValueError(f"{error.filename} cannot be read: {error.strerror}") from error
        return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)

    def _load(self) -> None:
        try:
            # First into another context: a pair that does not fit leaves the certificate without its key.
            _context().load_cert_chain(self._chain, self._key, password=_no_password)
            expires = x509.load_pem_x509_certificates(self._chain.read_bytes())[0].not_valid_after_utc
            self.context.load_cert_chain(self._chain, self._key, password=_no_password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            files = f"{self._chain} and {self._key}" if self._key != self._chain else f"{self._chain}"
            raise ValueError(f"{files} hold no certificate and its key: {error}") from error
        if expires < datetime.now(UTC):
            _log.warning("the certificate in %s expired at %s", self._chain, expires.isoformat())
        _EXPIRES.set(expires.timestamp())


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _no_password() -> str:
    """OpenSSL would ask for it at the terminal."""
    raise ValueError("the key has a passphrase; give one without")
