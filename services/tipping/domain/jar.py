"""A person's tip jar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.keyring import Words
from libs.refusal import Refusal
from services.tipping.domain.providers import provider_of

PREFIX: Final = "jar-"
"""What the ids of jars begin with; the person's follows."""


@stored("jar.filled")
class Filled(Fact):
    """The person said where they are paid; replaces what they said before."""

    enabled: bool
    names: Mapping[str, Words]
    """Name by provider."""


@stored("jar.erased")
class OwnerErased(Fact):
    """The person is erased, and takes no tips any more."""


class Jar(Aggregate):
    """Closed and empty until it is filled."""

    enabled: bool = False
    names: dict[str, Words] = msgspec.field(default_factory=dict)
    erased: bool = False

    @property
    def owner(self) -> str:
        """Whose it is."""
        return self.id.removeprefix(PREFIX)

    def fill(
        self,
        names: Mapping[str, str],
        *,
        enabled: bool,
        acknowledged: bool,
        shown: Mapping[str, str] | None = None,
    ) -> list[Fact]:
        """Say where one is paid; a provider with an empty name is left out, and without any the names stay as they are.
        Nothing happens where it was said before. `shown` are the names that are in it; None: as they are stored.

        Refuses: person_unknown (erased), invalid (no name at its provider, or an open jar without a name), not_allowed
        (the person has not acknowledged that the names of an open jar are public).
        """
        if self.erased:
            raise Refusal("person_unknown", "This account was deleted.")
        before: dict[str, Words] = dict(self.names if shown is None else shown)
        cleaned: dict[str, Words] = {id: provider_of(id).name_of(given) for id, given in sorted(names.items()) if given}
        if not names:
            cleaned = before
        if enabled and not cleaned:
            raise Refusal("invalid", "Give at least one name before you open your tip jar.")
        if enabled and not acknowledged:
            detail = "Everybody can see the names in an open tip jar; confirm that you know."
            raise Refusal("not_allowed", detail, field="public_names_acknowledged")
        if self.version and (enabled, cleaned) == (self.enabled, before):
            return []
        return [Filled(enabled=enabled, names=cleaned)]

    def erase(self) -> list[Fact]:
        """The person is erased; again changes nothing, nor where they never had one."""
        return [OwnerErased()] if self.version and not self.erased else []

    def name_at(self, provider: str, shown: Mapping[str, str] | None = None) -> Words:
        """The person's name at a provider, of those `shown`; None: as they are stored. Refuses: tip_jar_closed."""
        names: Mapping[str, Words] = self.names if shown is None else shown
        if not self.enabled:
            raise Refusal("tip_jar_closed", "This person takes no tips.")
        if provider not in names:
            raise Refusal("tip_jar_closed", f"This person takes no tips at {provider_of(provider).label}.")
        return names[provider]

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        if isinstance(fact, Filled):
            self.enabled, self.names = fact.enabled, dict(fact.names)
        elif isinstance(fact, OwnerErased):
            self.enabled, self.names, self.erased = False, {}, True
