"""Types of times: what is kept and told is in UTC, whatever offset it was given with.

A time that somebody gives, in a body, a parameter or a command, is text with an offset (RFC 3339, section 5.6). Numbers
are refused, since nobody can tell seconds from milliseconds, and so is local time of an unknown place.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

_WRITTEN: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,12})?)?(?:[Zz]|[+-]\d\d:?\d\d)", re.ASCII
)


def in_utc(at: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for one that is in UTC before the year 1 or after the year 9999."""
    if at.tzinfo is UTC or not at.utcoffset():
        return at  # as it is, since making another one costs, and there are thousands a second
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC this time lies outside the years 1 to 9999") from None


def _as_text(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _WRITTEN.fullmatch(value)):
        return value
    raise ValueError("write the date, the time and its offset from UTC, as in 2026-12-01T19:00:16+05:45")


Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
"""A time in events and answers."""
GivenMoment = Annotated[AwareDatetime, BeforeValidator(_as_text), AfterValidator(in_utc)]
"""A time in what somebody asks for."""
