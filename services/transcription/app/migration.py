"""Transcripts that earlier versions stored, as they are stored today."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from libs.eventstore import Fact, Notification
from libs.keyring import Sealed
from libs.migration import Put
from services.transcription.app.caption_sealer import sealed_caption, sealed_wording
from services.transcription.domain.facts import (
    CaptionCorrected,
    Captioned,
    CaptionRestored,
    lock_of,
    unit_of,
)


def today(notification: Notification, put: Put) -> Fact:
    """A fact with its words sealed."""
    space_id, fact = notification.aggregate_id, notification.fact
    struct: Any = fact  # which type checkers do not see
    match fact:
        case Captioned():
            return sealed_caption(space_id, fact, put)
        case CaptionCorrected() | CaptionRestored():
            heard = put(lock_of(space_id, fact.person_id), unit_of(fact.caption_id), fact.heard)
            with_heard: Any = replace(struct, heard=heard)
            if isinstance(fact, CaptionRestored) or isinstance(fact.text, Sealed):
                return with_heard  # type: ignore[no-any-return]
            # Plain words had no unit of their own.
            wording = fact.wording or f"v{notification.version}"
            unit = unit_of(fact.caption_id, wording)
            text = sealed_wording(space_id, fact.person_id, fact.by, unit, fact.text, put)
            return replace(with_heard, text=text, wording=wording)  # type: ignore[no-any-return]
        case _:
            return fact
