"""Amounts and the links that carry them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.refusal import Refusal
from services.tipping.domain.money import EXPONENTS, Money
from services.tipping.domain.providers import PROVIDERS, link


@pytest.mark.parametrize(
    ("provider", "money", "note", "expected"),
    [
        ("paypal", Money(2500, "USD"), "hi", "https://paypal.me/alice/25USD"),
        ("paypal", Money(2550, "USD"), "", "https://paypal.me/alice/25.50USD"),
        ("paypal", Money(5, "USD"), "", "https://paypal.me/alice/0.05USD"),
        ("paypal", Money(2500, "JPY"), "", "https://paypal.me/alice/2500JPY"),
        ("paypal", Money(2500, "KWD"), "", "https://paypal.me/alice/2.500KWD"),
        ("paypal", Money(2000, "KWD"), "", "https://paypal.me/alice/2KWD"),
        ("paypal", None, "", "https://paypal.me/alice"),
        ("cash_app", Money(2500, "USD"), "", "https://cash.app/$alice/25"),
        ("cash_app", Money(2501, "USD"), "", "https://cash.app/$alice/25.01"),
        ("cash_app", None, "", "https://cash.app/$alice"),
        (
            "venmo",
            Money(2500, "USD"),
            "great talk & more",
            "https://venmo.com/u/alice?txn=pay&amount=25.00&note=great%20talk%20%26%20more",
        ),
        ("venmo", None, "", "https://venmo.com/u/alice?txn=pay"),
        ("patreon", None, "hi", "https://www.patreon.com/alice"),
        ("bandcamp", None, "hi", "https://alice.bandcamp.com"),
    ],
)
def test_link(provider: str, money: Money | None, note: str, expected: str) -> None:
    assert link(provider, "alice", money, note) == expected


@given(minor=st.integers(1, 100_000_000), currency=st.sampled_from(sorted(EXPONENTS)))
def test_an_amount_is_exact_in_every_currency(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Decimal(money.exact).scaleb(EXPONENTS[currency]) == minor
    assert Decimal(money.short) == Decimal(money.exact)
    assert len(money.exact.partition(".")[2]) == EXPONENTS[currency]


@pytest.mark.parametrize(
    ("provider", "minor", "currency"),
    [
        ("paypal", 2500, None),
        ("paypal", None, "USD"),
        ("paypal", 0, "USD"),
        ("paypal", -5, "USD"),
        ("paypal", 100_000_001, "USD"),
        ("paypal", 2500, "XXX"),
        ("venmo", 2500, "EUR"),
        ("cash_app", 2500, "JPY"),
        ("patreon", 2500, "ZZZ"),
    ],
)
def test_no_amount(provider: str, minor: int | None, currency: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        PROVIDERS[provider].money_of(minor, currency)
    assert refused.value.reason == "invalid"


def test_a_tip_has_no_amount_where_the_link_cannot_carry_one() -> None:
    assert PROVIDERS["patreon"].money_of(2500, "USD") is None
