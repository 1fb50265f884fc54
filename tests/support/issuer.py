"""An issuer of tokens for tests: its keys, and the tokens it signs."""

from __future__ import annotations

import base64
import json
import time
import warnings
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, OKPKey, RSAKey

ISSUER: Final = "https://issuer.example"
AUDIENCE: Final = "rostrum-example"


def encoded(data: bytes | str | dict[str, Any]) -> str:
    """Base64url without padding; of an object, its JSON."""
    raw = json.dumps(data).encode() if isinstance(data, dict) else data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class SigningKey:
    """A key of the issuer. Signs with nothing of the code that verifies."""

    def __init__(self, kind: str = "Ed25519", id: str | None = "key-1", bits: int = 2048) -> None:
        self.id = id
        self.key: RSAKey | ECKey | OKPKey
        match kind:
            case "RSA":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of a key that is meant to be short
                    self.key, self.algorithm = RSAKey.generate_key(bits), "RS256"
            case "Ed25519":
                self.key, self.algorithm = OKPKey.generate_key("Ed25519"), "EdDSA"
            case curve:
                sizes = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "secp256k1": "ES256K"}
                self.key, self.algorithm = ECKey.generate_key(curve), sizes[curve]

    @property
    def public(self) -> dict[str, Any]:
        """As it stands in a JWK Set."""
        made: dict[str, Any] = dict(self.key.as_dict(private=False))
        made.pop("kid", None)
        return made if self.id is None else made | {"kid": self.id}

    def signed(self, header: str, payload: str) -> str:
        """A compact token of two encoded parts."""
        text = f"{header}.{payload}".encode()
        private = self.key.private_key
        if isinstance(private, Ed25519PrivateKey):
            signature = private.sign(text)
        elif isinstance(private, EllipticCurvePrivateKey):
            by_size = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
            numbers = decode_dss_signature(private.sign(text, ec.ECDSA(by_size[private.key_size])))
            length = (private.key_size + 7) // 8
            signature = b"".join(number.to_bytes(length, "big") for number in numbers)
        else:
            assert isinstance(private, RSAPrivateKey)
            how = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if self.algorithm == "PS256" else padding.PKCS1v15()
            signature = private.sign(text, how, hashes.SHA256())
        return f"{header}.{payload}.{encoded(signature)}"

    def token(self, claims: dict[str, Any] | bytes | None = None, **header: Any) -> str:
        """A token; `header` replaces what would be in its header, None leaves it out."""
        said = {"alg": self.algorithm, "typ": "JWT", "kid": self.id} | header
        said = {name: value for name, value in said.items() if value is not None}
        body = encoded(good_claims() if claims is None else claims)
        return self.signed(encoded(said), body)


def good_claims(**changed: Any) -> dict[str, Any]:
    """Claims that are taken; None leaves one out."""
    now = int(time.time())
    made: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u-17", "iat": now, "exp": now + 600}
    return {name: value for name, value in (made | changed).items() if value is not None}


def key_set(*keys: SigningKey) -> bytes:
    """The JWK Set of keys."""
    return json.dumps({"keys": [key.public for key in keys]}).encode()
