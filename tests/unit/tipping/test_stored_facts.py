"""What was stored once is read for ever: these states are never edited, only added to."""

from __future__ import annotations

import pytest

from libs.eventstore import Fact
from libs.eventstore.facts import decode
from libs.keyring import Sealed
from services.tipping.domain.jar import Filled, OwnerErased
from services.tipping.domain.tip import Confirmed, LinkFollowed, Offered, Withdrawn

BOX = b"\x01\x02\x03"

GOLDEN: list[tuple[str, bytes, Fact]] = [
    (
        "jar.filled",
        b'{"at":"2026-01-01T00:00:00Z","fact":{"enabled":true,"names":{"paypal":"ann"}}}',
        Filled(enabled=True, names={"paypal": "ann"}),
    ),
    (
        "tip.offered",
        b'{"at":"2026-01-01T00:00:00Z","actor":"b","command_id":"c","fact":{"space":"s","payer":"b",'
        b'"payer_handle":"bob","payer_name":"Bob","recipient":"a","provider":"paypal","name":"ann",'
        b'"amount_minor":2500,"currency":"USD","note":"hi"}}',
        Offered(
            space="s", payer="b", recipient="a", provider="paypal", name="ann", amount_minor=2500, currency="USD",
            note="hi",
        ),
    ),
    (
        "tip.offered",
        b'{"at":"2026-01-01T00:00:00Z","actor":"b","command_id":"c","fact":{"space":"s","payer":"b","recipient":"a",'
        b'"provider":"paypal","name":"ann","note":"hi"}}',
        Offered(space="s", payer="b", recipient="a", provider="paypal", name="ann", note="hi"),
    ),
    (
        "tip.opened",
        b'{"at":"2026-01-01T00:00:00Z","fact":{"space":"s","payer":"b","recipient":"a"}}',
        LinkFollowed(space="s", payer="b", recipient="a"),
    ),
    (
        "tip.confirmed",
        b'{"at":"2026-01-01T00:00:00Z","fact":{"space":"s","payer":"b","recipient":"a"}}',
        Confirmed(space="s", payer="b", recipient="a"),
    ),
    (
        "jar.filled",
        b'{"at":"2026-01-01T00:00:00Z","fact":{"enabled":true,"names":{"paypal":{"unit":"jar","box":"AQID"}}}}',
        Filled(enabled=True, names={"paypal": Sealed(unit="jar", box=BOX)}),
    ),
    ("jar.erased", b'{"at":"2026-01-01T00:00:00Z","fact":{}}', OwnerErased()),
    (
        "tip.offered",
        b'{"at":"2026-01-01T00:00:00Z","actor":"b","command_id":"c","fact":{"space":"s","payer":"b","recipient":"a",'
        b'"provider":"paypal","name":{"unit":"tip/t","box":"AQID"},"note":{"unit":"tip/t","box":"AQID"}}}',
        Offered(
            space="s", payer="b", recipient="a", provider="paypal", name=Sealed(unit="tip/t", box=BOX),
            note=Sealed(unit="tip/t", box=BOX),
        ),
    ),
    ("tip.withdrawn", b'{"at":"2026-01-01T00:00:00Z","fact":{}}', Withdrawn()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "state", "fact"), GOLDEN, ids=[name for name, _, _ in GOLDEN])
def test_stored_facts_stay_readable(name: str, state: bytes, fact: Fact) -> None:
    assert decode(name, state).fact == fact
