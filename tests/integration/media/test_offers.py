"""Offers by HTTP, from the gateway to the node, after something bad was done to them."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.gateway.conftest import running_gateway
from tests.integration.media.stage import person, set_stage
from tests.support.nats import NatsServer
from tests.unit.media.test_sdp import LISTENS, SPEAKS, mutate

ADA = person("Ada")
MOST_SECONDS = 0.1
"""On the processor's clock: the machine may be busy with something else."""
SDP = {"content-type": "application/sdp"}


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("offers", [150, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_mutated_offers_are_answered_or_refused_and_never_fail(
    offers: int, nats_server: NatsServer, tmp_path: Path
) -> None:
    rng = random.Random(9725)
    told: Counter[int] = Counter()
    bounds = {
        "ROSTRUM_MEDIA_CAPACITY": "20000",
        "ROSTRUM_MEDIA_CONNECTIONS_PER_PERSON": "20000",
        "ROSTRUM_MEDIA_HALF_OPEN_PER_PERSON": "10000",
        "ROSTRUM_MEDIA_HALF_OPEN_PER_ADDRESS": "20000",
    }
    async with set_stage(nats_server, bounds) as stage:
        space = stage.room.live(ADA)
        settings = {
            "partitions": stage.bus.settings.partitions,
            "commands_per_second": 10_000,
            "commands_burst": 10_000,
        }
        async with running_gateway(nats_server.url, tmp_path, **settings) as gateway, gateway.client(ADA.id) as client:
            for number in range(offers):
                kind, offer = ("whip", SPEAKS) if number % 2 else ("whep", LISTENS)
                text = mutate(rng, offer).encode(errors="surrogatepass")
                # Gateway, node and client share this thread, with its garbage collector, and the machine may stand
                # still for seconds: what was slow once, or not answered in time, is sent again. What an offer itself
                # causes, it causes each time.
                for _ in range(4):
                    began = time.thread_time()
                    answer = await client.http.post(f"/v1/spaces/{space.id}/{kind}", content=text, headers=SDP)
                    seconds = time.thread_time() - began
                    if seconds < MOST_SECONDS and answer.status_code != 503:
                        break
                told[answer.status_code] += 1
                assert seconds < MOST_SECONDS, text
    assert set(told) <= {201, 400, 422}, told
    assert told[201] > offers // 20 < told[400]
