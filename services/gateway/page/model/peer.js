// @ts-check
/**
 * One WHIP (RFC 9725) or WHEP connection that comes back by itself.
 *
 * The server is ICE-lite with one public port: it needs none of our candidates, so the offer is sent at once and
 * nothing is trickled.
 */

import { Problem, exchange, newKey, pause, quietly } from "../lib/api.js";

/** @typedef {"off" | "connecting" | "on" | "lost" | "refused"} PeerState */

const WAITS_MS = [300, 700, 1500, 3000, 6000];
const CONNECT_MS = 8000;
/** Chromium says `disconnected` seconds after a server went silent; waiting longer helps nobody. */
const PATIENCE_MS = 500;

export class Peer extends EventTarget {
  /** @type {PeerState} */
  state = "off";
  /** @type {Problem | null} why it is `refused` */
  problem = null;
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  #resource = "";
  #generation = 0;
  #tries = 0;

  /**
   * @param {() => string | Promise<string>} endpoint
   * @param {(pc: RTCPeerConnection) => void} prepare adds the transceivers
   */
  constructor(endpoint, prepare) {
    super();
    this.endpoint = endpoint;
    this.prepare = prepare;
  }

  /** Id of the media session, as `media.*` events name it: the first part of the connection's address. */
  get sessionId() {
    return this.#resource.split("/").pop()?.split(".")[0] ?? "";
  }

  start() {
    if (this.state === "connecting" || this.state === "on" || this.state === "lost") return;
    this.#tries = 0;
    this.#connect("connecting");
  }

  stop() {
    this.#generation += 1;
    this.#drop({ tell: true });
    this.#become("off");
  }

  /** Somebody else (live events) knows that this connection is dead. */
  restart() {
    if (this.state === "off" || this.state === "refused") return;
    this.#connect("lost");
  }

  /** @param {PeerState} state */
  async #connect(state) {
    const generation = (this.#generation += 1);
    this.#drop({ tell: false });
    this.#become(state);
    try {
      await this.#handshake(generation);
      this.#tries = 0;
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#drop({ tell: true });
      if (error instanceof Problem && !error.passing) {
        this.problem = error;
        this.#become("refused");
        return;
      }
      this.#become("lost");
      const wait = WAITS_MS[Math.min(this.#tries, WAITS_MS.length - 1)] ?? 0;
      this.#tries += 1;
      await pause(wait * (0.75 + Math.random() / 2));
      if (generation === this.#generation) this.#connect("lost");
    }
  }

  /** @param {number} generation */
  async #handshake(generation) {
    const pc = new RTCPeerConnection();
    this.#pc = pc;
    this.prepare(pc);
    await pc.setLocalDescription(await pc.createOffer());
    const sdp = pc.localDescription?.sdp ?? "";
    const endpoint = await this.endpoint();
    const response = await exchange("POST", endpoint, { body: sdp, type: "application/sdp", key: newKey() });
    const resource = new URL(response.headers.get("Location") ?? "", new URL(endpoint, location.href)).pathname;
    const answer = await response.text();
    if (generation !== this.#generation) {
      quietly("DELETE", resource);
      return;
    }
    this.#resource = resource;
    await pc.setRemoteDescription({ type: "answer", sdp: answer });
    await connected(pc);
    if (generation !== this.#generation) return;
    this.#become("on");
    pc.addEventListener("connectionstatechange", () => this.#watch(pc, generation));
  }

  /** @param {RTCPeerConnection} pc @param {number} generation */
  async #watch(pc, generation) {
    if (pc.connectionState === "disconnected") await pause(PATIENCE_MS);
    const bad = pc.connectionState === "disconnected" || pc.connectionState === "failed";
    if (bad && generation === this.#generation) this.#connect("lost");
  }

  /** @param {{tell: boolean}} options */
  #drop({ tell }) {
    this.#pc?.close();
    this.#pc = null;
    if (tell && this.#resource) quietly("DELETE", this.#resource);
    this.#resource = "";
  }

  /** @param {PeerState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * Resolves when audio can flow.
 *
 * @param {RTCPeerConnection} pc
 * @returns {Promise<void>}
 */
function connected(pc) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("the media connection did not come up")), CONNECT_MS);
    const look = () => {
      if (pc.connectionState === "connected") resolve();
      else if (pc.connectionState === "failed" || pc.connectionState === "closed") reject(new Error("ICE failed"));
      else return;
      clearTimeout(late);
      pc.removeEventListener("connectionstatechange", look);
    };
    pc.addEventListener("connectionstatechange", look);
    look();
  });
}
