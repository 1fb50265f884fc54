"""API keys, with which servers of the host product act here: what each may do, and since when."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.refusal import Refusal

_MOST: Final = 100
_NOTED_EVERY: Final = timedelta(hours=1)


@stored("people.api_key_issued")
class ApiKeyIssued(Fact):
    """There is a key."""

    key: str
    digest: str
    title: str
    scopes: tuple[str, ...]


@stored("people.api_key_rotated")
class ApiKeyRotated(Fact):
    """A key is another one from now on."""

    key: str
    digest: str
    kept_until: datetime
    """Until then the one before is good too."""


@stored("people.api_key_revoked")
class ApiKeyRevoked(Fact):
    """A key is worth nothing any more."""

    key: str


@stored("people.api_key_used")
class ApiKeyUsed(Fact):
    """A key was used; not every use is noted."""

    key: str


@dataclass(slots=True)
class ApiKey:
    """A key and what is known of it."""

    id: str
    title: str
    scopes: tuple[str, ...]
    digest: str
    created_at: datetime
    rotated_at: datetime | None = None
    former: str = ""
    """The digest of the one before."""
    former_until: datetime | None = None
    used_at: datetime | None = None
    revoked: bool = False

    def fits(self, digest: str, now: datetime) -> bool:
        """Whether a digest is of what opens something now."""
        if self.revoked:
            return False
        former = self.former_until is not None and now < self.former_until and hmac.compare_digest(self.former, digest)
        return hmac.compare_digest(self.digest, digest) or former

    def good_until(self, digest: str) -> datetime | None:
        """When what fits is good no more; None for the newest, of which nobody knows."""
        return None if hmac.compare_digest(self.digest, digest) else self.former_until


class ApiKeys(Aggregate):
    """The one of its kind."""

    keys: dict[str, ApiKey] = msgspec.field(default_factory=dict)
    """In order of issue."""

    # -- deciding ----------------------------------------------------------------------------------------------

    def issue(self, key: str, digest: str, title: str, scopes: tuple[str, ...]) -> list[Fact]:
        """Make a key."""
        if key in self.keys:
            raise Refusal("wrong_state", "There is a key of this id already.")
        if len(self.keys) >= _MOST:
            # Revoked ones count: they are remembered, so that the list tells what there was.
            raise Refusal("wrong_state", f"There have been {_MOST} keys, which is the most there is; rotate one.")
        return [ApiKeyIssued(key=key, digest=digest, title=title, scopes=tuple(dict.fromkeys(scopes)))]

    def rotate(self, key: str, digest: str, kept_until: datetime) -> list[Fact]:
        """Replace a key."""
        if self._key(key).revoked:
            raise Refusal("wrong_state", "This key was revoked; make another one.")
        return [ApiKeyRotated(key=key, digest=digest, kept_until=kept_until)]

    def revoke(self, key: str) -> list[Fact]:
        """Make a key worthless; again changes nothing."""
        return [] if self._key(key).revoked else [ApiKeyRevoked(key=key)]

    def must_open(self, key: str, digest: str, scope: str, now: datetime) -> ApiKey:
        """The key that a digest is of. Refuses: unauthenticated, not_allowed."""
        found = self.keys.get(key)
        if found is None or not found.fits(digest, now):
            raise Refusal("unauthenticated", "This API key is none, or was revoked or rotated.")
        if scope not in found.scopes:
            raise Refusal("not_allowed", f"This API key is not for {scope}; `rostrum keys` makes one that is.")
        return found

    def note_use(self, key: str, now: datetime) -> list[Fact]:
        """Put on record that a key is used; nothing happens where that was noted within the hour."""
        found = self.keys.get(key)
        if found is None or (found.used_at is not None and now - found.used_at < _NOTED_EVERY):
            return []
        return [ApiKeyUsed(key=key)]

    def _key(self, key: str) -> ApiKey:
        if key not in self.keys:
            raise Refusal("not_found", "There is no API key of this id.")
        return self.keys[key]

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case ApiKeyIssued() as f:
                self.keys[f.key] = ApiKey(f.key, f.title, f.scopes, f.digest, meta.at)
            case ApiKeyRotated() as f:
                key = self.keys[f.key]
                key.former, key.former_until = key.digest, f.kept_until
                key.digest, key.rotated_at = f.digest, meta.at
            case ApiKeyRevoked() as f:
                self.keys[f.key].revoked = True
            case ApiKeyUsed() as f:
                self.keys[f.key].used_at = meta.at
            case _:
                pass
