"""A bound on connections that were answered and have not finished DTLS."""

from __future__ import annotations

from collections import Counter

from libs.refusal import Refusal
from services.media.app.session import Session


class HalfOpen:
    """Counts half-open connections by person (their token) and by the address of the HTTP request. None is not counted.

    A connection counts until it is connected or closed, which happens after 30 s without consent at the latest.
    """

    def __init__(self, per_person: int, per_address: int) -> None:
        self._per_person = per_person
        self._per_address = per_address
        self._numbers: set[int] = set()
        self._people: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def check(self, person_id: str | None, address: str | None) -> None:
        """Check that another may be opened. Refuses: too_many_requests."""
        if (person_id is not None and self._people[person_id] >= self._per_person) or (
            address is not None and self._addresses[address] >= self._per_address
        ):
            detail = "Too many connections were begun and not completed; complete them, or wait half a minute."
            raise Refusal("too_many_requests", detail, retry=True)

    def add(self, session: Session) -> None:
        """Count a connection that was answered."""
        self._numbers.add(session.number)
        if session.person_id is not None:
            self._people[session.person_id] += 1
        if session.address is not None:
            self._addresses[session.address] += 1

    def done(self, session: Session) -> None:
        """Stop counting a connection that is connected or gone. A second call does nothing."""
        if session.number not in self._numbers:
            return
        self._numbers.discard(session.number)
        for counter, key in ((self._people, session.person_id), (self._addresses, session.address)):
            if key is not None:
                counter[key] -= 1
                if not counter[key]:
                    del counter[key]
