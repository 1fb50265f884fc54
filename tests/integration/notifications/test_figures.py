"""Whoever watches notifications is told what is sent, what fails, and for how long something waits."""

from __future__ import annotations

from prometheus_client import REGISTRY

from tests.integration.notifications.crowd import crowd
from tests.integration.notifications.receiver import receiving
from tests.support.waiting import eventually

AGES = ("rostrum_webhook_oldest_waiting_seconds", "rostrum_push_oldest_waiting_seconds")


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_what_waits_is_told_with_its_age_until_it_is_sent() -> None:
    async with crowd() as them, receiving() as hooks, them.notifications():
        failed = figure("rostrum_webhook_attempts_total", outcome="failed")
        sent = figure("rostrum_pushes_total", about="live", outcome="sent")
        hooks.answer = lambda _: 503
        await them.there.add(hooks.url)
        await them.sign_up("host")
        (fan,) = await them.fans("host", "fan")
        fan.answer = lambda _: 503
        await them.create("host")
        await eventually(lambda: figure("rostrum_webhook_attempts_total", outcome="failed") > failed)
        await eventually(lambda: all(figure(name) > 0 for name in AGES))
        assert figure("rostrum_pushes_waiting") == 1
        hooks.answer, fan.answer = (lambda _: 204), (lambda _: 201)
        await fan.until(1)
        await eventually(lambda: figure("rostrum_pushes_total", about="live", outcome="sent") == sent + 1)
        await eventually(lambda: not any(figure(name) for name in AGES))
