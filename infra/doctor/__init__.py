"""Checks of a machine before and while it serves: what does not hold, and how to mend it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from infra.doctor import identity, machine, media, public, speech, stores
from infra.doctor.findings import Check, Finding, Level, bad
from infra.doctor.situation import Situation

CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("settings", machine.settings),
    ("disk", machine.disk),
    ("open files", machine.open_files),
    ("clock", machine.clock),
    ("gateway port", machine.gateway_port),
    ("NATS", stores.nats_server),
    ("event stores", stores.event_stores),
    ("object store", stores.object_store),
    ("analytics", stores.analytics),
    ("speech model", speech.model),
    ("identity", identity.issuer),
    ("certificate", public.certificate),
    ("public address", public.address),
    ("media over UDP", media.udp),
    ("media over TCP", media.tcp),
    ("TURN", media.turn),
)
_WITHIN: Final = 30.0


async def examine(situation: Situation) -> AsyncIterator[Finding]:
    """What each check finds, one after another. A check that takes longer than 30 s has found that."""
    for name, check in CHECKS:
        try:
            async with asyncio.timeout(_WITHIN):
                finding = await check(situation)
        except TimeoutError:
            finding = bad(f"no answer within {_WITHIN:.0f} s", "look at what this check asks, and at the network")
        if finding is not None:
            yield finding.of(name)


__all__ = ["CHECKS", "Finding", "Level", "Situation", "examine"]
