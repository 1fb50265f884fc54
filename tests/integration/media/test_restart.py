"""ICE restarts over WHEP, and how many connections one may begin at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.media import v1
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.gateway.conftest import Running, running_gateway
from tests.integration.media.stage import Stage, person, set_stage
from tests.support.browser import chromium
from tests.support.chromium import find_chromium
from tests.support.nats import NatsServer
from tests.support.waiting import eventually
from tests.support.webrtc import ear, new_connection, opus_tone, speaker

ADA = person("Ada")

LISTEN = """
async ({path}) => {
  const pc = window.pc = new RTCPeerConnection();
  pc.addTransceiver("audio", {direction: "recvonly"});
  const gathered = () => new Promise(done => {
    if (pc.iceGatheringState === "complete") done();
    pc.addEventListener("icegatheringstatechange", () => pc.iceGatheringState === "complete" && done());
  });
  await pc.setLocalDescription(await pc.createOffer());
  await gathered();
  const sdp = {"content-type": "application/sdp"};
  const answer = await fetch(path, {method: "POST", headers: sdp, body: pc.localDescription.sdp});
  window.where = answer.headers.get("location");
  await pc.setRemoteDescription({type: "answer", sdp: await answer.text()});
}
"""

RESTART = """
async () => {
  const line = (text, name) => text.match(new RegExp(`a=${name}:(.*)`))[1].trim();
  const first = pc.remoteDescription.sdp;
  pc.restartIce();
  await pc.setLocalDescription(await pc.createOffer());
  const offer = pc.localDescription.sdp;
  const body = `a=ice-ufrag:${line(offer, "ice-ufrag")}\\r\\na=ice-pwd:${line(offer, "ice-pwd")}\\r\\n`
    + "m=audio 9 UDP/TLS/RTP/SAVPF 0\\r\\na=mid:0\\r\\n";
  const headers = {"content-type": "application/trickle-ice-sdpfrag", "if-match": "*"};
  const answer = await fetch(where, {method: "PATCH", headers, body});
  const fragment = await answer.text();
  let sdp = first;
  for (const name of ["ice-ufrag", "ice-pwd"])
    sdp = sdp.replace(`a=${name}:${line(first, name)}`, `a=${name}:${line(fragment, name)}`);
  await pc.setRemoteDescription({type: "answer", sdp});
  return {status: answer.status, etag: answer.headers.get("etag"), mine: line(offer, "ice-ufrag")};
}
"""

STATE = """
async () => {
  const all = [...(await pc.getStats()).values()];
  const rtp = all.find(stat => stat.type === "inbound-rtp");
  const transport = all.find(stat => stat.type === "transport");
  const using = all.find(stat => transport && stat.id === transport.selectedCandidatePairId);
  const local = all.find(stat => using && stat.id === using.localCandidateId);
  return {
    packets: rtp ? rtp.packetsReceived : 0, lost: rtp ? rtp.packetsLost : 0, state: pc.connectionState,
    ufrag: local ? local.usernameFragment : null, dtls: transport ? transport.dtlsState : null,
  };
}
"""


@pytest.fixture
async def gateway(stage: Stage, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Running]:
    """The HTTP side, in front of the stage's media service."""
    async with running_gateway(nats_server.url, tmp_path, partitions=stage.bus.settings.partitions) as made:
        yield made


@pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium")
async def test_chromium_restarts_ice_and_hears_on(stage: Stage, gateway: Running) -> None:
    space = stage.room.live(ADA)
    async with chromium() as browser, speaker(stage.whip(space, ADA), opus_tone(440, 30)):
        page = await browser.new_page()
        await page.goto(f"{gateway.base}/v1/spaces/{space.id}")
        await page.evaluate(LISTEN, {"path": f"/v1/spaces/{space.id}/whep"})

        async def until(condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
            """Looks at the connection until the condition holds."""

            async def state() -> dict[str, Any] | None:
                seen: dict[str, Any] = await page.evaluate(STATE)
                return seen if condition(seen) else None

            return await eventually(state)

        before = await until(lambda it: it["packets"] >= 25)
        restarted = await page.evaluate(RESTART)
        assert (restarted["status"], restarted["mine"] != before["ufrag"]) == (200, True)
        after = await until(lambda it: it["ufrag"] == restarted["mine"])
        later = await until(lambda it: it["packets"] >= after["packets"] + 25)
        assert (later["state"], later["dtls"]) == ("connected", "connected")
        assert later["lost"] <= later["packets"] / 10  # a busy machine drops some; a restart that cost the audio, many
        # The entity tag is the new ICE session's: the old one is refused.
        where = await page.evaluate("window.where")
        async with httpx.AsyncClient(base_url=gateway.base, verify=False) as http:
            headers = {"content-type": "application/trickle-ice-sdpfrag"}
            for tag, status in (('"old"', 412), (restarted["etag"], 204)):
                answer = await http.patch(where, content="a=end-of-candidates", headers={**headers, "if-match": tag})
                assert answer.status_code == status


async def test_a_restart_that_brings_no_credentials_is_refused(stage: Stage) -> None:
    space = stage.room.live(ADA)
    session_id = new_id()

    async def restart(fragment: str, session: str = session_id) -> v1.Restarted:
        command = v1.Restart(command_id=new_id(), session_id=session, fragment=fragment)
        return (await stage.bus.ask(command, route=stage.service.settings.name)).result

    good = "a=ice-ufrag:fresh\r\na=ice-pwd:0123456789012345678901\r\n"
    async with ear(stage.whep(space, session_id=session_id)):
        for bad in (
            "?",
            "a=ice-ufrag:fresh\r\n",
            "a=ice-ufrag:x\r\na=ice-pwd:short\r\n",
            good + "a=ice-ufrag:second\r\n",
        ):
            with pytest.raises(Refusal) as no:
                await restart(bad)
            assert no.value.reason == "bad_sdp", bad
        first, second = await restart(good), await restart(good)
        assert first.etag != second.etag
        assert first.fragment != second.fragment
        assert "a=candidate:1 1 udp" in first.fragment
        with pytest.raises(Refusal, match="session_unknown"):
            await restart(good, new_id())


async def test_connections_begun_and_not_completed_are_bounded_per_person_and_per_address(
    nats_server: NatsServer,
) -> None:
    bounds = {"ROSTRUM_MEDIA_HALF_OPEN_PER_PERSON": "2", "ROSTRUM_MEDIA_HALF_OPEN_PER_ADDRESS": "3"}
    async with set_stage(nats_server, bounds) as stage:
        space = stage.room.live(ADA)
        pc = new_connection()
        pc.addTransceiver("audio", direction="recvonly")
        await pc.setLocalDescription(await pc.createOffer())
        offer = pc.localDescription.sdp
        await pc.close()

        async def begin(who: str | None, address: str) -> str:
            """Asks for an answer, and does nothing with it."""
            session_id = new_id()
            somebody = None if who is None else person(who).model_copy(update={"id": who})
            try:
                await stage.connect(space, "subscribe", somebody, offer, session_id, address)
            except Refusal as no:
                return no.reason
            return session_id

        eve, bob = new_id(), new_id()
        first = await begin(eve, "192.0.2.1")
        assert await begin(eve, "192.0.2.2") != "too_many_requests"
        assert await begin(eve, "192.0.2.3") == "too_many_requests", "the third of one person"
        assert await begin(bob, "192.0.2.1") != "too_many_requests"
        assert await begin(None, "192.0.2.1") != "too_many_requests"
        assert await begin(None, "192.0.2.1") == "too_many_requests", "the fourth of one address"
        assert await begin(None, "192.0.2.9") != "too_many_requests", "others are not concerned"
        await stage.disconnect(first)
        await stage.facts.until(v1.Disconnected, lambda e: e.session_id == first)
        assert await begin(eve, "192.0.2.1") != "too_many_requests", "one was closed"
        # Those that are completed count no more.
        for _ in range(4):
            async with ear(stage.whep(space, ADA)):
                pass
