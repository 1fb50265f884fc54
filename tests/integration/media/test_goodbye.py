"""Clients are told in DTLS that a connection is over, at once and whoever ends it (RFC 7675, section 5.2)."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Final

import pytest

from contracts.media import v1
from libs.ids import new_id
from tests.integration.media.stage import Stage, person, set_stage
from tests.support.browser import LISTEN, chromium
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, pace
from tests.support.webrtc import Ear, Publisher, ear, speaker, told_of_the_end

ADA, BOB, EVE = person("Ada"), person("Bob"), person("Eve")


@pytest.mark.parametrize("seconds", [0, 5], ids=["at once", "when the handshake is no longer kept"])
async def test_whatever_ends_a_connection_its_client_is_told_at_once(stage: Stage, seconds: float) -> None:
    """Without a goodbye, clients notice at their next unanswered checks: aiortc after six of them, 5 s apart. That is
    longer than any of them is waited for here."""
    space, other = stage.room.live(ADA, BOB, EVE), stage.room.live(ADA)
    mine, hers = new_id(), new_id()
    async with AsyncExitStack() as stack:
        leaves: Ear = await stack.enter_async_context(ear(stage.whep(space, session_id=mine)))
        stays: Ear = await stack.enter_async_context(ear(stage.whep(space)))
        ends: Ear = await stack.enter_async_context(ear(stage.whep(other)))
        removed: Ear = await stack.enter_async_context(ear(stage.whep(space, BOB)))
        ada: Publisher = await stack.enter_async_context(speaker(stage.whip(space, ADA)))
        bob: Publisher = await stack.enter_async_context(speaker(stage.whip(space, BOB)))
        eve: Publisher = await stack.enter_async_context(speaker(stage.whip(space, EVE, session_id=hers)))
        await pace(time.monotonic() + seconds)

        await stage.disconnect(mine)  # DELETE
        await told_of_the_end(leaves.pc)
        await stage.room.ended(other)
        await told_of_the_end(ends.pc)
        await stage.room.stage_left(space, ADA)  # moved to the listeners
        await told_of_the_end(ada.pc)
        await stage.room.removed(space, BOB)
        await asyncio.gather(told_of_the_end(removed.pc), told_of_the_end(bob.pc))
        async with speaker(stage.whip(space, EVE)) as again:  # from another client
            await told_of_the_end(eve.pc)
            for kept in (stays.pc, again.pc):
                assert kept.connectionState == "connected"


@pytest.mark.parametrize("seconds", [0, 5], ids=["at once", "when the handshake is no longer kept"])
async def test_a_client_that_says_goodbye_is_gone_at_once(stage: Stage, seconds: float) -> None:
    """Without its goodbye it would be gone after 30 s, and as one that expired."""
    space = stage.room.live(ADA)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(ear(stage.whep(space)))
        await stack.enter_async_context(speaker(stage.whip(space, ADA)))
        await pace(time.monotonic() + seconds)
    await stage.facts.until(v1.Disconnected, lambda e: (e.space_id, e.direction) == (space.id, "publish"))
    await stage.facts.until(v1.Disconnected, lambda e: (e.space_id, e.direction) == (space.id, "subscribe"))
    assert {event.reason for event in stage.facts.of(v1.Disconnected)} == {"closed"}


CLOSES: Final = """async (answer) => {
    const until = (what, event, holds) => new Promise((resolve) => {
        const look = () => holds() && resolve();
        what.addEventListener(event, look);
        look();
    });
    await pc.setRemoteDescription({ type: 'answer', sdp: answer });
    await until(pc, 'connectionstatechange', () => pc.connectionState === 'connected');
    const { transport } = pc.getReceivers()[0];
    window.over = until(transport, 'statechange', () => transport.state === 'closed');
}"""


@pytest.mark.browser
async def test_chromium_notices_a_goodbye_before_it_misses_anything(stage: Stage) -> None:
    space, session_id = stage.room.live(ADA), new_id()
    async with chromium() as browser:
        page = await browser.new_page()
        answer = await stage.whep(space, session_id=session_id)(await page.evaluate(LISTEN))
        await page.evaluate(CLOSES, answer)
        await stage.disconnect(session_id)
        async with asyncio.timeout(LIMIT):
            await page.evaluate("window.over")
        assert await page.evaluate("pc.iceConnectionState") in ("connected", "completed")


async def test_a_node_that_stops_says_goodbye(nats_server: NatsServer) -> None:
    async with AsyncExitStack() as stack:
        async with set_stage(nats_server) as stage:
            space = stage.room.live(ADA)
            listener = await stack.enter_async_context(ear(stage.whep(space)))
        await told_of_the_end(listener.pc)


async def test_a_client_with_another_certificate_is_told_too(stage: Stage) -> None:
    space = stage.room.live(ADA)

    async def forged(offer: str) -> str:
        lines = [line for line in offer.splitlines() if not line.startswith("a=fingerprint:")]
        at = next(number for number, line in enumerate(lines) if line.startswith("a=setup:"))
        lines.insert(at, "a=fingerprint:sha-256 " + ":".join(["AB"] * 32))
        return await stage.whep(space)("\r\n".join(lines) + "\r\n")

    async with ear(forged, wait=False, slots=1) as listener:
        await told_of_the_end(listener.pc)
        gone = await stage.facts.until(v1.Disconnected, lambda e: e.space_id == space.id)
        assert gone.reason == "failed"


@pytest.mark.parametrize("where", ["session", "before", "after"])
async def test_a_fingerprint_of_another_certificate_beside_the_right_one_harms_nothing(
    stage: Stage, where: str
) -> None:
    space = stage.room.live(ADA)
    wrong = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)

    async def doubled(offer: str) -> str:
        lines = [
            line
            for line in offer.splitlines()
            if not line.startswith(("a=fingerprint:sha-384", "a=fingerprint:sha-512"))
        ]
        right = next(line for line in lines if line.startswith("a=fingerprint:"))
        text = "\r\n".join(lines) + "\r\n"
        if where == "session":
            text = text.replace("t=0 0\r\n", f"t=0 0\r\n{wrong}\r\n")
        else:
            text = text.replace(right, f"{wrong}\r\n{right}" if where == "before" else f"{right}\r\n{wrong}")
        assert wrong in text
        return await stage.whep(space)(text)

    async with ear(doubled):
        await stage.facts.until(v1.Connected, lambda e: e.space_id == space.id)
