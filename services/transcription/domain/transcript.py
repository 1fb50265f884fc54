"""A Space's transcript: what was said, by whom, and how far the captured audio is accounted for."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec

from libs.eventstore import Aggregate, Fact, Meta
from libs.keyring import Words
from libs.refusal import Refusal
from services.transcription.domain.facts import (
    CaptionCorrected,
    CaptionDeleted,
    Captioned,
    CaptionRestored,
    Completed,
    Deleted,
    HostNoted,
    TranscriptOpened,
    Unrecorded,
)


class Correction(msgspec.Struct, frozen=True):
    """The host's words in place of what was heard."""

    text: Words
    by: str
    wording: str


@dataclass(frozen=True, slots=True)
class Wording:
    """What a host wants a caption to say; the words are sealed, so who sealed them also compared them."""

    id: str
    text: Words
    same_as: Literal["heard", "shown"] | None
    """What it says already, in the same words; `heard` where both do."""


def tidy(text: str) -> str:
    """The words of a correction as they are kept. Raises Refusal invalid."""
    text = " ".join(text.split())
    if all(unicodedata.category(letter)[0] in "CZ" for letter in text):
        raise Refusal("invalid", "Write what was said; nothing in it can be seen.", field="text")
    return text


class Detected(msgspec.Struct, frozen=True):
    """The language that somebody was found to speak."""

    lang: str
    at: datetime
    """When what it was found out from was begun."""


@dataclass(frozen=True, slots=True)
class CapturePosition:
    """How far the captured audio of a Space is accounted for, in stream sequences."""

    epoch: str = ""
    resume: int = 0
    sessions: dict[str, int] = field(default_factory=dict)

    def of(self, session_id: str) -> int:
        """Bundles of this session up to here must not be recognised again."""
        return self.sessions.get(session_id, 0)


class Transcript(Aggregate):
    """The transcript of one Space."""

    lang: str = ""
    started_at: datetime | None = None
    completed: bool = False
    deleted: bool = False
    host: str = ""
    """Empty until room has told."""
    recorded: bool = True
    captions: list[Captioned] = msgspec.field(default_factory=list)
    corrections: dict[str, Correction] = msgspec.field(default_factory=dict)
    """By caption."""
    rejected: set[str] = msgspec.field(default_factory=set)
    """Captions whose speakers want them as they were heard."""
    removed: dict[str, str] = msgspec.field(default_factory=dict)
    """Captions that were deleted, and who spoke."""
    detected: dict[str, Detected] = msgspec.field(default_factory=dict)
    """By person."""
    position: CapturePosition = msgspec.field(default_factory=CapturePosition)
    _ids: set[str] = msgspec.field(default_factory=set)

    @property
    def shown(self) -> bool:
        """Whether there is anything to show: it was begun, and is not deleted."""
        return self.started_at is not None and not self.deleted

    def note(self, host: str, *, recorded: bool) -> list[Fact]:
        """Learn whose Space with captions this is, and whether it is recorded; once."""
        if self.deleted or self.host:
            return []
        facts: list[Fact] = [HostNoted(host=host)]
        if not recorded:
            facts.append(Unrecorded())
            if self.completed:
                facts.append(Deleted())
        return facts

    def change_host(self, host: str) -> list[Fact]:
        """Learn who hosts it now; nothing where the Space has no captions."""
        return [HostNoted(host=host)] if self.host not in ("", host) and not self.deleted else []

    def open(self, lang: str, started_at: datetime) -> list[Fact]:
        """Begin it; once, and not after its replay was deleted."""
        return (
            [] if self.started_at is not None or self.deleted else [TranscriptOpened(lang=lang, started_at=started_at)]
        )

    def caption(self, caption: Captioned) -> list[Fact]:
        """Add a caption; nothing when it is there already, or the transcript is complete."""
        if self.started_at is None or self.completed or caption.caption_id in self._ids:
            return []
        return [caption]

    def complete(self) -> list[Fact]:
        """Nothing more will come; and where the Space is not recorded, nothing is kept."""
        if self.started_at is None or self.completed:
            return []
        words = sum(map(_count, self.captions))
        completed = Completed(captions=len(self.captions), words=words)
        return [completed] if self.recorded else [completed, Deleted()]

    def correctable(self, caption_id: str, actor: str) -> Captioned | None:
        """The caption, where somebody may put other words in its place."""
        if not self.shown or actor != self.host or caption_id in self.rejected:
            return None
        return next((caption for caption in self.captions if caption.caption_id == caption_id), None)

    def correct(self, caption_id: str, wording: Wording | None, *, actor: str) -> list[Fact]:
        """Put the host's words in place of what was heard, or what was heard in place of the host's.

        `wording` is None where the caption could not be corrected when the words were to be sealed. Refuses:
        transcript_unknown, not_ready, not_host, caption_unknown, correction_rejected.
        """
        self._check_shown()
        if not self.host:
            raise Refusal("not_ready", "Who hosts this Space is not known here yet; try again.", retry=True)
        if actor != self.host:
            raise Refusal("not_host", "Only the host of the Space corrects captions.")
        caption = self._caption(caption_id)
        if caption_id in self.rejected:
            raise Refusal(
                "correction_rejected", "The speaker rejected a correction; the caption stays as it was heard."
            )
        if wording is None:
            raise Refusal("not_ready", "This caption could not be corrected a moment ago; try again.", retry=True)
        if wording.same_as == "heard":
            return [_restored(caption, rejected=False)] if caption_id in self.corrections else []
        if wording.same_as == "shown":
            return []
        return [
            CaptionCorrected(
                caption_id=caption_id,
                person_id=caption.person_id,
                heard=caption.text,
                text=wording.text,
                by=actor,
                wording=wording.id,
            )
        ]

    def reject(self, caption_id: str, *, actor: str) -> list[Fact]:
        """Show what was heard instead of the host's words, for good.

        Refuses: transcript_unknown, caption_unknown, not_yours, wrong_state.
        """
        self._check_shown()
        caption = self._caption(caption_id)
        if actor != caption.person_id:
            raise Refusal("not_yours", "Only who said it rejects a correction.")
        if caption_id in self.rejected:
            return []
        if caption_id not in self.corrections:
            raise Refusal("wrong_state", "Nobody has corrected this caption.")
        return [_restored(caption, rejected=True)]

    def _check_shown(self) -> None:
        if not self.shown:
            raise Refusal("transcript_unknown", "This Space has no transcript.")

    def _caption(self, caption_id: str) -> Captioned:
        found = next((caption for caption in self.captions if caption.caption_id == caption_id), None)
        if found is None:
            raise Refusal("caption_unknown", "There is no such caption.")
        return found

    def delete_caption(self, caption_id: str, *, actor: str, operator: bool = False) -> list[Fact]:
        """Show one caption to nobody any more; again changes nothing.

        Refuses: transcript_unknown, caption_unknown, not_yours.
        """
        self._check_shown()
        gone = self.removed.get(caption_id)
        speaker = gone or self._caption(caption_id).person_id
        if actor not in (speaker, self.host) and not operator:
            raise Refusal("not_yours", "Only who said it, or the host of the Space, deletes what was said.")
        return [] if gone else [CaptionDeleted(caption_id=caption_id, person_id=speaker)]

    def delete_alone(self, *, actor: str, operator: bool = False) -> list[Fact]:
        """Show it to nobody any more, though the replay is kept; again changes nothing.

        Refuses: transcript_unknown, not_host, not_ready.
        """
        if self.started_at is None:
            raise Refusal("transcript_unknown", "This Space has no transcript.")
        if actor != self.host and not operator:
            raise Refusal("not_host", "Only the host of the Space deletes its transcript.")
        if not self.completed:
            raise Refusal("not_ready", "What was said is still being written down; delete it when it is.", retry=True)
        return [] if self.deleted else [Deleted(alone=True)]

    def delete(self) -> list[Fact]:
        """Show it to nobody any more, nor begin it; again changes nothing."""
        return [] if self.deleted else [Deleted()]

    def copied(self) -> Transcript:
        """What is shown of it, as it is now."""
        return msgspec.structs.replace(
            self,
            captions=list(self.captions),
            corrections=dict(self.corrections),
            rejected=set(self.rejected),
            removed=dict(self.removed),
        )

    def without(self, removed: Collection[str]) -> Transcript:
        """What is shown of it but these captions."""
        return msgspec.structs.replace(self, captions=[one for one in self.captions if one.caption_id not in removed])

    def spoken(self) -> tuple[Captioned, ...]:
        """All captions in the order in which they were begun."""
        return tuple(sorted(self.captions, key=lambda c: (c.start_at, c.caption_id)))

    def around(self, caption_id: str) -> tuple[Captioned, ...]:
        """A caption and the ones before and after it, in their order; none where there is no such caption."""
        spoken = self.spoken()
        at = next((number for number, one in enumerate(spoken) if one.caption_id == caption_id), None)
        return () if at is None else spoken[max(at - 1, 0) : at + 2]

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take a fact in."""
        match fact:
            case TranscriptOpened():
                self.lang, self.started_at = fact.lang, fact.started_at
            case Captioned():
                self.captions.append(fact)
                self._ids.add(fact.caption_id)
                if fact.detected:
                    self.detected[fact.person_id] = Detected(fact.lang, fact.start_at)
                sessions = self.position.sessions if self.position.epoch == fact.epoch else {}
                resume = self.position.resume if self.position.epoch == fact.epoch else 0
                for session, sequence in {**fact.others, fact.session_id: fact.sequence}.items():
                    sessions[session] = max(sequence, sessions.get(session, 0))
                self.position = CapturePosition(fact.epoch, max(fact.resume, resume), sessions)
            case Completed():
                self.completed = True
            case HostNoted():
                self.host = fact.host
            case Unrecorded():
                self.recorded = False
            case CaptionCorrected():
                self.corrections[fact.caption_id] = Correction(fact.text, fact.by, fact.wording)
            case CaptionRestored():
                self.corrections.pop(fact.caption_id, None)
                if fact.rejected:
                    self.rejected.add(fact.caption_id)
            case CaptionDeleted():
                # Its id stays known: after a crash, the same speech would be written down again.
                self.captions = [one for one in self.captions if one.caption_id != fact.caption_id]
                self.corrections.pop(fact.caption_id, None)
                self.rejected.discard(fact.caption_id)
                self.removed[fact.caption_id] = fact.person_id
            case Deleted():
                # Nothing is added to it either.
                self.deleted = self.completed = True
                self.captions.clear()
                self.corrections.clear()
                self.rejected.clear()
                self.removed.clear()
                self.detected.clear()


def _count(caption: Captioned) -> int:
    return len(caption.text.split()) if isinstance(caption.text, str) else caption.count


def _restored(caption: Captioned, *, rejected: bool) -> CaptionRestored:
    return CaptionRestored(
        caption_id=caption.caption_id, person_id=caption.person_id, heard=caption.text, rejected=rejected
    )
