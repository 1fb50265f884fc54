"""Invitation codes. Each use of a code is a name that the new person claims in the transaction that registers them, so
that of two who ask for the last one at once, one gets it."""

from __future__ import annotations

import secrets
from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from libs.commands import Executor, of_kind
from libs.eventstore import Claim, Order, Store
from libs.refusal import Refusal
from services.people.domain.entities import INSTANCE, Entity
from services.people.domain.instance import Instance, Invitation

_USES: Final = "invitation"
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: nothing that is read as something else
_LETTERS: Final = 12


@dataclass(frozen=True, slots=True)
class Issued:
    """A code and what is left of it."""

    code: str
    uses: int
    used: int
    note: str
    expires_at: datetime | None
    revoked: bool


class SignUpCodes:
    """The codes of the instance."""

    def __init__(self, store: Store[Entity], executor: Executor[Entity]) -> None:
        self._store = store
        self._executor = executor

    async def issue(self, order: Order, uses: int, expires_at: datetime | None, note: str) -> Issued:
        """Make a code; asked again with the same order, the same one."""
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
        done = await self._executor.execute(
            order,
            INSTANCE,
            of_kind(Instance, lambda it: it.issue(code, uses, expires_at, note)),
            of_kind(Instance, _newest),
        )
        return self._issued(done.view)

    async def revoke(self, order: Order, code: str) -> Issued:
        """Make a code worthless. Refuses: invitation_unknown."""
        bare = plain(code)
        done = await self._executor.execute(
            order,
            INSTANCE,
            of_kind(Instance, lambda it: it.revoke(bare)),
            of_kind(Instance, lambda it: _copy(it.invitations[bare])),
        )
        return self._issued(done.view)

    async def all(self) -> list[Issued]:
        """Every code, newest first."""

        def look(instance: Instance) -> list[Invitation]:
            return [_copy(invitation) for invitation in reversed(instance.invitations.values())]

        return [self._issued(one) for one in await self._store.read(INSTANCE, of_kind(Instance, look))]

    async def claim(self, code: str | None, person_id: str, now: datetime) -> Claim:
        """What somebody who signs up with a code must claim. Refuses: invitation_needed."""
        if code is None:
            raise Refusal("invitation_needed", "Signing up here takes an invitation code.")
        bare = plain(code)

        def look(instance: Instance) -> Invitation | None:
            found = instance.invitations.get(bare)
            return None if found is None else _copy(found)

        found = await self._store.read(INSTANCE, of_kind(Instance, look))
        if found is None or found.revoked or (found.expires_at is not None and found.expires_at <= now):
            raise Refusal("invitation_needed", "This invitation code is not good, or no longer; ask for another one.")
        used = self._used(found)
        if used >= found.uses:
            raise Refusal("invitation_needed", "This invitation code has been used up; ask for another one.")
        return Claim(_USES, f"{bare}#{used}", person_id)

    def _used(self, invitation: Invitation) -> int:
        """How often it was used: uses are claimed in order."""
        return bisect_left(
            range(invitation.uses),
            True,
            key=lambda use: self._store.claimed(_USES, f"{invitation.code}#{use}") is None,
        )

    def _issued(self, one: Invitation) -> Issued:
        written = "-".join(one.code[at : at + 4] for at in range(0, len(one.code), 4))
        return Issued(written, one.uses, self._used(one), one.note, one.expires_at, one.revoked)


def plain(code: str) -> str:
    """A code as it is kept: without regard to case and hyphens."""
    return code.replace("-", "").strip().lower()


def _newest(instance: Instance) -> Invitation:
    return _copy(next(reversed(instance.invitations.values())))


def _copy(one: Invitation) -> Invitation:
    return replace(one)
