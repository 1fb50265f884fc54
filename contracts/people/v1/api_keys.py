"""API keys, with which the host product's servers act here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.commands import ApiKeyId, Command, Query, register
from contracts.envelope import Audience, Event, Model, event
from contracts.growing import GROWS
from contracts.times import Moment
from contracts.written import Written

ApiKeyDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a key, in hexadecimal."""
ApiKeyScope = Literal["people", "relations", "moderation", "spaces", "tokens", "events", "webhooks"]
"""What a key may do: say who there is, and erase people; say who follows and blocks whom; suspend and sign out; create
Spaces for people; make tokens for them; follow the events of all Spaces; have an address told of events that its other
rights open."""


class ApiKey(Model):
    """A key as those who run the instance see it; the key itself nobody sees again."""

    id: ApiKeyId
    name: str
    scopes: tuple[Annotated[ApiKeyScope, GROWS], ...]
    created_at: Moment
    rotated_at: Moment | None = None
    last_used_at: Moment | None = None
    """To the hour."""
    revoked: bool = False
    good_until: Moment | None = None
    """Told of a key that is used, where it was rotated since: until when what was used is good."""


class ApiKeys(Model):
    """Every key, oldest first."""

    keys: tuple[ApiKey, ...] = ()


@event("people", "api_key_rotated", Audience.OPERATORS)
class ApiKeyRotated(Event):
    """A key was replaced; the one before is good until `kept_until`, and any before that no more."""

    key_id: ApiKeyId
    kept_until: Moment

    @property
    def key(self) -> str:
        return self.key_id


@event("people", "api_key_revoked", Audience.OPERATORS)
class ApiKeyRevoked(Event):
    """A key opens nothing any more."""

    key_id: ApiKeyId

    @property
    def key(self) -> str:
        return self.key_id


@register
class IssueApiKey(Command[ApiKey]):
    """Operators make a key. Whoever asks has made it: only its digest is sent. Refuses: not_allowed, wrong_state (too
    many keys)."""

    service = "people"
    name = "issue_api_key"
    result = ApiKey
    key_id: ApiKeyId
    digest: ApiKeyDigest
    title: Annotated[str, Written(1, 100)]
    scopes: Annotated[tuple[ApiKeyScope, ...], Field(min_length=1, max_length=10)]


@register
class RotateApiKey(Command[ApiKey]):
    """Operators replace a key; the one before is good for `keep_seconds` more. Refuses: not_allowed, not_found,
    wrong_state (it was revoked)."""

    service = "people"
    name = "rotate_api_key"
    result = ApiKey
    key_id: ApiKeyId
    digest: ApiKeyDigest
    keep_seconds: Annotated[int, Field(ge=0, le=30 * 86_400)] = 86_400


@register
class RevokeApiKey(Command[ApiKey]):
    """Operators make a key worthless; again changes nothing. Refuses: not_allowed, not_found."""

    service = "people"
    name = "revoke_api_key"
    result = ApiKey
    key_id: ApiKeyId


@register
class UseApiKey(Command[ApiKey]):
    """A gateway asks whether a key may be used for something; that it was used is noted, at most once an hour.

    Refuses: unauthenticated (no such key, or no longer), not_allowed (it is not for that; not from a gateway).
    """

    service = "people"
    name = "use_api_key"
    result = ApiKey
    key_id: ApiKeyId
    digest: ApiKeyDigest
    scope: ApiKeyScope


@register
class ApiKeysQuery(Query[ApiKeys]):
    """The keys, for operators. Refuses: not_allowed."""

    service = "people"
    name = "api_keys"
    result = ApiKeys
