"""The API can be read and tried at /docs, in a real browser, without anybody else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import ConsoleMessage, Page, expect

from services.gateway.http import openapi
from services.gateway.http.pages import API_DOCS
from tests.integration.gateway.conftest import Running
from tests.support.browser import chromium
from tests.support.waiting import LIMIT

ROOT = Path(__file__).parents[3]
OPERATIONS = [operation for path in openapi()["paths"].values() for operation in path.values()]
expect.set_options(timeout=LIMIT * 1000)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
async def test_operations_are_listed_and_one_is_tried(gateway: Running, width: int, scheme: Any) -> None:
    asked: list[str] = []
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.set_default_timeout(LIMIT * 1000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{gateway.base}/docs")
        tags = sorted({tag for operation in OPERATIONS for tag in operation["tags"]})
        await expect(page.locator(".opblock-tag")).to_have_count(len(tags))
        for tag in ("spaces", "operators"):
            await page.locator(f"#operations-tag-{tag} .expand-operation").click()
        shown = [operation for operation in OPERATIONS if {"spaces", "operators"} & {*operation["tags"]}]
        await expect(page.locator(".opblock")).to_have_count(len(shown))
        assert await luminance(page, "body") > 0.5 if scheme == "light" else await luminance(page, "body") < 0.2
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, "nobody scrolls sideways"

        create = page.locator("#operations-spaces-createSpace")
        await create.locator(".opblock-summary-control").click()
        await expect(create.locator(".opblock-section-request-body")).to_contain_text("On bees")

        health = page.locator("#operations-operators-healthz")
        await health.locator(".opblock-summary-control").click()
        await health.get_by_text("Try it out").click()
        await health.get_by_text("Execute").click()
        await expect(health.locator(".live-responses-table")).to_contain_text("alive")

    assert complaints == []
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(gateway.base).netloc}


async def luminance(page: Page, selector: str) -> float:
    """How light the background of an element is, from 0 to 1."""
    colour = await page.locator(selector).evaluate("element => getComputedStyle(element).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / (3 * 255)


async def test_the_viewer_is_as_its_makers_publish_it_and_may_do_little(gateway: Running) -> None:
    locked = json.loads((ROOT / "infra" / "page" / "package-lock.json").read_text())
    version = locked["packages"]["node_modules/swagger-ui-dist"]["version"]
    bundle = (API_DOCS / "swagger-ui" / "swagger-ui-bundle.js").read_text()
    assert f'"{version}"' in bundle, "copy what the lock names: infra/setup/page.sh does"
    assert (API_DOCS / "swagger-ui" / "LICENSE").exists()
    async with gateway.client() as client:
        answer = await client.http.get("/docs")
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "script-src 'self'" in policy
        assert (await client.http.get("/docs/swagger-ui/swagger-ui.css")).status_code == 200
        assert (await client.http.get("/docs/../settings.py")).status_code == 404
        assert (await client.http.get("/docs/nothing")).headers["content-type"] == "application/problem+json"
