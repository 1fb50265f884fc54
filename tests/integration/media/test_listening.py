"""What a browser had to make up while people take turns: concealed samples that can be heard stay under 0.5 %.

Ten minutes in `make soak`, on a machine with nothing else to do; `ROSTRUM_LISTEN_SECONDS` makes them more or fewer. The
few seconds of every run share the machine with other tests, which hold up speakers and browser alike: there it is only
what would be broken anywhere that is noticed.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest
from playwright.async_api import Browser, Page

from contracts.envelope import PersonRef
from contracts.media import v1
from contracts.room import v1 as spaces
from tests.integration.media.stage import Stage, person
from tests.support.browser import chromium
from tests.support.talkers import Talkers
from tests.support.waiting import pace

LONG: Final = float(os.environ.get("ROSTRUM_LISTEN_SECONDS", "600"))
PEOPLE: Final = 5
RATE: Final = 48_000

_OFFER: Final = """async () => {
    window.pc = new RTCPeerConnection();
    window.players = [];
    pc.ontrack = ({ track }) => {
        const player = Object.assign(new Audio(), { srcObject: new MediaStream([track]) });
        player.play();
        players.push(player);
    };
    for (let slot = 0; slot < 3; slot++) pc.addTransceiver('audio', { direction: 'recvonly' });
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
}"""
_CONNECT: Final = """async (sdp) => {
    await pc.setRemoteDescription({ type: 'answer', sdp });
    while (pc.connectionState !== 'connected')
        await new Promise((next) => pc.addEventListener('connectionstatechange', next, { once: true }));
}"""
_SLOTS: Final = """async () => [...(await pc.getStats()).values()].filter((it) => it.type === 'inbound-rtp')
    .map((it) => ({
    played: it.totalSamplesReceived || 0, concealed: it.concealedSamples || 0, silent: it.silentConcealedSamples || 0,
    events: it.concealmentEvents || 0, packets: it.packetsReceived, lost: it.packetsLost,
}))"""


@dataclass(slots=True)
class Listener:
    """A page that plays all slots of a Space."""

    page: Page
    slots: list[dict[str, int]] = field(default_factory=list)

    async def look(self) -> None:
        """Asks the browser what it received and what it made up."""
        self.slots = await self.page.evaluate(_SLOTS)

    def sum(self, what: str) -> int:
        """Over all slots."""
        return sum(slot[what] for slot in self.slots)

    @property
    def made_up(self) -> float:
        """Samples that were concealed and could be heard, as a share of the audio that was received."""
        return (self.sum("concealed") - self.sum("silent")) / (self.sum("packets") * RATE / 50)

    def __str__(self) -> str:
        shares = [f"{(slot['concealed'] - slot['silent']) / RATE * 1000:.0f} ms" for slot in self.slots]
        return (
            f"{self.sum('packets') / 50:.0f} s of speech received, {self.sum('lost')} packets lost; "
            f"{', '.join(shares)} made up in the three slots, {self.made_up:.3%} of what was received"
        )


@asynccontextmanager
async def listening(browser: Browser, stage: Stage, space: spaces.Space) -> AsyncIterator[Listener]:
    """Plays the Space from here to the end."""
    page = await browser.new_page()
    try:
        await page.mouse.click(5, 5)  # a page that nobody touched plays nothing
        await page.evaluate(_CONNECT, await stage.whep(space)(await page.evaluate(_OFFER)))
        yield Listener(page)
    finally:
        await page.close()


class Conversation:
    """People who take turns, talk at the same time, fall silent, are muted, drop out in mid-sentence and come back."""

    def __init__(self, stage: Stage, space: spaces.Space, people: Sequence[PersonRef], talkers: Talkers) -> None:
        self._stage, self._space, self._people, self._talkers = stage, space, people, talkers
        self._chance = random.Random(11)
        self.turns = 0

    async def begin(self) -> None:
        """Everybody connects."""
        for who in self._people:
            await self._join(who)

    async def _join(self, who: PersonRef) -> None:
        await self._talkers.join(who.id, self._stage.whip(self._space, who))

    async def go_on(self, seconds: float) -> None:
        """They talk for so long, and to the end of the turn."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            await self._turn()

    async def _turn(self) -> None:
        chance = self._chance
        talking = chance.sample(self._people, k=chance.choice((1, 1, 2, 2, 3, 4)))
        for who in talking:
            self._talkers.talk(who.id, chance.uniform(0.8, 3.0))
            await pace(time.monotonic() + chance.uniform(0.1, 0.8))  # how people follow each other
        await self._interrupt(chance.choice(talking))
        for who in talking:
            await self._talkers.silence(who.id)
        await pace(time.monotonic() + chance.choice((0.0, 0.3, 1.5)))
        self.turns += 1

    async def _interrupt(self, who: PersonRef) -> None:
        """Now and then somebody is cut off in mid-sentence, and is there again at once."""
        match self._chance.randrange(5):
            case 0:
                await self._stage.room.muted(self._space, who)
                await pace(time.monotonic() + 0.5)
                await self._stage.room.unmuted(self._space, who)
            case 1:
                await self._talkers.drop(who.id)
                await self._join(who)
            case _:
                pass


@pytest.mark.browser
@pytest.mark.parametrize(
    ("seconds", "most"),
    [
        pytest.param(9.0, 0.5, id="short", marks=pytest.mark.timeout(120)),
        pytest.param(LONG, 0.005, id="long", marks=[pytest.mark.soak, pytest.mark.timeout(LONG + 180)]),
    ],
)
async def test_a_browser_makes_up_next_to_nothing_while_people_take_turns(
    stage: Stage, seconds: float, most: float
) -> None:
    people = [person(f"Speaker {number}") for number in range(PEOPLE)]
    space = stage.room.live(*people)
    async with (
        Talkers([who.id for who in people]) as talkers,
        chromium() as browser,
        listening(browser, stage, space) as first,
    ):
        conversation = Conversation(stage, space, people, talkers)
        await conversation.begin()
        await conversation.go_on(seconds / 3)
        async with listening(browser, stage, space) as late:
            await conversation.go_on(seconds * 2 / 3)
            for listener in (first, late):
                await listener.look()
        pace = await talkers.lateness()
    changes = len([event for event in stage.facts.of(v1.Speaking) if event.space_id == space.id])
    print(
        f"\n{conversation.turns} turns, {changes} changes of who speaks; speakers' frames late by {pace}\n"
        f"from the beginning: {first}\njoined late: {late}"
    )
    assert changes > seconds / 4
    for listener in (first, late):
        assert min(slot["played"] for slot in listener.slots) > RATE * seconds / 2, "it plays what it receives"
        assert listener.sum("lost") == 0
        assert listener.made_up < most
