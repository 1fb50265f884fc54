"""How many people listened and spoke, how they reacted and tipped, and from when to when the Space was live.

A listener is a person, or a session of somebody who is not signed in.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from services.analytics.questions import OF_SPACE

SQL: Final = f"""
SELECT
    uniqExactIf(person_id, context = 'presence' AND name = 'joined' AND role = 'listener' AND person_id != ''),
    uniqExactIf(session_id, context = 'presence' AND name = 'joined' AND role = 'listener' AND person_id = ''),
    uniqExactIf(subject_id, context = 'presence' AND name = 'joined' AND subject_id != ''),
    uniqExactIf(person_id, context = 'room' AND name IN ('started', 'stage_joined')),
    minIfOrNull(at, context = 'room' AND name = 'started'),
    maxIfOrNull(at, context = 'room' AND name = 'ended'),
    sumMapIf(counts, context = 'presence' AND name = 'reacted'),
    uniqExactIf(subject_id, context = 'tipping' AND name = 'tip_offered'),
    uniqExactIf(subject_id, context = 'tipping' AND name = 'tip_confirmed')
{OF_SPACE} AND context IN ('presence', 'room', 'tipping')
"""


class Row(NamedTuple):
    """The only row, also of a Space that nobody knows."""

    persons: int
    anonymous: int
    signed_up: int
    """Of the anonymous ones those who signed up meanwhile, and are among the persons."""
    speakers: int
    started: datetime | None
    ended: datetime | None
    reactions: dict[str, int]
    tips_offered: int
    tips_confirmed: int
