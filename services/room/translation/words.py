"""Words that people wrote, on the wire, and on their way to the stream, which has them as they are stored."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from contracts.envelope import Event, PersonRef
from contracts.room import v1
from contracts.sealed import Box
from libs.eventstore import Notification
from libs.keyring import Sealed, Words
from libs.keyring.worded import Lack, Text
from services.room.domain import facts, values
from services.room.domain.written import words_of

TellWords = Callable[[str, str, Words], Text | Box]
"""What the stream holds of what somebody wrote: the Space, who, and their words as they are stored. Never away."""


def wire_settings(settings: values.Settings, title: Text) -> v1.Settings:
    """Stored settings on the wire."""
    return v1.Settings(
        title=shown_title(title),
        topics=settings.topics,
        lang=settings.lang,
        recorded=settings.recorded,
        captions=settings.captions,
        who_can_join=v1.WhoCanJoin(settings.who_can_join),
        who_can_speak=v1.WhoCanSpeak(settings.who_can_speak),
        kind=v1.Kind(settings.kind),
        ephemeral=settings.ephemeral,
    )


def stored_settings(settings: v1.Settings) -> values.Settings:
    """Settings of a command as they are stored."""
    return values.Settings(
        title=settings.title,
        topics=settings.topics,
        lang=settings.lang,
        recorded=settings.recorded,
        captions=settings.captions,
        who_can_join=settings.who_can_join.value,
        who_can_speak=settings.who_can_speak.value,
        kind=settings.kind.value,
        ephemeral=settings.ephemeral,
    )


def shown_title(title: Text) -> str:
    """A title, or what stands for it."""
    if isinstance(title, str):
        return title or v1.TITLE_REMOVED
    return v1.TITLE_REMOVED if title is Lack.ERASED else v1.TITLE_UNAVAILABLE


def words_in(words: tuple[str, ...] | Sealed, read: Callable[[Words], Text]) -> tuple[str, ...]:
    """A word list; none where `read` cannot tell what it says."""
    if isinstance(words, tuple):
        return () if any(isinstance(read(word), Lack) for word in words) else words
    text = read(words)
    return () if isinstance(text, Lack) else words_of(text)


def said(text: Text) -> str:
    """Words, or nothing where they are gone or away."""
    return "" if isinstance(text, Lack) else text


@lru_cache(maxsize=65_536)
def on_the_stream(person_id: str) -> PersonRef:
    """Somebody in an event: by their id."""
    return PersonRef.of(person_id)


class Telling:
    """The words of one fact, on their way to the stream."""

    def __init__(self, notification: Notification, told: TellWords) -> None:
        self._space_id = notification.aggregate_id
        self._told = told
        self.boxes: dict[str, Box] = {}
        """What is sealed, by its place in the event."""

    def text(self, path: str, by: str, words: Words, sealed: str = "") -> Text:
        """What `by` wrote, for this place in the event; `sealed` stands for what is sealed, and is not published."""
        text = self._told(self._space_id, by, words)
        if isinstance(text, Box):
            self.boxes[path] = text
            return sealed
        return text

    def boxes_of(self, event: Event) -> dict[str, Box]:
        """What is sealed of one event."""
        places = {word.path for word in event.worded}
        return {path: box for path, box in self.boxes.items() if path in places}

    def settings(self, settings: values.Settings, by: str) -> v1.Settings:
        """Settings with their title, of which `by` is the writer unless it says otherwise."""
        title = self.text("settings.title", settings.title_by or by, settings.title, v1.TITLE_UNAVAILABLE)
        return wire_settings(settings, title)


def worded_events(notification: Notification, telling: Telling, head: dict[str, Any]) -> list[Event] | None:
    """The events of a fact in which somebody wrote something; None of any other. `head` is what all events have."""
    fact, actor = notification.record.fact, notification.record.actor or ""
    match fact:
        case facts.Created():
            return [
                v1.Created(
                    **head,
                    host=on_the_stream(fact.host.id),
                    settings=telling.settings(fact.settings, fact.host.id),
                    scheduled_start=fact.scheduled_start,
                )
            ]
        case facts.Started():
            settings = telling.settings(fact.settings, fact.host.id)
            return [v1.Started(**head, host=on_the_stream(fact.host.id), settings=settings)]
        case facts.SettingsChanged():
            return [v1.SettingsChanged(**head, settings=telling.settings(fact.settings, actor))]
        case facts.WordsChanged():
            words = words_in(fact.words, lambda words: telling.text("words", actor, words, "[]"))
            return [v1.WordsChanged(**head, words=words)]
        case facts.Removed(listened=False):
            explanation = said(telling.text("explanation", actor, fact.explanation))
            return [
                v1.Removed(**head, person_id=fact.person_id, because=fact.because),
                v1.RemovalRecorded(**head, person_id=fact.person_id, explanation=explanation),
            ]
        case facts.Pinned():
            by = fact.person.id
            url = telling.text("pin.url", by, fact.url, v1.LINK_UNAVAILABLE)
            text = telling.text("pin.text", by, fact.text)
            if isinstance(url, Lack) or isinstance(text, Lack):
                return []
            at = notification.record.at
            pin = v1.Pin(id=fact.pin_id, url=url, text=text, person=on_the_stream(by), pinned_at=at)
            return [v1.Pinned(**head, pin=pin)]
        case facts.SpeakRequested():
            return [
                v1.SpeakRequested(
                    **head,
                    person=on_the_stream(fact.person.id),
                    message=said(telling.text("message", fact.person.id, fact.message)),
                    consent_to_recording=fact.consent_to_recording,
                )
            ]
        case _:
            return None
