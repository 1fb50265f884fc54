"""A person's tip jar."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.refusal import Refusal
from services.tipping.domain.providers import provider_of


@stored("jar.filled")
class Filled(Fact):
    """The person said where they are paid; replaces what they said before."""

    enabled: bool
    names: dict[str, str]
    """Name by provider."""


class Jar(Aggregate):
    """Closed and empty until it is filled."""

    enabled: bool = False
    names: dict[str, str] = msgspec.field(default_factory=dict)

    def fill(self, names: Mapping[str, str], *, enabled: bool, acknowledged: bool) -> list[Fact]:
        """Say where one is paid; a provider with an empty name is left out, and without any the names stay as they are.
        Nothing happens where it was said before.

        Refuses: invalid (no name at its provider, or an open jar without a name), not_allowed (the person has not
        acknowledged that the names of an open jar are public).
        """
        cleaned = {id: provider_of(id).name_of(given) for id, given in sorted(names.items()) if given}
        if not names:
            cleaned = dict(self.names)
        if enabled and not cleaned:
            raise Refusal("invalid", "Give at least one name before you open your tip jar.")
        if enabled and not acknowledged:
            detail = "Everybody can see the names in an open tip jar; confirm that you know."
            raise Refusal("not_allowed", detail, field="public_names_acknowledged")
        if self.version and (enabled, cleaned) == (self.enabled, self.names):
            return []
        return [Filled(enabled=enabled, names=cleaned)]

    def name_at(self, provider: str) -> str:
        """The person's name at a provider. Refuses: tip_jar_closed."""
        if not self.enabled:
            raise Refusal("tip_jar_closed", "This person takes no tips.")
        if provider not in self.names:
            raise Refusal("tip_jar_closed", f"This person takes no tips at {provider_of(provider).label}.")
        return self.names[provider]

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        if isinstance(fact, Filled):
            self.enabled, self.names = fact.enabled, dict(fact.names)
