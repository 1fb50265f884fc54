"""Taking tokens back."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from contracts.commands import Command, Nothing, register
from contracts.envelope import Audience, Event, PersonId, event
from contracts.times import GivenMoment, Moment

TokenId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""The first half of a token's SHA-256, in hexadecimal: it names a token without being one."""


@event("people", "tokens_revoked", Audience.OPERATORS)
class TokensRevoked(Event):
    """One token of a person opens nothing any more; without `token_id`, none that was issued until `at` does."""

    person_id: PersonId
    token_id: TokenId | None = None
    expires_at: Moment | None = None
    """When that token ends by itself, after which nobody needs to remember it; None where that is not known."""

    @property
    def key(self) -> str:
        return self.person_id


@register
class RevokeTokens(Command[Nothing]):
    """The person or operators take back one of the person's tokens, or all that were issued until now.

    Refuses: not_allowed (somebody else's), person_unknown.
    """

    service = "people"
    name = "revoke_tokens"
    result = Nothing
    person_id: PersonId
    token_id: TokenId | None = None
    expires_at: GivenMoment | None = None
    """When that token ends by itself."""
