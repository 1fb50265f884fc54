"""One running system and the browsers that visit it, for all tests of the page."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from contracts.room.v1 import REACTIONS as DEFAULT_REACTIONS
from infra.launcher import System
from tests.support.browser import chromium, write_tone

TONE_HZ = 1000
REACTIONS = [*(name for name in DEFAULT_REACTIONS if name != "fist"), "confetti"]
"""What this system takes: not all that the page has a picture of, and one that it has none of."""

CAPTIONED = ["de", "en"]
"""Languages that there are captions in."""


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def listed_origin() -> AsyncIterator[str]:
    """An origin that is not the system's, whose pages may use it; it serves an empty page at every address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            page = b"<!doctype html><title>Elsewhere</title>"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n" % len(page))
            writer.write(b"Connection: close\r\n\r\n" + page)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def system(tmp_path_factory: pytest.TempPathFactory, listed_origin: str) -> AsyncIterator[System]:
    """A running system; the tests bring their own people and Spaces."""
    settings = {
        "ROSTRUM_ROOM_REACTIONS": json.dumps(REACTIONS),
        "ROSTRUM_GATEWAY_CORS_ORIGINS": json.dumps([listed_origin]),
        # A push service of a test's own.
        "ROSTRUM_NOTIFICATIONS_PUSH_HOSTS": json.dumps(["127.0.0.1"]),
        "ROSTRUM_NOTIFICATIONS_PRIVATE_HOSTS": json.dumps(["127.0.0.1"]),
        "ROSTRUM_TRANSCRIPTION_LANGUAGES": json.dumps(CAPTIONED),
        # One person speaks at a time, and their words are renewed now and then.
        "ROSTRUM_TRANSCRIPTION_WORKERS": "1",
        "ROSTRUM_TRANSCRIPTION_PARTIAL_EVERY": "1.0",
    }
    async with System(tmp_path_factory.mktemp("page"), gateway_port=0, settings=settings) as system:
        yield system


@pytest.fixture
def url(system: System) -> str:
    """Where it answers."""
    return system.url


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A browser whose microphone hears a tone of TONE_HZ."""
    tone: Path = write_tone(tmp_path_factory.mktemp("microphone") / "tone.wav", TONE_HZ)
    async with chromium(microphone=tone) as browser:
        yield browser
