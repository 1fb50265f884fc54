"""Names at the providers: what is taken, what is refused, and that nothing typed decides where a link leads."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.refusal import Refusal
from services.tipping.domain.money import Money
from services.tipping.domain.providers import PROVIDERS, clean_note, link

RULES = {
    "paypal": r"^[A-Za-z0-9]{1,20}\Z",
    "cash_app": r"^(?=.*[A-Za-z])[A-Za-z0-9]{1,20}\Z",
    "venmo": r"^[A-Za-z0-9_-]{5,30}\Z",
    "patreon": r"^[A-Za-z0-9_-]{1,64}\Z",
    "bandcamp": r"^(?!-)[A-Za-z0-9-]{1,63}(?<!-)\Z",
}
HOSTS = {
    "paypal": "paypal.me",
    "cash_app": "cash.app",
    "venmo": "venmo.com",
    "patreon": "www.patreon.com",
    "bandcamp": None,
}

REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

hostile = st.one_of(
    st.text(max_size=80),
    st.text(alphabet=st.characters(codec="ascii"), max_size=40),
    st.text(alphabet="ab1@$/.:?#%&=-_\\ \n\t\0\u202e\u212a\u017f\uff41\u00e9", max_size=40),
    st.builds(
        lambda prefix, rest: prefix + rest,
        st.sampled_from(
            [
                "@",
                "$",
                "@@",
                "$@",
                "https://paypal.me/",
                "http://cash.app/$",
                "venmo.com/u/",
                "https://",
                "//evil.test/",
            ]
        ),
        st.text(alphabet="abc1@$/.:?#%&-_ \n\u202e", max_size=25),
    ),
)
plausible = st.text(alphabet="abcXYZ019-_", min_size=5, max_size=20)
providers = st.sampled_from(sorted(PROVIDERS))


@pytest.mark.parametrize(
    ("provider", "given_name", "name"),
    [
        ("paypal", "alice", "alice"),
        ("paypal", "@alice", "alice"),
        ("paypal", "$alice", "alice"),
        ("paypal", "https://paypal.me/alice", "alice"),
        ("paypal", "https://www.paypal.com/paypalme/alice", "alice"),
        ("paypal", "HTTPS://PayPal.Me/Alice/", "Alice"),
        ("cash_app", "$alice", "alice"),
        ("cash_app", "https://cash.app/$alice1", "alice1"),
        ("cash_app", "1a", "1a"),
        ("venmo", "@alice-b_c", "alice-b_c"),
        ("venmo", "https://venmo.com/u/alice", "alice"),
        ("venmo", "venmo.com/alice", "alice"),
        ("patreon", "https://www.patreon.com/alice", "alice"),
        ("patreon", "patreon.com/c/alice", "alice"),
        ("bandcamp", "https://alice.bandcamp.com", "alice"),
        ("bandcamp", "alice.bandcamp.com/", "alice"),
        ("bandcamp", "a-b", "a-b"),
        ("bandcamp", "a" * 63, "a" * 63),
    ],
)
def test_taken(provider: str, given_name: str, name: str) -> None:
    assert PROVIDERS[provider].name_of(given_name) == name


@pytest.mark.parametrize(
    ("provider", "given_name"),
    [
        ("paypal", ""),
        ("paypal", "@"),
        ("paypal", "@@alice"),
        ("paypal", "@$alice"),
        ("paypal", "https://paypal.me/@alice"),
        ("paypal", "https://paypal.me/alice/25USD"),
        ("paypal", "https://evil.test/alice"),
        ("paypal", "https://paypal.me.evil.test/alice"),
        ("paypal", "https://paypal.me@evil.test/alice"),
        ("paypal", "https://venmo.com/u/alice"),
        ("paypal", "javascript:alert(1)"),
        ("paypal", "a" * 21),
        ("paypal", "alice\n"),
        ("paypal", " alice"),
        ("paypal", "alice%2f"),
        ("paypal", "ali\u0441e"),
        ("paypal", "\uff41lice"),
        ("paypal", "alice\u202e"),
        ("paypal", "\u0661\u0662"),
        ("cash_app", "12345"),
        ("cash_app", "$12345"),
        ("cash_app", "\u212aelvin"),
        ("venmo", "abcd"),
        ("venmo", "a" * 31),
        ("venmo", "alice?txn=pay"),
        ("patreon", "alice/posts"),
        ("bandcamp", "-alice"),
        ("bandcamp", "alice-"),
        ("bandcamp", "a.b"),
        ("bandcamp", "evil.test/.bandcamp.com"),
        ("bandcamp", "a" * 64),
    ],
)
def test_refused(provider: str, given_name: str) -> None:
    with pytest.raises(Refusal) as refused:
        PROVIDERS[provider].name_of(given_name)
    assert refused.value.reason == "invalid"


@given(provider=providers, given_name=hostile)
@example(provider="venmo", given_name="https://venmo.com/u/../../evil")
def test_whatever_is_typed_becomes_a_name_of_the_rule_or_is_refused(provider: str, given_name: str) -> None:
    try:
        name = PROVIDERS[provider].name_of(given_name)
    except Refusal:
        return
    assert re.match(RULES[provider], name)
    assert name in given_name
    assert PROVIDERS[provider].name_of(name) == name


@given(
    provider=providers,
    given_name=st.one_of(plausible, hostile),
    minor=st.integers(1, 100_000_000),
    note=st.text(max_size=140),
)
def test_a_link_leads_to_the_provider_whatever_is_typed(provider: str, given_name: str, minor: int, note: str) -> None:
    try:
        name = PROVIDERS[provider].name_of(given_name)
        words = clean_note(note)
    except Refusal:
        return
    money = PROVIDERS[provider].money_of(minor, "USD")
    parts = urlsplit(link(provider, name, money, words))
    assert parts.scheme == "https"
    assert parts.netloc == (HOSTS[provider] or f"{name}.bandcamp.com")
    assert parts.fragment == ""
    assert parts.query == "" or provider == "venmo"
    if provider == "venmo":
        asked = parse_qs(parts.query, strict_parsing=True, keep_blank_values=True)
        assert asked.pop("note", [""]) == [words]
        assert asked == {"txn": ["pay"], "amount": [Money(minor, "USD").exact]}


@given(note=st.text(max_size=140))
def test_a_note_is_one_line_without_tricks(note: str) -> None:
    try:
        words = clean_note(note)
    except Refusal:
        return
    assert words == words.strip()
    assert not any(
        ord(letter) < 32 or letter in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for letter in words
    )
    assert clean_note(words) == words


def test_half_a_surrogate_is_no_note() -> None:
    with pytest.raises(Refusal, match="invalid"):
        clean_note("a\ud800b")


def test_emoji_and_other_scripts_stay_in_a_note() -> None:
    assert clean_note("thank you 👩‍🎤\nשלום") == "thank you 👩‍🎤 שלום"
