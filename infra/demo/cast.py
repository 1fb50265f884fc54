"""Who takes part in a demo: speakers with something to say, and listeners."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.demo import speech, voice
from infra.demo.client import Client, Ears, Microphone
from infra.demo.voice import FRAME_SECONDS, Speech

SPEECH = Path(speech.__file__).parent


class CastError(Exception):
    """A demo that cannot be played as asked for; the message says what to change."""


@dataclass
class Part:
    """What one speaker has to say."""

    name: str
    packets: list[bytes]
    silence: tuple[float, float] | None = None
    """Seconds of the speech: muted at the first, unmuted when the second has passed."""
    text: str | None = None
    """The words that can be heard of it, where they are known."""

    @property
    def seconds(self) -> float:
        return len(self.packets) * FRAME_SECONDS


@dataclass
class Speaker:
    """A person on stage."""

    part: Part
    client: Client
    microphone: Microphone
    muted_from: float | None = None
    """Unix time at which the gateway had confirmed that the host muted them."""
    muted_until: float | None = None

    @property
    def name(self) -> str:
        return self.part.name

    @property
    def speech(self) -> Speech:
        return self.microphone.speech

    @classmethod
    async def sign_up(cls, url: str, part: Part, handle: str) -> Speaker:
        client = await Client.sign_up(url, handle, part.name)
        return cls(part, client, Microphone(client, Speech(part.packets)))


@dataclass
class Listener:
    """Somebody in the audience; anonymous where the client has no person."""

    name: str
    client: Client
    ears: Ears
    session: str = ""


TITLE: Final = "Three short stories"
"""What the Space of the carried speakers is called."""
_LONGEST_TITLE: Final = 70


def carried() -> list[Part]:
    """The three speakers whose speech the project carries; the second is muted in the middle of a sentence."""
    parts = []
    for entry in json.loads((SPEECH / "transcripts.json").read_text()):
        silence = None
        sentences = [sentence["text"] for sentence in entry["sentences"]]
        if (muted := entry.get("muted_sentence")) is not None:
            sentence = entry["sentences"][muted]
            silence = ((sentence["start_s"] + sentence["end_s"]) / 2, sentence["end_s"] + 0.1)
            words = sentences[muted].split()
            sentences[muted] = " ".join(words[: len(words) // 2])
        parts.append(Part(entry["name"], voice.encode(SPEECH / entry["file"]), silence, " ".join(sentences)))
    return parts


def given(speakers: list[str], muted: list[str]) -> list[Part]:
    """Parts from `NAME=FILE` arguments; those named in `muted` are muted in the middle of what they say.

    Raises CastError, or UnreadableAudioError for a file that is no audio.
    """
    parts: list[Part] = []
    for argument in speakers:
        name, equals, file = argument.partition("=")
        if not equals or not name.strip() or not file:
            raise CastError(f"--speaker takes NAME=FILE, not {argument!r}")
        if len(name) > 50 or any(part.name == name for part in parts):
            raise CastError(f"--speaker: {name!r} is too long or named twice")
        parts.append(Part(name.strip(), voice.encode(Path(file)), text=_words_beside(Path(file))))
    for name in muted:
        part = next((p for p in parts if p.name == name), None)
        if part is None:
            raise CastError(f"--mute {name}: there is no such speaker; there are {', '.join(p.name for p in parts)}")
        part.silence = (part.seconds / 2, part.seconds)
        # Which of the words can be heard is not known.
        part.text = None
    return parts


def _words_beside(audio: Path) -> str | None:
    """What an audio file says: a text file beside it with the same name."""
    text = audio.with_suffix(".txt")
    try:
        return text.read_text() if text.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        raise CastError(f"{text} holds no words that can be read: {error}") from None


def title_of(parts: list[Part]) -> str:
    """What a Space of one's own speakers is called: after those who speak, where there is room for all."""
    *others, last = [part.name for part in parts]
    if not others:
        return last
    everybody = f"{', '.join(others)} and {last}"
    return everybody if len(everybody) <= _LONGEST_TITLE else f"{others[0]} and others"


def handle_of(name: str, number: int) -> str:
    """A handle for a name: its letters, and a number that makes it unique (at most 15 characters)."""
    letters = re.sub(r"[^a-z0-9]", "", name.lower())[:9] or "speaker"
    return f"{letters}_{number}"
