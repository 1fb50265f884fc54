"""One running system and the browsers that visit it, for all tests of the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from infra.launcher import System
from tests.support.browser import chromium, write_tone

TONE_HZ = 1000


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running system; the tests bring their own people and Spaces."""
    async with System(tmp_path_factory.mktemp("page"), gateway_port=0) as system:
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
