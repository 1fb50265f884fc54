"""What tipping holds of somebody is told to them: their jar, and tips with their notes to the two they are between."""

from __future__ import annotations

import pytest

from contracts.tipping import v1
from libs.bus import Bus
from tests.integration.tipping.test_tipping import ANN, BOB, EVE, bus, fill, live_space, offer, server, tipping
from tests.support.personal_data import held, of

__all__ = ["bus", "server", "tipping"]  # fixtures


@pytest.mark.usefixtures("tipping")
async def test_payer_and_recipient_have_the_tip_and_nobody_else(bus: Bus) -> None:
    await fill(bus, ANN, paypal="ann")
    tip = (await bus.ask(offer(await live_space(bus, ANN), BOB, ANN))).result
    anns, bobs = await held(bus, v1.HeldQuery, ANN.id), await held(bus, v1.HeldQuery, BOB.id)
    assert of(anns, "tip_jar") == [{"enabled": True, "names": {"paypal": "ann"}}]
    assert of(bobs, "tip_jar") == []
    for records in (anns, bobs):
        (seen,) = of(records, "tips")
        assert (seen["tip_id"], seen["payer"], seen["recipient"]) == (tip.id, BOB.id, ANN.id)
        assert (seen["note"], seen["amount_minor"], seen["state"]) == ("thanks", 2500, "offered")
    assert await held(bus, v1.HeldQuery, EVE.id) == []
