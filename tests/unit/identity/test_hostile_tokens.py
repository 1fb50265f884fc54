"""Tokens of others: only its issuer's, for us, in time, and signed in a way that is its key's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import zlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from libs.identity import CheckedClaims, Fetched, FetchedKeys, IdentityError, Issuer, TokenRefused, read_compact
from libs.identity.compact import LONGEST
from libs.identity.key_set import read_keys
from tests.support.issuer import AUDIENCE, ISSUER, SigningKey, encoded, good_claims, key_set

KEYS = {kind: SigningKey(kind, f"key-{kind}") for kind in ("Ed25519", "P-256", "P-384", "P-521", "RSA")}
HERE = Issuer(ISSUER, frozenset({AUDIENCE}), frozenset({"their-app"}))


async def proven(token: str, *keys: SigningKey, now: float | None = None) -> CheckedClaims:
    async def fetch(tag: str | None) -> Fetched:
        return Fetched(key_set(*(keys or tuple(KEYS.values()))))

    known = FetchedKeys(fetch, time.monotonic)
    compact = read_compact(token)
    told = HERE.check(compact.claims(), time.time() if now is None else now)
    await known.signer(compact)
    return told


async def refused(token: str, *keys: SigningKey) -> str:
    with pytest.raises(TokenRefused) as no:
        await proven(token, *keys)
    return no.value.detail


@pytest.mark.parametrize("kind", KEYS)
async def test_a_token_of_each_kind_of_key_is_taken(kind: str) -> None:
    told = await proven(KEYS[kind].token())
    assert told.subject == "u-17"
    assert told.expires_at.timestamp() > time.time() + 500
    assert (await proven(KEYS[kind].token(typ=None))).subject == "u-17"
    assert (await proven(KEYS[kind].token(typ="at+jwt", cat="what we do not know"))).subject == "u-17"


async def test_ed25519_has_two_names_and_rsa_two_paddings() -> None:
    await proven(KEYS["Ed25519"].token(alg="Ed25519"))
    pss = SigningKey("RSA", "pss")
    pss.algorithm = "PS256"
    await proven(pss.token(), pss)


def forged_with_the_public_key() -> list[str]:
    """HS256, with whatever of an RSA key anybody knows as the secret."""
    made = []
    key = KEYS["RSA"].key.public_key
    for secret in (
        key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        json.dumps(KEYS["RSA"].public).encode(),
        b"",
    ):
        text = encoded({"alg": "HS256", "typ": "JWT", "kid": "key-RSA"}) + "." + encoded(good_claims())
        made.append(f"{text}.{encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}")
    return made


async def test_the_algorithm_is_the_keys_and_not_the_tokens() -> None:
    rsa, p256 = KEYS["RSA"], KEYS["P-256"]
    for forged in forged_with_the_public_key():
        assert "HS256" in await refused(forged)
    for algorithm in ("none", "None", "NONE", "nOnE", "HS512", "ES256K", "RSA1_5", "", "../etc"):
        header = encoded({"alg": algorithm, "kid": rsa.id})
        for signature in ("", encoded(b"x" * 64)):
            await refused(f"{header}.{encoded(good_claims())}.{signature}")
    for key, algorithm in ((rsa, "ES256"), (p256, "RS256"), (p256, "ES384"), (p256, "EdDSA"), (rsa, "EdDSA")):
        await refused(key.token(alg=algorithm))
        await refused(key.token(alg=algorithm, kid=None))
    await refused(SigningKey("P-256", "key-RSA").token())
    await refused(rsa.token(alg=["RS256"]))
    await refused(rsa.token(alg=None))


async def test_a_signature_is_of_this_token_and_of_this_key() -> None:
    for kind, key in KEYS.items():
        head, body, signature = key.token().split(".")
        other = encoded(good_claims(sub="u-18"))
        assert "not signed by its issuer" in await refused(f"{head}.{other}.{signature}"), kind
        await refused(f"{head}.{body}.")
        await refused(f"{head}.{body}.{signature[:-4]}")
        await refused(f"{head}.{body}.{encoded(bytes(64))}")
        await refused(f"{head}.{body}.{encoded(bytes(4096))}")
        assert "not signed by its issuer" in await refused(SigningKey(kind, key.id).token())


async def test_a_key_in_the_token_is_not_looked_at() -> None:
    theirs = SigningKey("Ed25519", "theirs")
    for named in ({"jwk": theirs.public}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/cert"}):
        assert "does not have" in await refused(theirs.token(**named))
        assert "not signed" in await refused(theirs.token(kid="key-Ed25519", **named))


@pytest.mark.parametrize(
    "id",
    [
        "../../etc/passwd",
        "key-RSA\u0000",
        "' OR 1=1 --",
        "a" * 257,
        "a" * 2000,
        "",
        7,
        ["key-RSA"],
        {"a": 1},
        True,
        "é",
    ],
)
async def test_a_key_id_is_a_name_among_others(id: Any) -> None:
    await refused(KEYS["RSA"].token(kid=id))


BEFORE, LATER = time.time() - 3600, time.time() + 3600


@pytest.mark.parametrize(
    ("claim", "values"),
    [
        ("iss", [None, "https://issuer.example/", "https://evil.example", "HTTPS://ISSUER.EXAMPLE", [ISSUER], 1, ""]),
        ("aud", [None, "other", ["other"], [], {"rostrum-example": 1}, [AUDIENCE, 1], 5, f"{AUDIENCE} ", True]),
        ("azp", ["evil", "", 1, [AUDIENCE], True]),
        ("sub", [None, "", "a" * 256, 17, ["u-17"], True, {}]),
        (
            "exp",
            [None, 0, -1, -(10**18), BEFORE, 253_402_300_800, 2**63, 1e300, "soon", str(int(LATER)), True, [LATER]],
        ),
        ("nbf", [LATER, 1e300, -1, "now", True, {}]),
        ("iat", [LATER, 2**63, -5, "then", False]),
        ("events", [{"http://schemas.openid.net/event/backchannel-logout": {}}]),
    ],
)
async def test_every_claim_counts(claim: str, values: list[Any]) -> None:
    for value in values:
        for key in (KEYS["Ed25519"], KEYS["RSA"]):
            detail = await refused(key.token(good_claims(**{claim: value})))
            assert detail.startswith(("The token", "This token")), detail


async def test_one_of_several_audiences_is_enough_and_listed_clients_are_taken() -> None:
    key = KEYS["Ed25519"]
    await proven(key.token(good_claims(aud=["x", AUDIENCE])))
    for party in (AUDIENCE, "their-app"):
        await proven(key.token(good_claims(azp=party)))


async def test_clocks_differ_by_a_minute_at_most() -> None:
    key, now = KEYS["Ed25519"], time.time()
    for good in ({"exp": now - 50}, {"nbf": now + 50}, {"iat": now + 50}):
        await proven(key.token(good_claims(**good)), now=now)
    for bad in ({"exp": now - 61}, {"nbf": now + 61}, {"iat": now + 61}):
        await refused(key.token(good_claims(**bad)))
    with pytest.raises(TokenRefused) as expired:
        await proven(key.token(good_claims(exp=now - 100)))
    assert expired.value.expired


async def test_json_that_can_be_read_in_two_ways_is_refused() -> None:
    key, good = KEYS["Ed25519"], json.dumps(good_claims())[1:-1]
    for text in (
        f'{{{good}, "sub": "admin"}}',
        f'{{"sub": "admin", {good}}}',
        f'{{{good}, "a": {{"b": 1, "b": 2}}}}',
        f'{{{good}, "nbf": NaN}}',
        f'{{{good}, "nbf": -Infinity}}',
        f'{{{good}, "nbf": 1e400}}',
        f'{{{good}, "nbf": {"1" * 5000}}}',
        f'{{{good}, "deep": {"[" * 3000}{"]" * 3000}}}',
        f"[{{{good}}}]",
        "null",
        "",
        '"eyJ"',
        f"{{{good}}} x",
        f'{{{good}, "preferred_username": "\\ud800"}}',
        f'{{{good}, "roles": [{{"\\udfff": 1}}]}}',
    ):
        await refused(key.token(text.encode()))
    await refused(key.token(b'{"sub": "\xff"}'))
    await proven(key.token(f'{{{good}, "name": "\\ud83d\\ude00"}}'.encode()))  # a whole letter in two halves
    twice = encoded(f'{{"alg": "none", "alg": "EdDSA", "kid": "{key.id}"}}')
    await refused(key.signed(twice, encoded(good_claims())))


async def test_what_is_encrypted_compressed_or_nested_is_refused() -> None:
    key = KEYS["Ed25519"]
    inner = key.token()
    packed = zlib.compress(b"0" * 1_000_000)
    await refused(key.token(inner.encode(), cty="JWT"))
    await refused(
        ".".join((encoded({"alg": "dir", "enc": "A128GCM", "zip": "DEF"}), "", "aaaa", encoded(packed), "aaaa"))
    )
    headers: tuple[dict[str, Any], ...] = (
        {"zip": "DEF"},
        {"enc": "A128GCM"},
        {"b64": False, "crit": ["b64"]},
        {"crit": ["exp"]},
        {"crit": []},
    )
    for header in headers:
        assert "header" in await refused(key.token(**header))
    for kind in ("logout+jwt", "application/secevent+jwt", "JOSE", 5):
        await refused(key.token(typ=kind))


async def test_a_token_is_written_in_one_way() -> None:
    for key in KEYS.values():
        token = key.token()
        for other in (
            token + "=",
            f" {token}",
            token + "\n",
            token.replace(".", ".\n", 1),
            token + ".",
            token[1:],
            "",
            ".",
        ):
            await refused(other)
        head, body, signature = token.split(".")
        last = signature[-1]
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        raw = base64.urlsafe_b64decode(signature + "==")
        same = [
            letter for letter in letters
            if letter != last and base64.urlsafe_b64decode(signature[:-1] + letter + "==") == raw
        ]  # fmt: skip
        for letter in same:
            await refused(f"{head}.{body}.{signature[:-1]}{letter}")


async def test_another_signature_of_the_same_words_does_not_make_another_token() -> None:
    """Who has a token of an elliptic curve can write down a second signature; revoked, both are."""
    key = KEYS["P-256"]
    token = key.token()
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    twin = f"{head}.{body}.{encoded(other)}"
    assert twin != token
    await proven(twin)
    assert read_compact(twin).id == read_compact(token).id


async def test_long_tokens_cost_nothing() -> None:
    key = KEYS["Ed25519"]
    long = key.token(good_claims(padding="x" * 1_000_000))
    began = time.process_time()
    for text in (long, "." * 1_000_000, "a" * 1_000_000, "é" * 100):
        await refused(text)
    assert time.process_time() - began < 1
    await proven(key.token(good_claims(padding="x" * (LONGEST * 3 // 4 - 400))))


# ---- keys -----------------------------------------------------------------------------------------------------------


def test_only_keys_that_may_verify_are_taken() -> None:
    good = SigningKey("P-256", "good").public
    rsa = KEYS["RSA"].public
    weak = SigningKey("RSA", "weak", bits=1024).public
    left_out: list[Any] = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"}, weak, good | {"use": "enc"}, good | {"key_ops": ["encrypt"]},
        good | {"key_ops": "verify"}, good | {"alg": "RS256"}, good | {"alg": "none"}, good | {"kid": 5},
        good | {"crv": "P-999"}, good | {"x": "AA"}, good | {"x": None}, {"kty": "RSA"}, {}, 5, None,
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, rsa | {"e": "AQ"}, rsa | {"n": 5},
        SigningKey("secp256k1", "k").public, {"kty": "OKP", "crv": "X25519", "x": "AA"},
    ]  # fmt: skip
    for one in left_out:
        keys = read_keys(json.dumps({"keys": [one, good]}).encode())
        assert [key.id for key in keys] == ["good"], one
    with pytest.raises(IdentityError, match="no public key"):
        read_keys(json.dumps({"keys": left_out}).encode())


def test_a_private_key_that_was_published_is_not_taken_in() -> None:
    key = SigningKey("RSA", "whole")
    (read,) = read_keys(json.dumps({"keys": [{**key.key.as_dict(private=True), "kid": "whole"}]}).encode())
    assert not read.key.is_private


def test_the_algorithm_of_a_key_is_its_only_one() -> None:
    (rsa,) = read_keys(json.dumps({"keys": [KEYS["RSA"].public | {"alg": "PS256"}]}).encode())
    assert rsa.algorithms == {"PS256"}
    (edwards,) = read_keys(json.dumps({"keys": [KEYS["Ed25519"].public | {"alg": "Ed25519"}]}).encode())
    assert edwards.algorithms == {"Ed25519", "EdDSA"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [], "keys": []}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_key_set_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(IdentityError):
        read_keys(body)


def test_ten_thousand_keys_are_refused_before_any_is_read() -> None:
    body = json.dumps({"keys": [KEYS["RSA"].public | {"kid": str(number)} for number in range(10_000)]}).encode()
    began = time.process_time()
    with pytest.raises(IdentityError, match="10000 keys"):
        read_keys(body)
    assert time.process_time() - began < 2


async def test_tokens_without_a_key_id_and_keys_without_one() -> None:
    named, other = KEYS["Ed25519"], KEYS["RSA"]
    await proven(named.token(kid=None), other, named)
    nameless = SigningKey("Ed25519", None)
    await proven(nameless.token(), nameless)
    await proven(nameless.token(kid="whatever"), nameless), "a set without ids names none"
    await refused(nameless.token(kid="whatever"), nameless, named)
