"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): every status code that they name, for both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import pytest_asyncio

from contracts import subjects
from contracts.commands import Nothing
from contracts.media.v1 import Answer, Connect, Disconnect, Node, Restart, Restarted, Trickle
from libs.bus.origin import mark
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.gateway.backend import Backend, a_person, backend
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.nats import NatsServer, running_nats

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
SDP = {"content-type": "application/sdp"}
FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}
CANDIDATE = "a=ice-ufrag:x\r\na=candidate:1 1 UDP 1 192.0.2.9 9 typ host\r\n"
CREDENTIALS = "a=ice-ufrag:fresh\r\na=ice-pwd:0123456789012345678901\r\n"
HOST = a_person("Host")
Kind = Literal["whip", "whep"]


@pytest.fixture(params=["whip", "whep"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every test is for both protocols."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    """One for all these tests, as are the two below: each has a Space of its own, and leaves everything running."""
    with running_nats() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def behind(nats: NatsServer) -> AsyncIterator[Backend]:
    async with backend(nats.url) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(
    nats: NatsServer, behind: Backend, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    async with running_gateway(nats.url, tmp_path_factory.mktemp("gateway"), ask_seconds=2) as made:
        yield made


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def node(behind: Backend) -> None:
    """A media node that answers everything, and has not been asked yet."""
    behind.asked.clear()
    made = Node(node_id="node-1", address="127.0.0.1:1", sessions=0, capacity=10)
    key = f"$KV.{subjects.NODES_BUCKET}.{made.node_id}"
    await behind.bus.js.publish(key, made.model_dump_json().encode(), headers=mark("media"))

    async def answer(command: Connect) -> Answer:
        return Answer(session_id=command.session_id, node_id="node-1", sdp="v=0\r\nanswer\r\n", etag="ice1")

    async def trickle(command: Trickle) -> Nothing:
        if command.etag != "ice1":
            raise Refusal("precondition_failed", "Another one.")
        return Nothing()

    async def restart(command: Restart) -> Restarted:
        return Restarted(etag="ice2", fragment="a=ice-ufrag:ours\r\n")

    async def nothing(command: Disconnect) -> Nothing:
        return Nothing()

    behind.on(Connect, answer)
    behind.on(Trickle, trickle)
    behind.on(Restart, restart)
    behind.on(Disconnect, nothing)


@pytest.fixture
def space(behind: Backend, kind: Kind) -> str:
    """The endpoint's path."""
    return f"/v1/spaces/{behind.add(HOST).id}/{kind}"


@pytest_asyncio.fixture(loop_scope="module")
async def http(gateway: Running) -> AsyncIterator[httpx.AsyncClient]:
    """The host's client."""
    async with gateway.client(HOST.id) as client:
        yield client.http


@pytest_asyncio.fixture(loop_scope="module")
async def session(http: httpx.AsyncClient, space: str) -> str:
    """The path of a connection that was set up."""
    answer = await http.post(space, content=OFFER, headers=SDP)
    assert answer.status_code == 201
    return str(answer.headers["location"])


async def refuses(behind: Backend, reason: str) -> None:
    """The node refuses every connection."""

    async def no(command: Connect) -> Answer:
        raise Refusal(reason, "No.", retry=True)

    behind.on(Connect, no)


async def test_201_with_answer_location_and_a_strong_etag(http: httpx.AsyncClient, space: str) -> None:
    answer = await http.post(space, content=OFFER, headers={**SDP, "accept": "application/sdp"})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (201, "application/sdp")
    assert answer.text == "v=0\r\nanswer\r\n"
    assert answer.headers["etag"] == '"ice1"'
    assert answer.headers["accept-patch"] == "application/trickle-ice-sdpfrag"
    assert answer.headers["location"].startswith("/v1/media/")


async def test_204_for_trickled_candidates_of_this_ice_session(http: httpx.AsyncClient, session: str) -> None:
    answer = await http.patch(session, content=CANDIDATE, headers={**FRAGMENT, "if-match": '"ice1"'})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("any_tag", ["*", '"*"'], ids=["RFC 9110", "RFC 9725's example"])
async def test_200_with_our_credentials_and_a_new_etag_for_an_ice_restart(
    http: httpx.AsyncClient, session: str, behind: Backend, any_tag: str
) -> None:
    answer = await http.patch(session, content=CREDENTIALS, headers={**FRAGMENT, "if-match": any_tag})
    assert (answer.status_code, answer.headers["etag"], answer.text) == (200, '"ice2"', "a=ice-ufrag:ours\r\n")
    assert answer.headers["content-type"].startswith("application/trickle-ice-sdpfrag")
    assert [getattr(command, "fragment", "") for command in behind.asked["restart"]] == [CREDENTIALS]


async def test_412_for_candidates_of_another_ice_session(http: httpx.AsyncClient, session: str) -> None:
    # A weak tag never matches, and neither does what is no tag.
    for tag in ('"ice0"', 'W/"ice1"', "ice1", '"ice1', '"ice0", "ice2"', '"ice1" "ice2"', '"ice1", ice2', '"ice1", *'):
        answer = await http.patch(session, content=CANDIDATE, headers={**FRAGMENT, "if-match": tag})
        assert (answer.status_code, answer.json()["reason"]) == (412, "precondition_failed"), tag


async def test_204_where_one_of_the_listed_ice_sessions_is_the_present_one(
    http: httpx.AsyncClient, session: str
) -> None:
    for lines in (['"ice0", "ice1"'], ['"ice1","ice0"'], [', W/"ice1" , "a,b",, "ice1",'], ['"ice0"', '"ice1"']):
        headers = [*FRAGMENT.items(), *(("if-match", line) for line in lines)]
        answer = await http.patch(session, content=CANDIDATE, headers=headers)
        assert answer.status_code == 204, (lines, answer.text)


async def test_400_for_more_ice_sessions_than_are_asked_about(http: httpx.AsyncClient, session: str) -> None:
    many = ", ".join(f'"ice{number}"' for number in range(9))
    answer = await http.patch(session, content=CANDIDATE, headers={**FRAGMENT, "if-match": many})
    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_request")


async def test_428_for_a_patch_that_does_not_say_which_ice_session(http: httpx.AsyncClient, session: str) -> None:
    answer = await http.patch(session, content=CANDIDATE, headers=FRAGMENT)
    assert (answer.status_code, answer.json()["reason"]) == (428, "precondition_required")


async def test_200_for_the_goodbye(http: httpx.AsyncClient, session: str) -> None:
    assert (await http.delete(session)).status_code == 200


async def test_404_for_a_connection_that_is_gone(http: httpx.AsyncClient, session: str, behind: Backend) -> None:
    async def gone(command: Any) -> Nothing:
        raise Refusal("session_unknown", "Gone.")

    behind.on(Disconnect, gone)
    behind.on(Trickle, gone)
    assert (await http.delete(session)).status_code == 404
    answer = await http.patch(session, content=CANDIDATE, headers={**FRAGMENT, "if-match": '"ice1"'})
    assert (answer.status_code, answer.json()["reason"]) == (404, "session_unknown")


async def test_403_for_a_connection_of_somebody_else(gateway: Running, session: str) -> None:
    async with gateway.client(a_person("Thief").id) as thief:
        answer = await thief.http.patch(session, content=CREDENTIALS, headers={**FRAGMENT, "if-match": "*"})
        assert (answer.status_code, answer.json()["reason"]) == (403, "not_yours")


async def test_401_for_a_token_that_is_none(gateway: Running, space: str) -> None:
    async with gateway.client() as nobody:
        answer = await nobody.http.post(space, content=OFFER, headers={**SDP, "authorization": "Bearer nonsense"})
        assert (answer.status_code, answer.headers["www-authenticate"].split()[0]) == (401, "Bearer")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_405_for_what_an_endpoint_does_not_do(http: httpx.AsyncClient, space: str, method: str) -> None:
    answer = await http.request(method, space)
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST"])
async def test_405_for_what_a_connection_does_not_do(http: httpx.AsyncClient, session: str, method: str) -> None:
    answer = await http.request(method, session)
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, OPTIONS, PATCH")


async def test_406_for_a_client_that_takes_no_session_description(http: httpx.AsyncClient, space: str) -> None:
    refusing = (
        "*/*, application/sdp;q=0.000",
        "application/sdp; q=0, application/*",
        "application/*;q=0, */*",
        "*/*;q=0",
    )
    for accept in ("text/html", "application/sdp;q=0", "application/json, text/*", *refusing):
        answer = await http.post(space, content=OFFER, headers={**SDP, "accept": accept})
        assert (answer.status_code, answer.json()["reason"]) == (406, "not_acceptable"), accept
    for accept in ("*/*", "text/html, application/*;q=0.1", "Application/SDP", "*/*;q=0, application/sdp;q=0.5"):
        assert (await http.post(space, content=OFFER, headers={**SDP, "accept": accept})).status_code == 201


async def test_415_for_another_media_type(http: httpx.AsyncClient, space: str, session: str) -> None:
    for method, path, headers in (
        ("POST", space, FRAGMENT),
        ("POST", space, {"content-type": "text/plain"}),
        ("PATCH", session, {**SDP, "if-match": '"ice1"'}),
    ):
        answer = await http.request(method, path, content=OFFER, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (415, "unsupported_media_type")


async def test_400_for_what_is_no_description(http: httpx.AsyncClient, space: str) -> None:
    answer = await http.post(space, content="hello", headers=SDP)
    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_sdp")


async def test_413_for_a_description_without_end(http: httpx.AsyncClient, space: str) -> None:
    assert (await http.post(space, content=OFFER + "a=x\r\n" * 7000, headers=SDP)).status_code == 413


async def test_422_for_an_offer_that_asks_for_what_is_not_done_here(
    http: httpx.AsyncClient, space: str, behind: Backend
) -> None:
    await refuses(behind, "unprocessable_sdp")
    answer = await http.post(space, content=OFFER, headers=SDP)
    assert (answer.status_code, answer.json()["reason"]) == (422, "unprocessable_sdp")


async def test_429_for_too_many_connections_begun_at_once(http: httpx.AsyncClient, space: str, behind: Backend) -> None:
    assert (await http.post(space, content=OFFER, headers=SDP)).status_code == 201
    (connect,) = behind.asked["connect"]
    assert getattr(connect, "client_address", None) == "127.0.0.1"
    await refuses(behind, "too_many_requests")
    answer = await http.post(space, content=OFFER, headers=SDP)
    assert (answer.status_code, int(answer.headers["retry-after"]) >= 1) == (429, True)


async def test_503_with_retry_after_when_every_node_is_full(
    http: httpx.AsyncClient, space: str, behind: Backend
) -> None:
    await refuses(behind, "node_full")
    answer = await http.post(space, content=OFFER, headers=SDP)
    assert (answer.status_code, answer.json()["reason"]) == (503, "node_full")
    assert int(answer.headers["retry-after"]) >= 1


async def test_307_where_another_gateway_takes_new_connections(
    nats: NatsServer, behind: Backend, kind: Kind, space: str, tmp_path: Path
) -> None:
    there = "https://eu.example.org"
    async with running_gateway(nats.url, tmp_path, media_redirect=there) as gateway, gateway.client(HOST.id) as client:
        answer = await client.http.post(f"{space}?session=01jd3v8q2pq6d2j9m8x5ckmnpq", content=OFFER, headers=SDP)
        assert answer.status_code == 307
        assert answer.headers["location"] == f"{there}{space}?session=01jd3v8q2pq6d2j9m8x5ckmnpq"
        assert not behind.asked["connect"]
        # A browser would leave the token out on the way there.
        page = {"origin": "https://page.example"}
        answered = await client.http.post(space, content=OFFER, headers=SDP | page)
        assert answered.status_code == 201
        assert [command.actor for command in behind.asked["connect"] if isinstance(command, Connect)] == [HOST.id]


async def test_options_say_what_is_taken_and_tell_turn_servers_to_those_who_signed_in(
    nats: NatsServer, kind: Kind, space: str, tmp_path: Path
) -> None:
    turn = {"turn_urls": ("turn:turn.example.org?transport=udp", "turns:turn.example.org"), "turn_secret": "secret"}
    async with running_gateway(nats.url, tmp_path, **turn) as gateway:
        async with gateway.client() as nobody, gateway.client(HOST.id) as host:
            stranger = await nobody.http.options(space)
            assert (stranger.status_code, stranger.headers["accept-post"]) == (204, "application/sdp")
            assert "link" not in stranger.headers
            links = (await host.http.options(space)).headers.get_list("link")
            answered = (await host.http.post(space, content=OFFER, headers=SDP)).headers.get_list("link")
        for told in (links, answered):
            assert [link.split(";")[0] for link in told] == [f"<{url}>" for url in turn["turn_urls"]]
            assert all('rel="ice-server"' in link and 'credential-type="password"' in link for link in told)


async def test_a_browser_of_another_origin_may_read_what_it_needs(
    nats: NatsServer, kind: Kind, space: str, tmp_path: Path
) -> None:
    page = {"origin": "https://page.example"}
    settings = {"cors_origins": (page["origin"],)}
    async with running_gateway(nats.url, tmp_path, **settings) as gateway, gateway.client(HOST.id) as client:
        wish = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
        allowed = await client.http.options(space, headers={**page, **wish})
        assert allowed.headers["access-control-allow-origin"] == page["origin"]
        answer = await client.http.post(space, content=OFFER, headers={**SDP, **page})
        exposed = answer.headers["access-control-expose-headers"].lower()
        assert all(name in exposed for name in ("location", "etag", "link"))


async def test_parameters_are_taken_or_refused_alike_however_they_come(
    gateway: Running, http: httpx.AsyncClient, space: str
) -> None:
    mine = gateway.sessions.bound(new_id(), space.split("/")[3], HOST.id)
    nowhere = space.replace(space.split("/")[3], "nowhere")
    asked: list[tuple[str, dict[str, str], int, str | None]] = [
        (f"{space}?session={mine}", {"Idempotency-Key": "k1"}, 201, None),
        (f"{space}?session={mine}&other=1", {}, 422, "invalid"),
        (f"{space}?other=1", {}, 422, "invalid"),
        (f"{space}?session={new_id()}", {}, 404, "session_unknown"),
        (f"{space}?session=nonsense", {}, 422, "invalid"),
        (f"{space}?session=", {}, 422, "invalid"),
        (space, {"Idempotency-Key": "k" * 129}, 422, "invalid"),
        (space, {"Idempotency-Key": "two words"}, 422, "invalid"),
        (space, {"Authorization": "Basic b3BlbjpzZXNhbWU="}, 401, "unauthenticated"),
        (space, {"Authorization": "Bearer nonsense"}, 401, "unauthenticated"),
        (nowhere, {}, 404, "space_unknown"),
    ]
    for path, headers, status, reason in asked:
        answer = await http.post(path, content=OFFER, headers=SDP | headers)
        told = None if answer.is_success else answer.json()["reason"]
        assert (answer.status_code, told) == (status, reason), (path, headers)
