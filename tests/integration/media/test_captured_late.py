"""Captured speech that waits while NATS is away."""

from __future__ import annotations

import asyncio

from contracts import capture, subjects
from libs.aio import end
from libs.bus import BusSettings, connect
from libs.bus.origin import mark
from libs.ids import new_id
from libs.keyring.client import open_keyring
from services.media.adapters.capture import CaptureWriter, OutgoingBundle
from tests.support.keys import keys_at
from tests.support.nats import running_nats
from tests.support.waiting import eventually


async def test_it_is_sent_when_nats_is_back_and_not_kept_by_the_client() -> None:
    """It says when it was sent: the stream would take it too late, and what is sent again as its double."""
    bundle = OutgoingBundle(new_id(), new_id(), new_id(), number=1, packets=1, body=b"opus", recorded=True)
    with running_nats() as nats:
        async with (
            keys_at(nats.url),
            await connect("media", BusSettings(url=nats.url)) as bus,
            open_keyring(bus, "media") as keyring,
        ):
            await keyring.lock(*capture.seal_of(bundle.space_id, bundle.person_id, recorded=True).subjects)
            writer = CaptureWriter(bus, keyring, waiting=10)
            nats.stop()
            await eventually(lambda: not bus.is_connected)
            before = bus.nc.stats["out_msgs"]
            assert not await writer._store(bundle)
            assert bus.nc.stats["out_msgs"] == before, "it was left to the client"
            nats.start()
            writing = asyncio.create_task(writer.run())
            writer.put(bundle)
            await writer.drained()
            await end(writing)
            assert (await bus.js.stream_info(subjects.CAPTURE_STREAM)).state.messages == 1


async def test_no_other_message_is_taken_in_its_place() -> None:
    bundle = OutgoingBundle(new_id(), new_id(), new_id(), number=1, packets=1, body=b"opus", recorded=True)
    with running_nats() as nats:
        async with (
            keys_at(nats.url),
            await connect("media", BusSettings(url=nats.url)) as bus,
            open_keyring(bus, "media") as keyring,
        ):
            for guess in (f"{bundle.session_id}:1", f"{bundle.space_id}:1", "1"):
                headers = mark("media", {"Nats-Msg-Id": guess})
                await bus.js.publish(subjects.capture(bundle.space_id, "x"), b"lie", headers=headers)
            assert await CaptureWriter(bus, keyring, waiting=10)._store(bundle)
            assert await CaptureWriter(bus, keyring, waiting=10)._store(bundle), "sent again"
            kept = await bus.js.get_last_msg(
                subjects.CAPTURE_STREAM, subjects.capture(bundle.space_id, bundle.session_id)
            )
            assert (kept.seq, (await bus.js.stream_info(subjects.CAPTURE_STREAM)).state.messages) == (4, 4)
