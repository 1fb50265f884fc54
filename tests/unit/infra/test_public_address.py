"""What follows from the address that `rostrum up --public` is given."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from infra.cli import main
from infra.public_address import NotPublic, PublicAddress

HERE = "https://live.example.org"


@pytest.fixture(autouse=True)
def dns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names with addresses of the networks that are for examples (RFC 5737, RFC 3849)."""
    known = {"live.example.org": ["203.0.113.7"], "both.example.org": ["2001:db8::7", "203.0.113.7"]}

    def look_up(host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, 0, 0, "", (address, 0)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_behind_a_proxy_the_gateway_stays_on_loopback_and_believes_the_proxy() -> None:
    settings = PublicAddress(HERE).settings({})
    assert settings == {
        "ROSTRUM_PUBLIC_URL": HERE,
        "ROSTRUM_GATEWAY_TRUSTED_PROXIES": '["127.0.0.1", "::1"]',
        "ROSTRUM_MEDIA_HOST": "0.0.0.0",
        "ROSTRUM_MEDIA_PUBLIC_HOSTS": '["203.0.113.7"]',
        "ROSTRUM_MEDIA_PORT": "7882",
        "ROSTRUM_MEDIA_TCP_PORT": "7882",
    }


def test_with_a_certificate_the_gateway_serves_https_where_the_address_says(tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    settings = PublicAddress(f"{HERE}:8443", chain, tmp_path / "key.pem").settings({})
    assert settings["ROSTRUM_GATEWAY_HOST"] == "0.0.0.0"
    assert settings["ROSTRUM_GATEWAY_PORT"] == "8443"
    assert settings["ROSTRUM_GATEWAY_CERTIFICATE"] == str(chain)
    assert settings["ROSTRUM_GATEWAY_CERTIFICATE_KEY"] == str(tmp_path / "key.pem")
    assert "ROSTRUM_GATEWAY_TRUSTED_PROXIES" not in settings
    assert PublicAddress(HERE, chain).settings({})["ROSTRUM_GATEWAY_PORT"] == "443"


@pytest.mark.parametrize(
    ("told", "url", "hosts", "bound"),
    [
        ((), "https://both.example.org", ["203.0.113.7", "2001:db8::7"], "::"),
        (("198.51.100.1",), "https://nowhere.example.org", ["198.51.100.1"], "0.0.0.0"),
        (("2001:db8::9", "198.51.100.1"), HERE, ["2001:db8::9", "198.51.100.1"], "::"),
    ],
)
def test_clients_are_told_the_addresses_of_the_host_or_those_given(
    told: Sequence[str], url: str, hosts: list[str], bound: str
) -> None:
    settings = PublicAddress(url, media=told).settings({})
    assert json.loads(settings["ROSTRUM_MEDIA_PUBLIC_HOSTS"]) == hosts
    assert settings["ROSTRUM_MEDIA_HOST"] == bound


def test_what_the_environment_sets_stays() -> None:
    environment = {
        "ROSTRUM_GATEWAY_TRUSTED_PROXIES": '["10.0.0.0/8"]',
        "ROSTRUM_MEDIA_PUBLIC_HOST": "198.51.100.1",
        "ROSTRUM_MEDIA_HOST": "10.0.0.5",
        "ROSTRUM_MEDIA_PORT": "40000",
        "ROSTRUM_PUBLIC_URL": "https://old.example.org",
    }
    settings = PublicAddress("https://nowhere.example.org").settings(environment)
    assert settings == {
        "ROSTRUM_PUBLIC_URL": "https://nowhere.example.org",
        "ROSTRUM_MEDIA_PUBLIC_HOSTS": '["198.51.100.1"]',
        "ROSTRUM_MEDIA_TCP_PORT": "40000",
    }


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (PublicAddress("http://live.example.org"), "not https"),
        (PublicAddress("live.example.org"), "not https"),
        (PublicAddress("https://live.example.org/"), "origin"),
        (PublicAddress("https://live.example.org/spaces"), "origin"),
        (PublicAddress("https://live.example.org?"), "origin"),
        (PublicAddress("https://ann:secret@live.example.org"), "origin"),
        (PublicAddress("https://"), "origin"),
        (PublicAddress("https://[::1"), "no address"),
        (PublicAddress("https://live.example.org:99999"), "no address"),
        (PublicAddress("https://nowhere.example.org"), "no IP address yet"),
        (PublicAddress(HERE, media=["live"]), "--media-address"),
        (PublicAddress(HERE, key=Path("key.pem")), "--certificate"),
    ],
)
def test_an_address_that_cannot_be_served_says_why(address: PublicAddress, why: str) -> None:
    with pytest.raises(NotPublic, match=why):
        address.settings({})


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--public", HERE], "anybody can be anybody"),
        (["--certificate", "chain.pem"], "belong to --public"),
    ],
)
def test_nothing_starts_on_a_public_address_without_a_way_to_tell_people_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["up", "--var", str(tmp_path / "var"), *arguments])
    assert ended.value.code == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "var").exists()
