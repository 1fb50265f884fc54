"""A gateway with a certificate of its own, and what strangers do before they have shaken hands."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography import x509
from websockets.asyncio.client import connect

from libs.service import CannotStart
from services.gateway.adapters.certificate import Certificate
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running, running_gateway
from tests.integration.gateway.test_identity import gateway_for
from tests.support.nats import NatsServer, free_port
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.usefixtures("behind")


class Files:
    """A chain and its key, as an authority that tests trust signs them."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.chain, self.key = folder / "chain.pem", folder / "key.pem"
        self.renew()

    @property
    def trusting(self) -> ssl.SSLContext:
        """What a client takes."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    def renew(self) -> int:
        """Put another certificate there; its serial number."""
        issued = self.authority.issue_cert("127.0.0.1")
        self.key.write_bytes(issued.private_key_pem.bytes())
        self.chain.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        return self.serial

    @property
    def serial(self) -> int:
        return x509.load_pem_x509_certificates(self.chain.read_bytes())[0].serial_number

    def serving(self) -> Certificate:
        return Certificate(self.chain, self.key)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@asynccontextmanager
async def secure(nats: NatsServer, var: Path, files: Files) -> AsyncIterator[Running]:
    settings = {"ask_seconds": 2, "certificate": files.chain, "certificate_key": files.key}
    async with running_gateway(nats.url, var, **settings) as plain:
        yield Running(plain.base.replace("http:", "https:"), var)


async def served(context: ssl.SSLContext) -> int:
    """The serial number of the certificate that somebody is shown who connects now."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=careless)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return x509.load_der_x509_certificate(shown).serial_number


async def test_pages_and_live_events_come_over_tls(
    nats: NatsServer, behind: Backend, tmp_path: Path, files: Files
) -> None:
    space = behind.add(a_person("Ann"))
    async with (
        secure(nats, tmp_path, files) as gateway,
        httpx.AsyncClient(base_url=gateway.base, verify=files.trusting, timeout=LIMIT, trust_env=False) as client,
    ):
        assert (await client.get(f"/v1/spaces/{space.id}")).status_code == 200
        async with client.stream("GET", f"/v1/spaces/{space.id}/events") as events:
            assert await anext(aiter(events.aiter_lines())) == "retry: 500"
        address = gateway.base.replace("https:", "wss:") + f"/v1/spaces/{space.id}/live"
        async with connect(address, ssl=files.trusting, proxy=None) as socket:
            assert '"event":"snapshot"' in str(await asyncio.wait_for(socket.recv(), LIMIT))
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(gateway.base.replace("https:", "http:"))


@pytest.mark.parametrize("name", ["live.example.org", "localhost"])
async def test_browsers_that_come_by_http_are_sent_to_https_and_keep_it_in_mind(
    nats: NatsServer, tmp_path: Path, files: Files, name: str
) -> None:
    plain, public = f"http://127.0.0.1:{(port := free_port())}", f"https://{name}"
    own = {"certificate": files.chain, "certificate_key": files.key, "redirect_port": port, "public_url": public}
    async with (
        gateway_for(nats, tmp_path, **own) as base,
        httpx.AsyncClient(verify=files.trusting, timeout=LIMIT, trust_env=False) as client,
    ):
        for path in ("/", "/spaces/x?at=1&q=a%2Fb", "//other.example/", "/a%0d%0ab"):
            led = await client.get(plain + path)
            assert (led.status_code, led.headers["location"]) == (301, public + path)
        for method in ("POST", "DELETE"):
            assert (await client.request(method, f"{plain}/v1/spaces", content=b"{}")).status_code == 403
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET @other.example/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"location" not in (await asyncio.wait_for(reader.read(), LIMIT)).lower()
        writer.close()
        answer = await client.get(base.replace("http:", "https:") + "/healthz")
        kept = answer.headers.get("strict-transport-security")
        assert kept == (None if name == "localhost" else "max-age=31536000"), "localhost is also other programs'"


async def test_plain_http_is_sent_on_only_where_there_is_https(nats: NatsServer, tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="the proxy sends browsers on"):
        async with running_gateway(nats.url, tmp_path, redirect_port=0):
            pass
    async with (
        running_gateway(nats.url, tmp_path, public_url="http://127.0.0.1:8080") as gateway,
        gateway.client() as one,
    ):
        assert "strict-transport-security" not in (await one.http.get("/healthz")).headers


async def test_who_says_nothing_in_a_handshake_holds_nobody_up_and_is_cut_off(
    nats: NatsServer, tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.main.listening._HANDSHAKE_SECONDS", 0.5)
    async with secure(nats, tmp_path, files) as gateway:
        port = int(gateway.base.rpartition(":")[2])
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
        async with httpx.AsyncClient(verify=files.trusting, timeout=LIMIT, trust_env=False) as client:
            assert (await client.get(f"{gateway.base}/v1/openapi.json")).status_code == 200
        async with asyncio.timeout(LIMIT):
            assert {await reader.read() for reader, _ in silent} == {b""}
        for _, writer in silent:
            writer.close()


async def test_a_renewed_certificate_is_served_without_a_restart(files: Files) -> None:
    certificate = files.serving()
    assert await served(certificate.context) == files.serial
    renewed = files.renew()
    certificate.look()
    assert await served(certificate.context) == renewed


@pytest.mark.parametrize("damage", ["gone", "other key", "cut", "empty"])
async def test_a_renewal_that_cannot_be_used_leaves_the_one_before(files: Files, damage: str) -> None:
    certificate, before = files.serving(), files.serial
    chain = files.chain.read_bytes()
    match damage:
        case "gone":
            files.key.unlink()
        case "other key":
            files.key.write_bytes(files.authority.issue_cert("127.0.0.1").private_key_pem.bytes())
        case "cut":
            files.chain.write_bytes(chain[:300])
        case "empty":
            files.chain.write_bytes(b"")
    certificate.look()
    assert await served(certificate.context) == before
    renewed = files.renew()
    certificate.look()
    assert await served(certificate.context) == renewed


@pytest.mark.parametrize("wrong", ["gone", "no certificate", "key alone"])
async def test_a_gateway_that_cannot_serve_its_certificate_says_which(
    nats: NatsServer, tmp_path: Path, files: Files, wrong: str
) -> None:
    settings = {"certificate": files.chain, "certificate_key": files.key}
    match wrong:
        case "gone":
            files.chain.unlink()
        case "no certificate":
            files.chain.write_text("hello")
        case "key alone":
            del settings["certificate"]
    with pytest.raises(CannotStart, match="ROSTRUM_GATEWAY_CERTIFICATE"):
        async with running_gateway(nats.url, tmp_path, **settings):
            pass
