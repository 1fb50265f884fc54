"""Where tips are paid: what a name is there, and the link a name makes.

A name is stored as a name and never as a link. The link is made from it when it is shown, by a template that nobody
can change, so nothing a person types decides where a link leads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from libs.refusal import Refusal
from services.tipping.domain.money import Money

_SCHEME: Final = r"(?:https?://)?"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII)


def _pasted(text: str) -> re.Pattern[str]:
    # ASCII: without it, ignoring case takes a Kelvin sign for a k.
    return re.compile(text, re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Provider:
    """One way to be paid."""

    id: str
    shown: str
    pattern: re.Pattern[str]
    """What the whole of a name must match."""
    rule: str
    """The same for people."""
    pasted: re.Pattern[str]
    """The whole of a pasted link; group `name` is what is left when its prefix is stripped."""
    link: Callable[[str, Money | None, str], str]
    """From name, amount and note to where it is paid."""
    takes_amount: bool
    currency: str | None = None
    """The only currency it knows, where its link does not say which."""

    def name_of(self, given: str) -> str:
        """The name in what somebody typed: one leading @ or $, or a pasted link's prefix, is stripped.

        Refuses: invalid, for anything that is no name at this provider then.
        """
        if (match := self.pasted.fullmatch(given)) is not None:
            name = match["name"]
        else:
            name = given[1:] if given[:1] in ("@", "$") else given
        if self.pattern.fullmatch(name) is None:
            raise Refusal("invalid", f"That is no name at {self.shown}: {self.rule}.")
        return name

    def money_of(self, minor: int | None, currency: str | None) -> Money | None:
        """The amount a tip has here: None where none is given, or where the link cannot carry one. Refuses: invalid."""
        if (minor is None) != (currency is None):
            raise Refusal("invalid", "An amount needs a currency, and a currency an amount.")
        if minor is None or currency is None:
            return None
        money = Money(minor, currency)
        if not self.takes_amount:
            return None
        if self.currency is not None and currency != self.currency:
            raise Refusal("invalid", f"{self.shown} takes {self.currency} only.")
        return money


def _paypal(name: str, money: Money | None, note: str) -> str:
    amount = f"/{money.short}{money.currency}" if money else ""
    return f"https://paypal.me/{name}{amount}"


def _cash_app(name: str, money: Money | None, note: str) -> str:
    amount = f"/{money.short}" if money else ""
    return f"https://cash.app/${name}{amount}"


def _venmo(name: str, money: Money | None, note: str) -> str:
    amount = f"&amount={money.exact}" if money else ""
    words = f"&note={quote(note, safe='')}" if note else ""
    return f"https://venmo.com/u/{name}?txn=pay{amount}{words}"


def _patreon(name: str, money: Money | None, note: str) -> str:
    return f"https://www.patreon.com/{name}"


def _bandcamp(name: str, money: Money | None, note: str) -> str:
    return f"https://{name}.bandcamp.com"


PROVIDERS: Final = {
    provider.id: provider
    for provider in (
        Provider(
            id="paypal",
            shown="PayPal",
            pattern=_pattern(r"[A-Za-z0-9]{1,20}"),
            rule="up to 20 letters and digits",
            pasted=_pasted(_SCHEME + r"(?:www\.)?paypal\.(?:me|com/paypalme)/(?P<name>[^/]*)/?"),
            link=_paypal,
            takes_amount=True,
        ),
        Provider(
            id="cash_app",
            shown="Cash App",
            pattern=_pattern(r"(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,20}"),
            rule="up to 20 letters and digits, at least one of them a letter",
            pasted=_pasted(_SCHEME + r"(?:www\.)?cash\.app/\$?(?P<name>[^/]*)/?"),
            link=_cash_app,
            takes_amount=True,
            currency="USD",
        ),
        Provider(
            id="venmo",
            shown="Venmo",
            pattern=_pattern(r"[A-Za-z0-9_-]{5,30}"),
            rule="5 to 30 letters, digits, hyphens and underscores",
            pasted=_pasted(_SCHEME + r"(?:www\.|account\.)?venmo\.com/(?:u/)?(?P<name>[^/]*)/?"),
            link=_venmo,
            takes_amount=True,
            currency="USD",
        ),
        Provider(
            id="patreon",
            shown="Patreon",
            pattern=_pattern(r"[A-Za-z0-9_-]{1,64}"),
            rule="up to 64 letters, digits, hyphens and underscores",
            pasted=_pasted(_SCHEME + r"(?:www\.)?patreon\.com/(?:cw?/)?(?P<name>[^/]*)/?"),
            link=_patreon,
            takes_amount=False,
        ),
        Provider(
            id="bandcamp",
            shown="Bandcamp",
            # One label of a host name (RFC 1123, 2.1; RFC 1035, 2.3.4).
            pattern=_pattern(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"),
            rule="up to 63 letters, digits and hyphens, with no hyphen at either end",
            pasted=_pasted(_SCHEME + r"(?P<name>[^/.]*)\.bandcamp\.com/?"),
            link=_bandcamp,
            takes_amount=False,
        ),
    )
}


def provider_of(id: str) -> Provider:
    """A provider by its id. Refuses: invalid."""
    try:
        return PROVIDERS[id]
    except KeyError:
        raise Refusal("invalid", f"Tips are paid at {', '.join(p.shown for p in PROVIDERS.values())}.") from None


def link(provider: str, name: str, money: Money | None, note: str) -> str:
    """Where a tip is paid. `name` is one that `name_of` returned."""
    return PROVIDERS[provider].link(name, money, note)


def clean_note(given: str) -> str:
    """A note in one line: control characters become spaces, marks that reorder text are dropped.

    Refuses: invalid, for what is no text (half of a surrogate pair).
    """
    letters = []
    for letter in given:
        match unicodedata.category(letter):
            case "Cs":
                raise Refusal("invalid", "The note is no text.")
            case "Cc" | "Zl" | "Zp":
                letters.append(" ")
            case "Cf" if unicodedata.bidirectional(letter) in _REORDERING:
                pass
            case _:
                letters.append(letter)
    return " ".join("".join(letters).split())


_REORDERING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
