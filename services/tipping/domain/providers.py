"""Where tips are paid: what a name is there, and the link a name makes.

A name is stored as a name and never as a link. The link is made from it when it is shown, by a template that nobody
can change, so nothing a person types decides where a link leads.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from libs.refusal import Refusal
from services.tipping.domain.money import Money

_SCHEME: Final = r"(?:https?://)?"


@dataclass(frozen=True, slots=True)
class Provider:
    """One way to be paid. Everything that anybody needs to know of it stands in its entry of `PROVIDERS`."""

    id: str
    label: str
    name_pattern: str
    """What the whole of a name must match: ASCII letters only, and valid in a browser too (ECMAScript, flag `v`)."""
    name_hint: str
    """The same for people."""
    name_example: str
    """A name as people there write theirs."""
    pasted: str
    """What the whole of a pasted link matches; group `name` is what is left when its prefix is stripped."""
    link: str
    """Where a tip is paid; `{name}` is the name there."""
    amount: str = ""
    """What an amount adds to the link, of `{money}`; empty where the link cannot carry one."""
    note: str = ""
    """What a note adds to the link, of `{note}`."""
    currency: str | None = None
    """The only currency it knows, where its link does not say which."""

    def name_of(self, given: str) -> str:
        """The name in what somebody typed: one leading @ or $, or a pasted link's prefix, is stripped.

        Refuses: invalid, for anything that is no name at this provider then.
        """
        # ASCII: without it, ignoring case takes a Kelvin sign for a k.
        if (match := re.fullmatch(self.pasted, given, re.ASCII | re.IGNORECASE)) is not None:
            name = match["name"]
        else:
            name = given[1:] if given[:1] in ("@", "$") else given
        if re.fullmatch(self.name_pattern, name, re.ASCII) is None:
            detail = f"That is no name at {self.label}: {self.name_hint}."
            raise Refusal("invalid", detail, field=f"names.{self.id}")
        return name

    def money_of(self, minor: int | None, currency: str | None) -> Money | None:
        """The amount a tip has here: None where none is given, or where the link cannot carry one. Refuses: invalid."""
        if (minor is None) != (currency is None):
            raise Refusal("invalid", "An amount needs a currency, and a currency an amount.", field="amount_minor")
        if minor is None or currency is None:
            return None
        money = Money(minor, currency)
        if not self.amount:
            return None
        if self.currency is not None and currency != self.currency:
            raise Refusal("invalid", f"{self.label} takes {self.currency} only.", field="currency")
        return money


PROVIDERS: Final = {
    provider.id: provider
    for provider in (
        Provider(
            id="paypal",
            label="PayPal",
            name_pattern=r"[A-Za-z0-9]{1,20}",
            name_hint="up to 20 letters and digits",
            name_example="AdaLovelace",
            pasted=_SCHEME + r"(?:www\.)?paypal\.(?:me|com/paypalme)/(?P<name>[^/]*)/?",
            link="https://paypal.me/{name}",
            amount="/{money.short}{money.currency}",
        ),
        Provider(
            id="cash_app",
            label="Cash App",
            name_pattern=r"(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,20}",
            name_hint="up to 20 letters and digits, at least one of them a letter",
            name_example="$adalovelace",
            pasted=_SCHEME + r"(?:www\.)?cash\.app/\$?(?P<name>[^/]*)/?",
            link="https://cash.app/${name}",
            amount="/{money.short}",
            currency="USD",
        ),
        Provider(
            id="venmo",
            label="Venmo",
            name_pattern=r"[A-Za-z0-9_\-]{5,30}",
            name_hint="5 to 30 letters, digits, hyphens and underscores",
            name_example="@ada-lovelace",
            pasted=_SCHEME + r"(?:www\.|account\.)?venmo\.com/(?:u/)?(?P<name>[^/]*)/?",
            link="https://venmo.com/u/{name}?txn=pay",
            amount="&amount={money.exact}",
            note="&note={note}",
            currency="USD",
        ),
        Provider(
            id="patreon",
            label="Patreon",
            name_pattern=r"[A-Za-z0-9_\-]{1,64}",
            name_hint="up to 64 letters, digits, hyphens and underscores",
            name_example="adalovelace",
            pasted=_SCHEME + r"(?:www\.)?patreon\.com/(?:cw?/)?(?P<name>[^/]*)/?",
            link="https://www.patreon.com/{name}",
        ),
        Provider(
            id="bandcamp",
            label="Bandcamp",
            # One label of a host name (RFC 1123, 2.1; RFC 1035, 2.3.4).
            name_pattern=r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?",
            name_hint="up to 63 letters, digits and hyphens, with no hyphen at either end",
            name_example="adalovelace",
            pasted=_SCHEME + r"(?P<name>[^/.]*)\.bandcamp\.com/?",
            link="https://{name}.bandcamp.com",
        ),
    )
}
"""By id, in the order in which they are shown. Another provider is another entry here, and nothing anywhere else."""


def provider_of(id: str) -> Provider:
    """A provider by its id. Refuses: invalid."""
    try:
        return PROVIDERS[id]
    except KeyError:
        raise Refusal("invalid", f"Tips are paid at {', '.join(p.label for p in PROVIDERS.values())}.") from None


def link(provider: str, name: str, money: Money | None, note: str) -> str:
    """Where a tip is paid. `name` is one that `name_of` returned."""
    there = PROVIDERS[provider]
    link = there.link.format(name=name)
    if money is not None:
        link += there.amount.format(money=money)
    if note:
        link += there.note.format(note=quote(note, safe=""))
    return link


def clean_note(given: str) -> str:
    """A note in one line: control characters become spaces, marks that reorder text are dropped.

    Refuses: invalid, for what is no text (half of a surrogate pair).
    """
    letters = []
    for letter in given:
        match unicodedata.category(letter):
            case "Cs":
                raise Refusal("invalid", "The note is no text.", field="note")
            case "Cc" | "Zl" | "Zp":
                letters.append(" ")
            case "Cf" if unicodedata.bidirectional(letter) in _REORDERING:
                pass
            case _:
                letters.append(letter)
    return " ".join("".join(letters).split())


_REORDERING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
