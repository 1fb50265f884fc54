"""A bound on the connections of people without a token at one address."""

from __future__ import annotations

from collections import Counter

from libs.refusal import Refusal
from services.media.app.session import Session


class Anonymous:
    """Counts connections without a person by the address of the HTTP request; None is not counted."""

    def __init__(self, per_address: int) -> None:
        self._per_address = per_address
        self._addresses: Counter[str] = Counter()

    def check(self, person_id: str | None, address: str | None) -> None:
        """Check that another may be opened. Refuses: too_many_requests."""
        if person_id is None and address is not None and self._addresses[address] >= self._per_address:
            detail = f"{self._per_address} people without an account listen at your address already; sign in."
            raise Refusal("too_many_requests", detail, retry=True)

    def add(self, session: Session) -> None:
        """Count a connection that was answered."""
        if session.person_id is None and session.address is not None:
            self._addresses[session.address] += 1

    def done(self, session: Session) -> None:
        """Stop counting one that is gone; to be called once."""
        if session.person_id is None and session.address is not None:
            self._addresses[session.address] -= 1
            if not self._addresses[session.address]:
                del self._addresses[session.address]
