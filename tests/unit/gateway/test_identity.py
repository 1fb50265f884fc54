"""Tokens: only ours, only in time, and their key is nobody else's to read."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from libs.identity import (
    OWN_ISSUER,
    AddressRefused,
    DevelopmentIdentity,
    IdentityError,
    OwnTokens,
    TokenRefused,
    check_address,
)
from libs.identity.revoked import Revoked
from libs.ids import new_id
from libs.private_files import load_or_make


def test_a_token_says_who_and_for_how_long(tmp_path: Path) -> None:
    person = new_id()
    claims = DevelopmentIdentity(tmp_path).verify(DevelopmentIdentity(tmp_path).mint(person, operator=True))
    assert (claims.person_id, claims.operator) == (person, True)
    assert claims.expires_at > datetime.now(UTC) + timedelta(days=1)
    assert (tmp_path / "identity.pem").stat().st_mode & 0o777 == 0o600


def test_nobody_is_an_operator_by_default(tmp_path: Path) -> None:
    identity = DevelopmentIdentity(tmp_path)
    assert identity.verify(identity.mint(new_id())).operator is False


def test_a_token_of_another_key_is_refused(tmp_path: Path) -> None:
    theirs = DevelopmentIdentity(tmp_path / "theirs").mint(new_id())
    with pytest.raises(TokenRefused) as refused:
        DevelopmentIdentity(tmp_path / "ours").verify(theirs)
    assert not refused.value.expired


def test_an_expired_token_is_told_apart(tmp_path: Path) -> None:
    identity = DevelopmentIdentity(tmp_path)
    with pytest.raises(TokenRefused) as refused:
        identity.verify(identity.mint(new_id(), lifetime=timedelta(minutes=-1)))
    assert refused.value.expired


def test_a_token_that_was_taken_back_is_forgotten_once_it_is_over() -> None:
    now = datetime.now(UTC)
    revoked = Revoked()
    revoked.add("of an earlier version", None, now)
    revoked.add("for an hour", now + timedelta(hours=1), now)
    revoked.add("for a day", now + timedelta(days=1), now)
    revoked.add("for ever", datetime.max.replace(tzinfo=UTC), now)
    revoked.add("over long ago", now - timedelta(days=1), now)
    assert "over long ago" not in revoked
    assert "for an hour" in revoked
    later = now + timedelta(hours=3)
    for _ in range(2):  # told again, as after a restart
        revoked.add("for an hour", now + timedelta(hours=1), later)
        revoked.add("for a day", now + timedelta(days=1), later)
    assert "for an hour" not in revoked
    assert all(one in revoked for one in ("of an earlier version", "for a day", "for ever"))
    assert len(revoked) == 3


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_the_algorithm_is_ours_to_choose(tmp_path: Path, algorithm: str) -> None:
    identity = DevelopmentIdentity(tmp_path)
    claims = jwt.decode(identity.mint(new_id()), options={"verify_signature": False})
    key = "" if algorithm == "none" else "0" * 32
    with pytest.raises(TokenRefused):
        identity.verify(jwt.encode(claims, key, algorithm=algorithm))


@pytest.mark.parametrize("exp", [253_402_300_800, 2**63, 10**30, 1e300])
def test_a_token_that_ends_when_no_calendar_knows_is_refused(tmp_path: Path, exp: float) -> None:
    identity = DevelopmentIdentity(tmp_path)
    claims = jwt.decode(identity.mint(new_id()), options={"verify_signature": False}) | {"exp": exp}
    with pytest.raises(TokenRefused):
        identity.verify(jwt.encode(claims, identity._private, algorithm="EdDSA"))


@pytest.mark.parametrize("name", ["exp", "sub", "iss", "aud"])
def test_every_claim_counts(tmp_path: Path, name: str) -> None:
    identity = DevelopmentIdentity(tmp_path)
    claims = jwt.decode(identity.mint(new_id()), options={"verify_signature": False})
    for wrong in ({}, {name: "../../etc"}):
        broken = {k: v for k, v in claims.items() if k != name} | wrong
        with pytest.raises(TokenRefused):
            identity.verify(jwt.encode(broken, identity._private, algorithm="EdDSA"))


def test_a_key_file_with_something_else_in_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "identity.pem").write_text("hello")
    with pytest.raises(IdentityError, match=r"identity\.pem"):
        DevelopmentIdentity(tmp_path)


def test_a_secret_is_made_once_however_many_ask(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        got = set(pool.map(lambda _: load_or_make(tmp_path / "keys" / "x", lambda: os.urandom(16)), range(50)))
    assert len(got) == 1
    assert [file.name for file in (tmp_path / "keys").iterdir()] == ["x"]


def test_secrets_differ_by_purpose_and_not_by_restart(tmp_path: Path) -> None:
    first, again = DevelopmentIdentity(tmp_path), DevelopmentIdentity(tmp_path)
    assert first.secret("a") == again.secret("a") != first.secret("b")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "[::1]", "localhost"])
def test_this_machine_is_served(host: str) -> None:
    check_address(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", "", "127.0.0.1.example.org"])
def test_anything_else_is_not(host: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(host)


def test_a_token_that_was_good_is_known_until_it_expires_and_one_that_resembles_it_is_not(tmp_path: Path) -> None:
    identity = DevelopmentIdentity(tmp_path)
    token = identity.mint(new_id(), lifetime=timedelta(seconds=60))
    claims = identity.verify(token)
    assert identity.verify(token) is claims
    with pytest.raises(TokenRefused):
        identity.verify(token[:-8] + token[-8:][::-1])
    late = identity.mint(new_id(), lifetime=timedelta(seconds=-2))  # a clock may be 5 s behind
    assert identity.verify(late) is not identity.verify(late)


def test_only_so_many_good_tokens_are_known(tmp_path: Path) -> None:
    identity = DevelopmentIdentity(tmp_path)
    person = new_id()
    first = identity.verify(identity.mint(person))
    for number in range(2048):
        identity.verify(identity.mint(person, lifetime=timedelta(minutes=number + 1)))
    assert len(identity._good) == 2048
    assert first not in identity._good.values()


def test_a_token_cannot_be_written_in_another_way_and_be_good_after_it_was_revoked(tmp_path: Path) -> None:
    identity = DevelopmentIdentity(tmp_path)
    token = identity.mint(new_id())
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for other in (
        *(token[:-1] + letter for letter in letters if letter != token[-1]),
        token + "=",
        token + "!",
        f"{token[:-9]}\n{token[-9:]}",
    ):
        with pytest.raises(TokenRefused):
            identity.verify(other)


def test_a_token_of_development_is_good_nowhere_else(tmp_path: Path) -> None:
    development, elsewhere = DevelopmentIdentity(tmp_path), OwnTokens(tmp_path, OWN_ISSUER)
    for one, other in ((development, elsewhere), (elsewhere, development)):
        with pytest.raises(TokenRefused):
            one.verify(other.mint(new_id()))
