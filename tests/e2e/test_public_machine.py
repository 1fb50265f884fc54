"""A machine on a public address with TLS, and its listeners in other networks: one of them lets no UDP through.

The machines are network namespaces at a switch. The authority that signed the certificate is the test's own, TURN is
coturn, the publisher is FFmpeg's WHIP muxer, and who listens is Chromium.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import Browser, Page

from tests.e2e.page.visitor import visitor
from tests.support.browser import chromium, sounds, time_silences
from tests.support.chromium import find_chromium
from tests.support.command import COMMAND, line_with
from tests.support.ffmpeg_whip import certificate, ffmpeg
from tests.support.issuer import AUDIENCE, ISSUER, SigningKey, good_claims, key_set
from tests.support.networks import Host, NoNetworks, hosts
from tests.support.waiting import LIMIT, eventually

NAME: Final = "live.example.org"
URL: Final = f"https://{NAME}"
# Addresses for examples (RFC 5737): nothing on this machine or behind it has them.
ADDRESSES: Final = {
    "machine": "203.0.113.10",
    "turn": "203.0.113.20",
    "studio": "203.0.113.30",
    "home": "203.0.113.40",
    "office": "203.0.113.50",
}
TURN: Final = "turn:turn.example.org:3478?transport=tcp"
SECRET: Final = "a-secret-of-both"
KEY: Final = SigningKey("P-256")
_REMEMBER: Final = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) { super(...given); connections.push(this); }
};
"""
_WAY: Final = """async () => {
    for (const connection of connections) {
        const stats = [...(await connection.getStats()).values()];
        const pair = stats.find((one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded");
        const local = pair && stats.find((one) => one.id === pair.localCandidateId);
        if (local) return [local.candidateType, local.relayProtocol ?? local.protocol];
    }
    return null;
}"""
"""How the page's sound comes: the kind of its own candidate, and the protocol to whoever is nearest."""


@pytest.fixture
def internet() -> Iterator[dict[str, Host]]:
    if shutil.which("turnserver") is None:
        pytest.skip("not run: coturn is missing (apt-get install coturn)")
    try:
        with hosts(ADDRESSES, {NAME: ADDRESSES["machine"], "turn.example.org": ADDRESSES["turn"]}) as made:
            yield made
    except NoNetworks as error:
        pytest.skip(f"not run: {error}")


@asynccontextmanager
async def program(*command: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    """It runs, and has ended afterwards."""
    environment = {**os.environ, **(env or {})}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=DEVNULL, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.communicate(), LIMIT)


async def said(*command: str, env: Mapping[str, str]) -> str:
    """What a program says on standard output."""
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **env}, stdout=PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    return out.decode()


def settings(folder: Path) -> dict[str, str]:
    """What docs/public.md has operators set."""
    authority = trustme.CA()
    (folder / "keys.json").write_bytes(key_set(KEY))
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    return {
        "SSL_CERT_FILE": str(folder / "authority.pem"),
        "ROSTRUM_VAR": str(folder / "var"),
        "ROSTRUM_IDENTITY": "tokens",
        "ROSTRUM_IDENTITY_ISSUER": ISSUER,
        "ROSTRUM_IDENTITY_AUDIENCE": AUDIENCE,
        "ROSTRUM_IDENTITY_KEYS": str(folder / "keys.json"),
        "ROSTRUM_GATEWAY_TURN_URLS": f'["{TURN}"]',
        "ROSTRUM_GATEWAY_TURN_SECRET": SECRET,
    }


def coturn(folder: Path) -> list[str]:
    """As docs/turn.md sets it up, but without TLS."""
    listening = ["--listening-ip", ADDRESSES["turn"], "--relay-ip", ADDRESSES["turn"], "--no-tls", "--no-dtls"]
    login = ["--realm", "turn.example.org", "--use-auth-secret", "--static-auth-secret", SECRET]
    files = ["--userdb", str(folder / "turn.db"), "--pidfile", str(folder / "turn.pid"), "--log-file", "stdout"]
    return ["turnserver", "-n", "--no-cli", *listening, *login, *files]


@asynccontextmanager
async def browser_at(host: Host, folder: Path) -> AsyncIterator[Browser]:
    """Chromium on a machine. It is told the key to trust: by flags it cannot be told an authority."""
    key = x509.load_pem_x509_certificates((folder / "both.pem").read_bytes())[0].public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    trusting = f"--ignore-certificate-errors-spki-list={base64.b64encode(digest).decode()}"
    wrapper = host.wrapper(find_chromium() or "chromium", folder / f"chromium-{host.namespace}")
    async with chromium(program=wrapper, more=(trusting,)) as browser:
        yield browser


async def ask(page: Page, method: str, path: str, token: str, body: Any = None) -> Any:
    """A request of a page, as its scripts make them; what is answered with a 2xx."""
    script = """async ([method, path, token, body]) => {
        const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
        const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
        if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
        return answer.status === 204 ? null : answer.json();
    }"""
    return await page.evaluate(script, [method, path, token, body])


async def hears(browser: Browser, path: str) -> list[str]:
    """Somebody listens on the page until they hear something; the way it came."""
    async with visitor(browser, URL) as listener:
        await listener.page.add_init_script(_REMEMBER)
        await listener.listen(path)
        await time_silences(listener.page)
        await sounds(listener.page)
        way: list[str] = await listener.page.evaluate(_WAY)
        return way


@pytest.mark.browser
async def test_people_in_other_networks_hear_a_space_on_a_public_address(
    internet: dict[str, Host], tmp_path: Path
) -> None:
    env = settings(tmp_path)
    machine, studio, home, office = (internet[name] for name in ("machine", "studio", "home", "office"))
    office.without_udp()
    public = ["--public", URL, "--certificate", str(tmp_path / "both.pem")]
    host = KEY.token(good_claims(sub="ada", name="Ada", preferred_username="ada"))
    async with (
        program(*internet["turn"].command(*coturn(tmp_path))),
        program(*machine.command(*COMMAND, "up", *public), env=env) as up,
        browser_at(home, tmp_path) as at_home,
        browser_at(office, tmp_path) as at_the_office,
    ):
        await line_with(up, f"Rostrum is ready at {URL}")
        found = await said(*machine.command(*COMMAND, "doctor", *public), env=env)
        assert "checks: 0 to mend" in found, found
        page = await at_home.new_page()
        await page.goto(f"{URL}/#token={host}")
        await page.get_by_test_id("me").get_by_text("Ada").wait_for(timeout=LIMIT * 1000)
        space = await ask(page, "POST", "/v1/spaces", host, {"title": "From far away"})
        path = f"/v1/spaces/{space['id']}"
        await ask(page, "POST", f"{path}/sessions", host)
        me = await ask(page, "GET", "/v1/me", host)
        await ask(page, "POST", f"{path}/stage/{me['id']}/unmute", host)
        at_the_studio = studio.wrapper(sys.executable, tmp_path / "python-at-the-studio")
        options = {**certificate(tmp_path), "ca_file": env["SSL_CERT_FILE"], "tls_verify": "1"}
        async with ffmpeg(f"{URL}{path}/whip", host, 440, options, python=str(at_the_studio)):
            assert await hears(at_home, f"/spaces/{space['id']}") == ["host", "udp"]
            assert (await hears(at_the_office, f"/spaces/{space['id']}"))[1] == "tcp"
            # And where nothing but the relay is to be reached: the machine's media port is not.
            office.without_port(7882)
            assert await hears(at_the_office, f"/spaces/{space['id']}") == ["relay", "tcp"]
    await eventually(lambda: _gone(internet))


async def _gone(internet: dict[str, Host]) -> bool:
    """Whether nothing runs any more on any machine."""
    return all(not host.processes() for host in internet.values())
