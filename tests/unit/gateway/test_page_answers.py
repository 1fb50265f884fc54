"""An answer that comes late hides nothing that is newer, and one that does not come is asked for again, in Node."""

from __future__ import annotations

import json
from typing import Any

from tests.support.in_node import in_node

_BROWSER = """
globalThis.HTMLElement = class {
  isConnected = true;
  append() {}
};
const part = () => ({
  dataset: {}, style: {}, classList: { add() {}, remove() {}, toggle() {} }, children: [], childNodes: [], append() {},
  remove() {}, setAttribute() {}, removeAttribute() {}, addEventListener() {}, replaceChildren() {}, load() {},
  pause() {}, querySelector: () => null, get parentElement() { return part(); },
});
globalThis.customElements = { define() {}, get() {} };
globalThis.document = { ...part(), createElement: part, createElementNS: part, createTextNode: part, body: part(),
  documentElement: part(), getElementById: part };
globalThis.location = { search: "", href: "http://page/", hash: "", pathname: "/", origin: "http://page" };
globalThis.window = globalThis;
globalThis.addEventListener = () => {};
const stored = { "rostrum.person": null };
globalThis.localStorage = { getItem: (key) => stored[key] ?? null, setItem() {}, removeItem() {} };
globalThis.EventSource = class { addEventListener() {} close() {} };
const waiting = [];
globalThis.fetch = (path, { method }) => new Promise((give) => waiting.push({ path, method, give: (body, status = 200,
  headers = {}) => give(new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json",
  ...headers } })) }));
const settle = async () => { for (let i = 0; i < 20; i += 1) await new Promise((done) => setImmediate(done)); };
const later = globalThis.setTimeout;
globalThis.setTimeout = (call, _ms, ...rest) => later(call, 0, ...rest);
const say = (value) => { console.log(JSON.stringify(value)); process.exit(0); };
import(process.argv[1]).then(async (module) => {
  %s
});
"""


def shown(file: str, steps: str) -> Any:
    """What the steps say of a module of the page."""
    return json.loads(in_node(_BROWSER % steps, [file]))


def test_words_that_were_changed_while_the_transcript_was_asked_for_stay_changed() -> None:
    assert shown(
        "model/captions.js",
        """
  const said = (id, text, second) => ({ id, text, lang: "en", person: { id: "p", handle: "ann", name: "Ann" },
    start_at: `2026-05-04T18:00:0${second}Z` });
  const captions = new module.Captions();
  let answer;
  const recalled = captions.recall(new Promise((give) => { answer = give; }));
  captions.apply({ type: "transcription.caption_corrected", caption_id: "one", text: "Hello", by: "h" });
  captions.apply({ type: "transcription.captioned", caption: said("two", "Good evening", 2) });
  captions.apply({ type: "transcription.caption_corrected", caption_id: "two", text: "Good morning", by: "h" });
  captions.apply({ type: "transcription.captioned", caption: said("three", "", 3) });
  answer({ captions: [said("one", "Hollow", 1), said("two", "Good evening", 2), said("three", "My address", 3)] });
  await recalled;
  say(captions.lines.map((line) => line.text));
""",
    ) == ["Hello", "Good morning"]


def test_an_older_answer_about_a_replay_is_not_shown() -> None:
    assert (
        shown(
            "views/replay.js",
            """
  const parts = [];
  document.createElement = () => parts[parts.push(part()) - 1];
  const replay = new module.SpaceReplay();
  replay.room = { id: "s", space: { host: { id: "h" }, settings: { recorded: true } } };
  replay.look();
  replay.look();
  await settle();
  const asked = (kind, at) => waiting.filter(({ path }) => path.endsWith(kind))[at];
  for (const [at, state] of [[1, "none"], [0, "processing"]]) {
    asked("/replay", at).give({ state, tracks: [] });
    asked("/transcript", at).give({ captions: [], state: "closed" });
    await settle();
  }
  say(parts.map(({ dataset }) => dataset.state).filter(Boolean));
""",
        )
    ) == ["none"]


def test_reminders_that_could_not_be_read_are_asked_for_again() -> None:
    assert shown(
        "views/reminders.js",
        """
  const { wanted } = module;
  const { identity } = await import(new URL("../lib/api.js", process.argv[1]).href);
  Object.defineProperty(identity, "token", { get: () => "mine" });
  const has = [];
  wanted.addEventListener("change", () => has.push([wanted.has("s"), wanted.has("t")]));
  wanted.has("s");
  await settle();
  waiting.shift().give({ reason: "forbidden", title: "No" }, 403);
  for (let i = 0; i < 100 && !waiting.length; i += 1) await settle();
  wanted.note("t", false);
  waiting.shift().give({ reminders: [{ space_id: "s" }, { space_id: "t" }] });
  await settle();
  say(has.at(-1));
""",
    ) == [True, False]


def test_a_connection_moves_also_while_an_older_one_that_was_given_up_was_moving() -> None:
    assert shown(
        "model/peer.js",
        """
  globalThis.RTCPeerConnection = class extends EventTarget {
    connectionState = "connected";
    localDescription = { sdp: "offer" };
    async createOffer() { return {}; }
    async setLocalDescription() {}
    async setRemoteDescription() {}
    async getStats() { return new Map(); }
    close() {}
  };
  const peer = new module.Peer(() => fetch("/v1/spaces/s/whep", { method: "POST" }), () => () => undefined);
  const answer = async () => {
    await settle();
    const asked = waiting.filter(({ method }) => method === "POST");
    asked.at(-1).give("answer", 201, { Location: `/v1/media/${asked.length}` });
    await settle();
    return peer.sessionId;
  };
  const used = [];
  peer.start();
  used.push(await answer());
  peer.move();
  await settle(); // and is not answered
  peer.restart();
  used.push(await answer());
  peer.move();
  used.push(await answer());
  say(used);
""",
    ) == ["1", "3", "4"]


def test_who_signed_up_meanwhile_is_not_signed_out_by_a_refusal_of_what_was_asked_before() -> None:
    assert shown(
        "lib/api.js",
        """
  const { api, identity } = module;
  const refused = api.getMe().catch(() => "refused");
  await settle();
  identity.become({ token: "mine", person: { id: "p", handle: "ann", name: "Ann" } });
  waiting.shift().give({ reason: "unauthenticated" }, 401);
  await refused;
  const before = identity.token;
  const again = api.getMe().catch(() => "refused");
  await settle();
  waiting.shift().give({ reason: "unauthenticated" }, 401);
  await again;
  say([before, identity.token]);
""",
    ) == ["mine", None]


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    assert shown(
        "lib/api.js",
        """
  globalThis.fetch = async () => new Response(tries.push(0) > 1 ? '{"id":"p"}' : new ReadableStream({
    start: (controller) => controller.error(new TypeError("network error")) }));
  const tries = [];
  say(await module.api.getMe());
""",
    ) == {"id": "p"}
