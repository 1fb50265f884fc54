"""Whoever leaves a Space while the page waits for something has left it, in Node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.in_node import in_node

_BROWSER = """
const asked = [], waiting = [], tracks = [];
let streams = 0;
const part = () => ({
  dataset: {}, append() {}, remove() {}, setAttribute() {}, addEventListener() {}, play: async () => {},
});
globalThis.document = { ...part(), hidden: false, removeEventListener() {}, createElement: part, body: part() };
globalThis.location = { search: "", href: "http://page/" };
globalThis.MediaStream = class {};
globalThis.EventSource = class {
  constructor() { streams += 1; }
  addEventListener() {}
  close() { streams -= 1; }
};
globalThis.RTCPeerConnection = class extends EventTarget {
  connectionState = "new";
  localDescription = { sdp: "offer" };
  addTransceiver() { return { receiver: { track: {} } }; }
  async createOffer() { return {}; }
  async setLocalDescription() {}
  close() {}
};
Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: { getUserMedia: () => new Promise((give) =>
  waiting.push(() => {
    const track = Object.assign(new EventTarget(), { live: true, stop() { this.live = false; } });
    tracks.push(track);
    give({ getAudioTracks: () => [track] });
  })) } } });
const space = { id: "s", version: 1, state: "live", listeners: 0, removed: [], requests: [], invitations: [], pins: [],
  host: { id: "h" }, settings: { title: "Tea" }, stage: [] };
globalThis.fetch = (path, { method }) => {
  asked.push(`${method} ${path}`);
  const body = path.endsWith("/sessions") ? { session_id: "mine" } : path.includes("/whep") ? "answer" : space;
  const headers = path.includes("/whep") ? { Location: "/v1/media/1" } : {};
  return new Promise((give) => waiting.push(() => give(new Response(JSON.stringify(body), { headers }))));
};
const settle = async () => { for (let i = 0; i < 20; i += 1) await new Promise((done) => setImmediate(done)); };
const answer = async () => { while (waiting.length) { waiting.shift()(); await settle(); } };
import(process.argv[1]).then(async ({ Room }) => {
  const room = new Room("s");
  %s
  await answer();
  console.log(JSON.stringify({ asked, streams, live: tracks.filter((track) => track.live).length }));
  process.exit(0);
});
"""
_OPEN = "const opening = room.open(); await settle(); await answer(); await opening;"


def after(steps: str) -> dict[str, Any]:
    """What is left once everything was answered that the page waited for."""
    found: dict[str, Any] = json.loads(in_node(_BROWSER % steps, ["model/room.js"]))
    return found


@pytest.mark.parametrize(
    "steps",
    ["room.open(); await settle(); room.close();", "room.close(); room.join();"],
    ids=["while it is read", "before one joins"],
)
def test_a_space_that_was_left_is_not_followed(steps: str) -> None:
    found = after(steps)
    assert found["streams"] == 0
    assert "POST /v1/spaces/s/sessions" not in str(found["asked"])


def test_a_session_that_comes_too_late_is_given_back() -> None:
    found = after(f"{_OPEN} room.join(); await settle(); room.close();")
    assert found["streams"] == 0
    assert "DELETE /v1/spaces/s/sessions/mine" in found["asked"]
    assert "whep" not in str(found["asked"])


def test_a_connection_that_comes_too_late_is_given_back() -> None:
    found = after(
        f"{_OPEN} room.join(); await settle(); waiting.shift()(); await settle();"
        "if (!asked.at(-1).includes('/whep')) throw new Error(asked.at(-1)); room.close();"
    )
    assert found["streams"] == 0
    assert "DELETE /v1/media/1" in found["asked"]


def test_a_microphone_that_is_given_too_late_is_not_kept_and_nobody_is_unmuted() -> None:
    found = after(f"{_OPEN} room.unmute(); await settle(); room.close();")
    assert found["live"] == 0
    assert "unmute" not in str(found["asked"])
    assert "whip" not in str(found["asked"])
