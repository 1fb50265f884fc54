"""A bound on the connections of one person, and of people without a token at one address."""

from __future__ import annotations

from collections import Counter

from libs.refusal import Refusal
from services.media.app.session import Session


class OpenConnections:
    """Counts connections by person, those without one by the address of the HTTP request; None is not counted."""

    def __init__(self, per_person: int, per_address: int) -> None:
        self._per_person = per_person
        self._per_address = per_address
        self._open: Counter[str] = Counter()

    def check(self, person_id: str | None, address: str | None) -> None:
        """Check that another may be opened. Refuses: too_many_requests."""
        whose, most = (address, self._per_address) if person_id is None else (person_id, self._per_person)
        if whose is not None and self._open[whose] >= most:
            where = "At your address" if person_id is None else "Of yours,"
            detail = f"{where} {most} connections are open already; close one."
            raise Refusal("too_many_requests", detail, retry=True)

    def add(self, session: Session) -> None:
        """Count a connection that was answered."""
        if (whose := session.person_id or session.address) is not None:
            self._open[whose] += 1

    def done(self, session: Session) -> None:
        """Stop counting one that is gone; to be called once."""
        if (whose := session.person_id or session.address) is not None:
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]
