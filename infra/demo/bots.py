"""A Space of speaking bots, so that a fresh page is not empty: `python -m infra.demo.bots URL STATE_FILE`.

The bots are the carried speakers. They remember who they are in STATE_FILE, end their Space when they are told to stop,
and an unfinished one of an earlier run when they start.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from infra.demo.cast import Part, Speaker, carried, handle_of
from infra.demo.client import Client, Microphone, RefusedError, heed
from infra.demo.voice import Speech

TITLE = "Gardens, railways and the sea"
PAUSE_SECONDS = 1.5
RETRY_SECONDS = 3.0

log = logging.getLogger("rostrum.bots")


async def host(url: str, state_file: Path, stop: asyncio.Event) -> None:
    """Until `stop`; connects anew whenever something breaks."""
    parts = carried()
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        space = asyncio.create_task(_one_space(url, parts, state_file, stop))
        await asyncio.wait({space, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            space.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await space
            except (RefusedError, OSError, httpx.HTTPError, TimeoutError) as error:
                log.warning("the demo Space broke off, beginning anew: %s", error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RETRY_SECONDS)


async def _one_space(url: str, parts: list[Part], state_file: Path, stop: asyncio.Event) -> None:
    state = _load(state_file)
    async with contextlib.AsyncExitStack() as stack:
        speakers = [await _known(url, part, number, state) for number, part in enumerate(parts)]
        for speaker in speakers:
            stack.push_async_callback(speaker.client.aclose)
        leader = speakers[0].client
        await _end(leader, state.get("space"))
        settings = {"title": TITLE, "topics": ["stories"], "captions": True, "recorded": False}
        space = await leader.call("POST", "/v1/spaces", settings)
        stack.push_async_callback(_end, leader, space["id"])
        state["space"] = space["id"]
        _save(state_file, state)
        base = f"/v1/spaces/{space['id']}"
        for guest in speakers[1:]:
            await guest.client.join(base)
            await guest.client.call("POST", f"{base}/requests", {})
            await leader.call("POST", f"{base}/requests/{guest.client.id}/accept")
        for speaker in speakers:
            stack.push_async_callback(speaker.microphone.close)
            await speaker.microphone.connect(space["id"])
            following = asyncio.create_task(heed(speaker.client, f"{base}/events", speaker.microphone))
            stack.callback(following.cancel)
        while not stop.is_set():
            for speaker in speakers:
                stage = f"{base}/stage/{speaker.client.id}"
                await speaker.client.call("POST", f"{stage}/unmute")
                async with asyncio.timeout(speaker.part.seconds + 10):
                    await speaker.speech.say()
                await speaker.client.call("POST", f"{stage}/mute")
                await asyncio.sleep(PAUSE_SECONDS)  # a pause between speakers


async def _known(url: str, part: Part, number: int, state: dict[str, Any]) -> Speaker:
    """The bot of an earlier run where the gateway still knows it, else a new one."""
    token = state.get(part.name)
    if token is not None:
        client = Client(url, token)
        try:
            client.person = await client.call("GET", "/v1/me")
            return Speaker(part, client, Microphone(client, Speech(part.packets)))
        except RefusedError:
            await client.aclose()
    handle = handle_of(part.name, int(time.time()) % 10_000 + number)
    speaker = await Speaker.sign_up(url, part, handle)
    state[part.name] = speaker.client.token
    return speaker


async def _end(leader: Client, space_id: str | None) -> None:
    if space_id is not None:
        with contextlib.suppress(RefusedError, httpx.HTTPError):
            await leader.call("POST", f"/v1/spaces/{space_id}/end")


def _load(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _save(path: Path, state: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(state))
    part.rename(path)


async def main(url: str, state_file: Path) -> None:
    """Host the Space at this gateway until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await host(url, state_file, stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s bots: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
