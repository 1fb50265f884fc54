"""People and Spaces with a word of its own in every field that somebody can write or say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import numpy as np

from infra.demo import voice
from infra.demo.cast import SPEECH, Part, Speaker
from infra.demo.client import Client
from infra.demo.live_events import LiveEvent
from infra.demo.story import Watcher
from infra.demo.voice import FRAME_SECONDS
from services.notifications.adapters import web_push
from tests.support.needles import Tone, needle
from tests.support.tones import RATE
from tests.support.waiting import LIMIT
from tests.unit.recording.sounds import encode

PATIENCE: Final = {"ROSTRUM_TRANSCRIPTION_FLUSH_AFTER": "10"}
"""Packets of somebody who speaks may be so late without their sentence being cut in two, which would be recognised as
other words. A speaker on a busy machine stops for a second now and then."""
_READY_SECONDS: Final = LIMIT
_SENTENCES: Final = (
    ("awb", 0, "garden club"),
    ("awb", 2, "apple trees"),
    ("awb", 3, "public library"),
    ("rms", 0, "railway station"),
    ("rms", 3, "private company"),
    ("slt", 0, "sailing together"),
    ("slt", 3, "until the morning"),
    ("slt", 4, "better weather"),
)
"""Of the carried speech: whose, which sentence, and what nobody says in another one of these."""
_PACKETS: Final = 6
"""So many packets of what was said are looked for."""
_TONE_SECONDS: Final = 0.6
_SILENCE_SECONDS: Final = 0.7
"""Longer than what ends an utterance."""


@dataclass(frozen=True)
class Person:
    """Somebody with a word of their own in each field of their profile, and a tone of their own at the end of what
    they say."""

    speaker: Speaker
    words: Mapping[str, str]
    tone: Tone
    hidden: str
    """A word in the address of their browser, which nobody is ever shown."""

    @property
    def client(self) -> Client:
        return self.speaker.client


@dataclass
class Place:
    """A Space, who is in it, and what was written and said there."""

    id: str
    host: Person
    guest: Person
    base: str
    words: dict[str, str] = field(default_factory=dict)
    """By what it stands in."""
    by_guest: set[str] = field(default_factory=set)
    """Which of them the guest wrote or said."""
    packets: list[bytes] = field(default_factory=list)
    """Of what the guest said."""
    reported: str = ""
    """The report of what the guest said."""
    answered: str = ""
    """The request that was accepted, which is forgotten with that."""
    pin_id: str = ""
    caption_id: str = ""


@cache
def said(number: int) -> tuple[list[bytes], str]:
    """A sentence as packets, and words that only it has."""
    name, which, words = _SENTENCES[number]
    entry = next(one for one in json.loads((SPEECH / "transcripts.json").read_text()) if one["file"] == f"{name}.flac")
    sentence = entry["sentences"][which]
    packets = _encoded(entry["file"])
    begin, end = (round(sentence[at] / FRAME_SECONDS) for at in ("start_s", "end_s"))
    return packets[max(0, begin - 5) : end + 15], words


@cache
def _encoded(name: str) -> list[bytes]:
    return voice.encode(SPEECH / name)


@asynccontextmanager
async def person(url: str, number: int) -> AsyncIterator[Person]:
    """Somebody who signed up and filled in everything; they say a sentence and then a tone when they are on stage."""
    tone = Tone(2000.0 + 170 * number)
    packets = [*said(number)[0], *_sung(tone)]
    words = {
        "handle": needle()[:15],
        "name": needle(),
        "bio": needle(),
        "link": needle(),
        "jar": needle()[:20],
    }
    async with AsyncExitStack() as stack:
        speaker = await Speaker.sign_up(url, Part(str(words["name"]), packets), str(words["handle"]))
        stack.push_async_callback(speaker.client.aclose)
        stack.push_async_callback(speaker.microphone.close)
        profile = {"bio": words["bio"], "links": [f"https://example.org/{words['link']}"]}
        await speaker.client.call("PATCH", "/v1/me", profile)
        jar = {"names": {"paypal": words["jar"]}, "enabled": True, "public_names_acknowledged": True}
        await speaker.client.call("PUT", "/v1/me/tip-jar", jar)
        hidden = needle()
        await speaker.client.call("PUT", "/v1/me/push", _browser(hidden))
        yield Person(speaker, words, tone, hidden)


def _browser(word: str) -> dict[str, Any]:
    """A browser whose push service takes nothing, so that everything that it is to be told waits."""
    public, _ = web_push.new_key()
    auth = web_push.encode(os.urandom(16))
    return {"address": f"http://127.0.0.1:9/{word}", "p256dh": public, "auth": auth, "reminders": True, "live": True}


def _sung(tone: Tone) -> list[bytes]:
    """A tone as packets, with silence before and behind it, so that what is said ends where it does, and not where
    packets are late on a busy machine (`PATIENCE`)."""
    at = np.arange(round(_TONE_SECONDS * RATE)) / RATE
    silence = np.zeros(round(_SILENCE_SECONDS * RATE))
    samples = np.concatenate((silence, 0.3 * np.sin(2 * np.pi * tone.hertz * at), silence))
    return encode(samples.astype(np.float32))


async def place(
    url: str, host: Person, guest: Person, number: int, *, both_sing: bool = False, **settings: Any
) -> Place:
    """A Space in which `guest` asks, is let in and says a sentence, and in which every other field is filled; live.
    Where `both_sing`, the host's tone is heard too."""
    title, word = needle(), needle()
    space = await host.client.call("POST", "/v1/spaces", {"title": title, **settings})
    made = Place(space["id"], host, guest, f"/v1/spaces/{space['id']}")
    await host.client.join(made.base)
    await host.client.call("PUT", f"{made.base}/words", {"words": [word]})
    made.words = {"title": title, "word": word}
    await _pin(made)
    await _remove_somebody(url, made)
    await _ask(made)
    await guest.client.call("PUT", f"/v1/me/following/{host.client.id}")
    await _tip(made)
    if settings.get("recorded") or settings.get("captions"):
        await _speak(made, number, captions=bool(settings.get("captions")))
    if both_sing:
        await _say(made, host, len(said(0)[0]))
    return made


async def _pin(made: Place) -> None:
    made.words |= {"pinned link": needle(), "pinned text": needle()}
    pin = {"url": f"https://example.org/{made.words['pinned link']}", "text": made.words["pinned text"]}
    space = await made.host.client.call("POST", f"{made.base}/pins", pin)
    (made.pin_id,) = (one["id"] for one in space["pins"])


async def _remove_somebody(url: str, made: Place) -> None:
    troll = await Client.sign_up(url, needle()[:15], "Troll")
    async with contextlib.aclosing(troll):
        await troll.join(made.base)
        made.words["reason of a removal"] = needle()
        order = {"person_id": troll.id, "reason": made.words["reason of a removal"]}
        await made.host.client.call("POST", f"{made.base}/removals", order)


async def _ask(made: Place) -> None:
    made.words["request"] = needle()
    made.by_guest.add("request")
    await made.guest.client.join(made.base)
    await made.guest.client.call("POST", f"{made.base}/requests", {"message": made.words["request"]})


async def _tip(made: Place) -> None:
    made.words["tip"] = needle()
    made.by_guest.add("tip")
    # Their session may be over by now, where the machine is slow.
    await made.guest.client.join(made.base)
    tip = {"to": made.host.client.id, "provider": "paypal", "amount_minor": 500, "currency": "USD"}
    await made.guest.client.call("POST", f"{made.base}/tips", {**tip, "note": made.words["tip"]})


async def _speak(made: Place, number: int, *, captions: bool) -> None:
    """The guest is let in and says their sentence."""
    guest, host = made.guest, made.host
    packets, words = said(number)
    await host.client.call("POST", f"{made.base}/requests/{guest.client.id}/accept")
    made.answered = made.words.pop("request")
    watcher = Watcher(host.client, f"{made.base}/events")
    watching = asyncio.create_task(watcher.run())
    try:
        await watcher.wait("the first live event", lambda event: event.name == "snapshot")
        await _say(made, guest)
        made.packets = sorted(packets, key=len)[-_PACKETS:]
        if captions:
            caption = await watcher.wait("a caption", lambda event: _has(event, words), _READY_SECONDS)
            made.caption_id = caption.data["caption"]["id"]
            made.words["sentence"] = words
            made.by_guest.add("sentence")
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _say(made: Place, speaker: Person, first: int = 0) -> None:
    """Somebody on stage says their packets from `first` on."""
    await speaker.speaker.microphone.connect(made.id)
    mine = f"{made.base}/stage/{speaker.client.id}"
    await speaker.client.call("POST", f"{mine}/unmute")
    await speaker.speaker.speech.say(first)
    await speaker.client.call("POST", f"{mine}/mute")


def _has(event: LiveEvent, words: str) -> bool:
    return event.name == "transcription.captioned" and words in event.data["caption"]["text"].lower()


async def end(made: Place) -> None:
    """End a Space; returns when whatever is kept of it is there."""
    host = made.host.client
    watcher = Watcher(host, f"{made.base}/events?last_event_id=0")
    watching = asyncio.create_task(watcher.run())
    try:
        space = await host.call("POST", f"{made.base}/end")
        if space["settings"]["recorded"]:
            await watcher.wait("the replay", lambda event: event.name == "recording.replay_ready", _READY_SECONDS)
        if space["settings"]["captions"] and not space["settings"]["ephemeral"]:
            await watcher.wait("the transcript", lambda event: event.name == "transcription.completed", _READY_SECONDS)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def report(made: Place) -> None:
    """The host reports what the guest said, as it was written down."""
    made.words["comment"] = needle()
    caption = {"kind": "caption", "space_id": made.id, "reference": made.caption_id}
    order = {"person_id": made.guest.client.id, "space_id": made.id, "reason": "other", "evidence": [caption]}
    made.reported = (await made.host.client.call("POST", "/v1/reports", {**order, "comment": made.words["comment"]}))[
        "id"
    ]


async def judge(operator: Client, person: Person) -> dict[str, str]:
    """An operator suspends somebody and takes it back, removes their picture, and suspends them once more, who appeals
    with success. What was written about it, by what it is."""
    fields = ("explanation", "explanation of taking it back", "reason for removing a picture", "appeal", "answer")
    words = {field: needle() for field in fields}
    of_person = f"/v1/ops/people/{person.client.id}"
    await operator.call("POST", f"{of_person}/suspend", {"reason": "other"})
    back = {"explanation": words["explanation of taking it back"]}
    await operator.call("POST", f"{of_person}/reinstate", back)
    removed = {"explanation": words["reason for removing a picture"]}
    await operator.call("DELETE", f"{of_person}/picture", removed)
    why = {"reason": "other", "explanation": words["explanation"]}
    await operator.call("POST", f"{of_person}/suspend", why)
    await person.client.call("POST", "/v1/me/appeals", {"text": words["appeal"]})
    verdict = {"granted": True, "answer": words["answer"]}
    await operator.call("POST", f"/v1/ops/moderation/appeals/{person.client.id}", verdict)
    return words


async def correct(made: Place) -> None:
    """The host puts other words in the place of what was heard."""
    made.words["correction"] = needle()
    path = f"{made.base}/transcript/captions/{made.caption_id}"
    await made.host.client.call("PATCH", path, {"text": f"It was {made.words['correction']}."})
