"""What tipping holds of a person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from contracts.personal_data import HeldRecord
from libs.personal_data import Found, Held, listed, number_of
from services.tipping.app import Tipping, TipView


def held(tipping: Tipping) -> Held:
    """Their tip jar, and the tips they gave or were offered, with what was written for the two alone."""

    async def jar(person: str, after: str) -> AsyncIterator[Found]:
        view = await tipping.jar(person, asker=person)
        records = []
        if view.version:
            records.append(HeldRecord(subject="tip_jar", fields={"enabled": view.enabled, "names": {**view.names}}))
        async for found in listed(records, after):
            yield found

    async def tips(person: str, after: str) -> AsyncIterator[Found]:
        begin = number_of(after)
        ids: Sequence[str] = await tipping.tips_of(person)
        for number, id in enumerate(ids[begin:], begin + 1):
            yield Found(str(number), (_record(await tipping.tip(id)),))

    return Held(jar, tips)


def _record(tip: TipView) -> HeldRecord:
    offered = tip.offered
    return HeldRecord(
        subject="tips",
        at=tip.offered_at,
        fields={
            "tip_id": tip.id,
            "space_id": offered.space,
            "payer": offered.payer,
            "recipient": offered.recipient,
            "provider": offered.provider,
            "amount_minor": offered.amount_minor,
            "currency": offered.currency,
            "note": tip.note,
            "state": tip.state.value,
        },
    )
