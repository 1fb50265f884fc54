"""From stored facts to contract events, and from a transcript to what is shown of it.

What is stored has ids of people, and words that are sealed: `who` tells what they are called now, and `vault` has
fetched the locks of `locked_in` or `locks_of`. Words that were erased are empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from contracts.envelope import Event
from contracts.transcription import v1
from libs.eventstore import Notification
from libs.keyring import Sealed
from libs.names import Who
from services.transcription.app.vault import Vault
from services.transcription.domain import (
    CaptionCorrected,
    Captioned,
    CaptionRestored,
    Completed,
    Correction,
    Transcript,
    Word,
    lock_of,
)


def named_in(notifications: Sequence[Notification]) -> Iterator[str]:
    """Ids of the people whose names are needed to translate these."""
    for notification in notifications:
        if isinstance(fact := notification.fact, Captioned):
            yield fact.person_id


def locked_in(notifications: Sequence[Notification]) -> Iterator[str]:
    """Names of the locks that are needed to translate these."""
    for notification in notifications:
        space_id = notification.aggregate_id
        match notification.fact:
            case Captioned(person_id=person_id, text=Sealed()) | CaptionRestored(person_id=person_id, heard=Sealed()):
                yield lock_of(space_id, person_id)
            case CaptionCorrected(person_id=person_id, heard=heard, text=text, by=by):
                if isinstance(heard, Sealed) or isinstance(text, Sealed):
                    yield lock_of(space_id, person_id)
                if isinstance(text, Sealed):
                    yield lock_of(space_id, by)
            case _:
                pass


def locks_of(transcript: Transcript, captions: Iterable[Captioned]) -> set[str]:
    """Names of the locks that are needed to show these captions of a transcript."""
    names = set()
    for caption in captions:
        correction = transcript.corrections.get(caption.caption_id)
        if isinstance(caption.text, Sealed):
            names.add(lock_of(transcript.id, caption.person_id))
        if correction is not None and isinstance(correction.text, Sealed):
            names |= {lock_of(transcript.id, person_id) for person_id in (caption.person_id, correction.by)}
    return names


def caption_of(space_id: str, fact: Captioned, who: Who, vault: Vault) -> v1.Caption:
    """A stored caption as it was heard. Raises Refusal unavailable while it is not known what its speaker is called,
    and Expired."""
    return v1.Caption(
        id=fact.caption_id,
        person=who(fact.person_id).ref,
        lang=fact.lang,
        text=vault.heard(space_id, fact),
        start_at=fact.start_at,
        end_at=fact.end_at,
        words=tuple(
            v1.Word(text=word.text, start=word.start, end=word.end, confidence=word.confidence)
            for word in vault.words(space_id, fact)
        ),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A caption of a transcript, and what it says."""

    fact: Captioned
    text: str
    correction: Correction | None
    """The correction that says so."""
    words: tuple[Word, ...] = ()
    """What was heard, word by word; none where it is corrected, or nobody asked for them."""


def shown_of(transcript: Transcript, fact: Captioned, vault: Vault, *, words: bool = False) -> Shown | None:
    """What a caption says, word by word too where those are wanted; None where it was erased. Raises Expired."""
    correction = transcript.corrections.get(fact.caption_id)
    if correction is None:
        text = vault.heard(transcript.id, fact)
    else:
        text = vault.correction(transcript.id, fact.caption_id, fact.person_id, correction)
    if not text:
        return None
    return Shown(fact, text, correction, vault.words(transcript.id, fact) if words and correction is None else ())


def shown_to(viewer: str | None, shown: Shown, transcript: Transcript, who: Who, vault: Vault) -> v1.Caption:
    """A caption as a person is shown it, without its words one by one. Raises as `caption_of` does."""
    fact, correction = shown.fact, shown.correction
    told = correction is not None and viewer is not None and viewer in (fact.person_id, transcript.host)
    return v1.Caption(
        id=fact.caption_id,
        person=who(fact.person_id).ref,
        lang=fact.lang,
        text=shown.text,
        start_at=fact.start_at,
        end_at=fact.end_at,
        corrected_by=None if correction is None else correction.by,
        heard=(vault.heard(transcript.id, fact) or None) if told else None,
        correction_rejected=fact.caption_id in transcript.rejected,
    )


def translate(notification: Notification, who: Who, vault: Vault) -> Sequence[Event]:
    """The contract events of a stored fact: always as many, whatever was erased since."""
    space_id, at, version = notification.aggregate_id, notification.record.at, notification.version
    match notification.fact:
        case Captioned() as fact:
            caption = caption_of(space_id, fact, who, vault)
            return [v1.Captioned(at=at, space_id=space_id, version=version, caption=caption)]
        case CaptionCorrected() as fact:
            text = vault.correction(space_id, fact.caption_id, fact.person_id, fact)
            corrected = v1.CaptionCorrected(
                at=at, space_id=space_id, version=version,
                caption_id=fact.caption_id, person_id=fact.person_id, text=text, by=fact.by,
            )  # fmt: skip
            if fact.by == fact.person_id:
                return [corrected]
            told = v1.OwnCaptionCorrected(
                at=at, space_id=space_id, version=version, caption_id=fact.caption_id, person_id=fact.person_id,
                text=text, heard=vault.heard_before(space_id, fact), by=fact.by,
            )  # fmt: skip
            return [corrected, told]
        case CaptionRestored() as fact:
            return [
                v1.CaptionRestored(
                    at=at, space_id=space_id, version=version, caption_id=fact.caption_id, person_id=fact.person_id,
                    text=vault.heard_before(space_id, fact), reason="rejected" if fact.rejected else "withdrawn",
                )
            ]  # fmt: skip
        case Completed() as fact:
            return [
                v1.Completed(at=at, space_id=space_id, version=version, captions=fact.captions, words=fact.words),
            ]
        case _:
            return []
