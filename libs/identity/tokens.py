"""What a token says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Claims:
    """A verified token: the person (`sub`), whether they act for those who run the instance, until when it is good."""

    person_id: str
    operator: bool
    expires_at: datetime
