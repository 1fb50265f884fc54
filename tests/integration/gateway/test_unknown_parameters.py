"""A query parameter that a route does not know is refused, not passed over."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from libs.ids import new_id
from services.gateway.http import _app
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running

FILES = (".m4a", ".ogg", ".opus", ".{form}", ".{format}", ".xml", ".m3u8", ".mp4", ".m4s")


async def test_no_route_of_the_api_takes_a_parameter_it_does_not_know(gateway: Running, behind: Backend) -> None:
    routes = [route for route in _app().routes if isinstance(route, APIRoute) and route.path.startswith("/v1/")]
    assert len(routes) > 80
    async with gateway.client(new_id()) as client:
        for route in routes:
            path = route.path_format.replace("{caption_id}", "c")
            for name in route.param_convertors:
                path = path.replace(f"{{{name}}}", new_id())
            (method, *_) = sorted((route.methods or set()) - {"OPTIONS"}) or ["OPTIONS"]
            answer = await client.http.request(method, f"{path}?access_tokn=x")
            refused = answer.status_code == 422 and "access_tokn" in answer.text
            assert refused is not (path.endswith(FILES) or method == "OPTIONS" or route.path.endswith(FILES)), path


@pytest.mark.parametrize(
    "path",
    [
        "/v1/spaces?cursr=x",
        "/v1/spaces?q=tea&unknown=",
        "/v1/me?x",
        "/v1/topics?%74opic=a",
        "/v1/topics?a=b&a=c",
        "/v1/spaces?limit=1&limit=2",
        "/v1/spaces?state=live&q=a&st%61te=ended",
    ],
)
async def test_the_answer_says_which(gateway: Running, behind: Backend, path: str) -> None:
    async with gateway.client(new_id()) as client:
        answer = await client.http.get(path)
        assert (answer.status_code, answer.json()["reason"]) == (422, "invalid")
        assert "query parameter" in answer.json()["detail"]


async def test_a_parameter_of_its_own_is_taken_and_so_is_anything_by_the_page(
    gateway: Running, behind: Backend
) -> None:
    space = behind.add(a_person("Host"))
    async with gateway.client(new_id()) as client:
        assert (await client.http.get("/v1/spaces?state=live&limit=5")).status_code == 200
        assert (await client.http.get(f"/spaces/{space.id}?from=mail")).status_code == 200
        async with client.events(f"/v1/spaces/{space.id}/events?last_event_id=0") as events:
            await events.until("snapshot")


async def test_live_events_over_a_socket_are_as_strict(gateway: Running, behind: Backend) -> None:
    assert any(isinstance(route, APIWebSocketRoute) for route in _app().routes)
    space = behind.add(a_person("Host"))
    async with gateway.client(new_id()) as client:
        refused = await client.not_live(f"/v1/spaces/{space.id}/live", sesion="1")
        assert refused == (422, "invalid")
