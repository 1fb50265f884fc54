"""Given these facts, when this command, then these facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from libs.eventstore import Fact, Meta
from libs.keyring import Sealed
from libs.refusal import Refusal
from services.tipping.domain.jar import Filled, Jar, OwnerErased
from services.tipping.domain.tip import Confirmed, LinkFollowed, Offer, Offered, Tip, TipState, Whereabouts, Withdrawn

BOB = "bob"
OFFER = Offer("space", BOB, "ann", "paypal", 2500, "USD", " thank\nyou ")
OFFERED = Offered(
    space="space", payer="bob", recipient="ann", provider="paypal",
    name="annpays", amount_minor=2500, currency="USD", note="thank you",
)  # fmt: skip
OPENED = LinkFollowed(space="space", payer="bob", recipient="ann")
CONFIRMED = Confirmed(space="space", payer="bob", recipient="ann")
META = Meta(at=datetime(2026, 1, 1, tzinfo=UTC))


def jar(*facts: Fact) -> Jar:
    result = Jar("jar-ann")
    for fact in facts:
        result.version += 1
        result.apply(fact, META)
    return result


def tip(*facts: Fact) -> Tip:
    result = Tip("tip-1")
    for fact in facts:
        result.version += 1
        result.apply(fact, META)
    return result


OPEN_JAR = jar(Filled(enabled=True, names={"paypal": "annpays"}))


def test_a_jar_is_filled_with_names_not_links() -> None:
    facts = jar().fill({"paypal": "https://paypal.me/ann", "cash_app": "$ann"}, enabled=True, acknowledged=True)
    assert facts == [Filled(enabled=True, names={"cash_app": "ann", "paypal": "ann"})]


def test_filling_it_the_same_way_changes_nothing() -> None:
    assert OPEN_JAR.fill({"paypal": "@annpays"}, enabled=True, acknowledged=True) == []


def test_an_empty_name_leaves_a_provider_out() -> None:
    facts = OPEN_JAR.fill({"paypal": "", "venmo": "ann-ann"}, enabled=True, acknowledged=True)
    assert facts == [Filled(enabled=True, names={"venmo": "ann-ann"})]


def test_a_jar_that_is_closed_and_opened_again_keeps_its_names() -> None:
    names = {"paypal": "annpays"}
    (closed,) = OPEN_JAR.fill({}, enabled=False, acknowledged=False)
    assert closed == Filled(enabled=False, names=names)
    again = jar(Filled(enabled=True, names=names), closed)
    assert again.fill({}, enabled=False, acknowledged=False) == []
    assert again.fill({}, enabled=True, acknowledged=True) == [Filled(enabled=True, names=names)]
    assert again.fill({"paypal": ""}, enabled=False, acknowledged=False) == [Filled(enabled=False, names={})]


def test_a_closed_jar_needs_no_acknowledgement() -> None:
    assert jar().fill({"paypal": "ann"}, enabled=False, acknowledged=False) == [
        Filled(enabled=False, names={"paypal": "ann"})
    ]


@pytest.mark.parametrize(
    ("names", "acknowledged", "reason"),
    [
        ({"paypal": "ann"}, False, "not_allowed"),
        ({}, True, "invalid"),
        ({"paypal": ""}, True, "invalid"),
        ({"paypal": "a b"}, True, "invalid"),
        ({"bank": "ann"}, True, "invalid"),
    ],
    ids=["names not acknowledged as public", "no name", "only an empty name", "no name there", "no such provider"],
)
def test_a_jar_that_is_not_opened(names: dict[str, str], acknowledged: bool, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        jar().fill(names, enabled=True, acknowledged=acknowledged)
    assert refused.value.reason == reason


def test_a_tip_is_offered_to_somebody_on_stage() -> None:
    assert tip().offer(OFFER, OPEN_JAR, Whereabouts.ON_STAGE) == [OFFERED]


@pytest.mark.parametrize(
    ("offer", "at", "standing", "reason"),
    [
        (replace(OFFER, recipient="bob"), OPEN_JAR, Whereabouts.ON_STAGE, "not_allowed"),
        (OFFER, OPEN_JAR, Whereabouts.UNKNOWN, "space_unknown"),
        (OFFER, OPEN_JAR, Whereabouts.NOT_LIVE, "not_live"),
        (OFFER, OPEN_JAR, Whereabouts.LISTENING, "not_on_stage"),
        (OFFER, jar(), Whereabouts.ON_STAGE, "tip_jar_closed"),
        (OFFER, jar(Filled(enabled=False, names={"paypal": "ann"})), Whereabouts.ON_STAGE, "tip_jar_closed"),
        (replace(OFFER, provider="venmo"), OPEN_JAR, Whereabouts.ON_STAGE, "tip_jar_closed"),
        (replace(OFFER, currency=None), OPEN_JAR, Whereabouts.ON_STAGE, "invalid"),
    ],
    ids=["oneself", "no Space", "not live", "a listener", "no jar", "closed jar", "no name there", "no currency"],
)
def test_a_tip_that_is_not_offered(offer: Offer, at: Jar, standing: Whereabouts, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        tip().offer(offer, at, standing)
    assert refused.value.reason == reason


def test_offered_then_opened_then_confirmed() -> None:
    assert tip(OFFERED).state is TipState.OFFERED
    assert tip(OFFERED).open("bob") == [OPENED]
    assert tip(OFFERED, OPENED).state is TipState.OPENED
    assert tip(OFFERED, OPENED).confirm("ann") == [CONFIRMED]
    assert tip(OFFERED, OPENED, CONFIRMED).state is TipState.CONFIRMED


def test_again_changes_nothing() -> None:
    assert tip(OFFERED, OPENED).open("bob") == []
    assert tip(OFFERED, OPENED, CONFIRMED).open("bob") == []
    assert tip(OFFERED, OPENED, CONFIRMED).confirm("ann") == []


@pytest.mark.parametrize("who", ["ann", "eve"])
def test_only_the_payer_opens(who: str) -> None:
    with pytest.raises(Refusal, match="not_yours"):
        tip(OFFERED).open(who)


@pytest.mark.parametrize("who", ["bob", "eve"])
def test_only_the_recipient_confirms(who: str) -> None:
    with pytest.raises(Refusal, match="not_yours"):
        tip(OFFERED, OPENED).confirm(who)


def test_nothing_is_confirmed_that_nobody_opened() -> None:
    with pytest.raises(Refusal, match="wrong_state"):
        tip(OFFERED).confirm("ann")


def test_the_jar_of_who_is_erased_is_closed_for_ever() -> None:
    assert OPEN_JAR.erase() == [OwnerErased()]
    assert jar().erase() == []  # they never had one
    erased = jar(Filled(enabled=True, names={"paypal": "annpays"}), OwnerErased())
    assert (erased.enabled, erased.names, erased.erase()) == (False, {}, [])
    with pytest.raises(Refusal, match="person_unknown"):
        erased.fill({"paypal": "ann"}, enabled=True, acknowledged=True)
    with pytest.raises(Refusal, match="tip_jar_closed"):
        tip().offer(OFFER, erased, Whereabouts.ON_STAGE)


def test_tips_on_their_way_are_withdrawn_and_what_arrived_stays() -> None:
    for before in ((OFFERED,), (OFFERED, OPENED)):
        assert tip(*before).withdraw() == [Withdrawn()]
    assert tip(OFFERED, OPENED, CONFIRMED).withdraw() == []
    withdrawn = tip(OFFERED, Withdrawn())
    assert (withdrawn.withdraw(), withdrawn.link("annpays", "")) == ([], "")
    with pytest.raises(Refusal, match="wrong_state"):
        withdrawn.open(BOB)
    with pytest.raises(Refusal, match="wrong_state"):
        withdrawn.confirm("ann")


def test_a_jar_is_compared_by_what_is_shown_of_it() -> None:
    sealed = jar(Filled(enabled=True, names={"paypal": Sealed(unit="jar", box=b"1")}))
    shown = {"paypal": "ann"}
    assert sealed.fill(shown, enabled=True, acknowledged=True, shown=shown) == []
    assert sealed.fill({}, enabled=False, acknowledged=True, shown=shown) == [Filled(enabled=False, names=shown)]


def test_an_unknown_tip() -> None:
    with pytest.raises(Refusal, match="tip_unknown"):
        tip().open("bob")


def test_the_link_is_made_from_what_was_recorded() -> None:
    assert tip(OFFERED).link("annpays", "thank you") == "https://paypal.me/annpays/25USD"
