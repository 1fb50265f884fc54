// @ts-check
/**
 * One WHIP (RFC 9725) or WHEP connection that comes back by itself.
 *
 * The server is ICE-lite with one public port: it needs none of our candidates, so the offer is sent at once and
 * nothing is trickled.
 */

import { LAST_WORD, Problem, api, pause, quietly } from "../lib/api.js";

/**
 * One connection at a media node.
 *
 * @typedef {{pc: RTCPeerConnection, resource: string, use: () => void}} Link `resource`: its id at the server
 */
/** @typedef {"off" | "connecting" | "on" | "lost" | "refused"} PeerState */

const WAITS_MS = [200, 300, 400, 600, 1000, 2000, 4000, 6000];
const CONNECT_MS = 8000;
const LOOK_MS = 50;
/** How long to look whether anything still arrives over a connection whose node is said to be gone. */
const FLOWS_MS = 200;
/** Chromium says `disconnected` seconds after a server went silent; waiting longer helps nobody. */
const PATIENCE_MS = 500;

export class Peer extends EventTarget {
  /** @type {PeerState} */
  state = "off";
  /** @type {Problem | null} why it is `refused` */
  problem = null;
  /** For how long a move waits for sound on the new connection before it leaves the old one. */
  soundMs = 0;
  /** For how long a move keeps the old connection beside the new one, for those who are there still. */
  lingerMs = 0;
  /** The one in use. @type {Link | null} */
  #link = null;
  /** All that are open: while moving there are two. @type {Set<Link>} */
  #links = new Set();
  #generation = 0;
  #tries = 0;
  /** The connection that is being replaced by one at another node. @type {Link | null} */
  #moving = null;

  /**
   * @param {(offer: string, wanted: () => boolean) => Promise<Response | null>} ask for a connection; null where it is no
   *   longer wanted when it could be asked for
   * @param {(pc: RTCPeerConnection) => (() => void)} prepare adds the transceivers; what it returns is called when the
   *   connection is the one in use
   */
  constructor(ask, prepare) {
    super();
    this.ask = ask;
    this.prepare = prepare;
  }

  /** Id of the media session, as `media.*` events name it: the first part of the connection's id. */
  get sessionId() {
    return this.#link?.resource.split(".")[0] ?? "";
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
    this.#tries = 0;
    this.#connect("lost");
  }

  /**
   * Live events say that the node is gone. What still carries sound is kept until another connection does: the node may
   * only be out of the gateway's sight. Nothing shows whether what is said still arrives, so that is always kept.
   */
  async doubt() {
    const link = this.#link;
    const generation = this.#generation;
    const flows = this.state === "on" && link !== null && (!this.soundMs || (await arrives(link.pc, FLOWS_MS)));
    if (generation !== this.#generation || this.#link !== link) return;
    if (flows) this.move();
    else this.restart();
  }

  /** The node is about to stop: connects to another one first, and hangs up second. */
  async move() {
    const old = this.#link;
    if (this.state !== "on" || !old || this.#moving === old) return;
    this.#moving = old;
    const generation = this.#generation;
    for (let tries = 0; generation === this.#generation && this.#link === old; tries += 1) {
      try {
        await this.#replace(old, generation);
      } catch (error) {
        if (error instanceof Problem && !error.passing) break; // what there is serves until it ends
        await pause(WAITS_MS[Math.min(tries, WAITS_MS.length - 1)] ?? 0);
      }
    }
    if (this.#moving === old) this.#moving = null;
  }

  /** @param {Link} old @param {number} generation */
  async #replace(old, generation) {
    const next = this.#open();
    try {
      await this.#handshake(next, generation);
      await arrives(next.pc, this.soundMs);
    } catch (error) {
      this.#hangUp(next, { tell: true });
      throw error;
    }
    if (generation !== this.#generation) {
      this.#hangUp(next, { tell: true });
      return;
    }
    this.#take(next, generation);
    setTimeout(() => this.#hangUp(old, { tell: true }), this.lingerMs);
  }

  /** @param {PeerState} state */
  async #connect(state) {
    const generation = (this.#generation += 1);
    this.#drop({ tell: false });
    this.#become(state);
    try {
      const link = this.#open();
      this.#link = link;
      link.use();
      await this.#handshake(link, generation);
      if (generation !== this.#generation) return;
      this.#tries = 0;
      this.#become("on");
      this.#take(link, generation);
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

  /** @returns {Link} */
  #open() {
    const pc = new RTCPeerConnection();
    const link = { pc, resource: "", use: this.prepare(pc) };
    this.#links.add(link);
    return link;
  }

  /** Until audio can flow. @param {Link} link @param {number} generation */
  async #handshake(link, generation) {
    const { pc } = link;
    await pc.setLocalDescription(await pc.createOffer());
    const sdp = pc.localDescription?.sdp ?? "";
    const response = await this.ask(sdp, () => generation === this.#generation);
    if (!response) return;
    link.resource = response.headers.get("Location")?.split("/").pop() ?? "";
    const answer = await response.text();
    if (generation !== this.#generation) {
      this.#hangUp(link, { tell: false });
      quietly(api.hangUp(link.resource, LAST_WORD)); // also of a link that was hung up before it had an address
      return;
    }
    await pc.setRemoteDescription({ type: "answer", sdp: answer });
    await connected(pc);
  }

  /** From now on this is the connection. @param {Link} link @param {number} generation */
  #take(link, generation) {
    if (this.#link !== link) link.use();
    this.#link = link;
    link.pc.addEventListener("connectionstatechange", () => this.#watch(link, generation));
  }

  /** @param {Link} link @param {number} generation */
  async #watch({ pc }, generation) {
    if (pc.connectionState === "disconnected") await pause(PATIENCE_MS);
    const bad = pc.connectionState === "disconnected" || pc.connectionState === "failed";
    if (bad && this.#link?.pc === pc && generation === this.#generation) this.#connect("lost");
  }

  /** @param {{tell: boolean}} options */
  #drop({ tell }) {
    for (const link of this.#links) this.#hangUp(link, { tell });
    this.#link = null;
  }

  /** Once. @param {Link} link @param {{tell: boolean}} options */
  #hangUp(link, { tell }) {
    if (!this.#links.delete(link)) return;
    link.pc.close();
    if (tell && link.resource) quietly(api.hangUp(link.resource, LAST_WORD));
  }

  /** @param {PeerState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * Comes back where the node of a connection died or seems to have, moves where it is about to stop.
 *
 * @param {import("../client/contracts/events.js").LiveEvent<"media.node_lost" | "media.node_draining">} event
 * @param {(Peer | null)[]} peers
 */
export function heed(event, peers) {
  for (const peer of peers) {
    if (!peer || !event.sessions.includes(peer.sessionId)) continue;
    if (event.type === "media.node_lost") peer.doubt();
    else peer.move();
  }
}

/**
 * Whether anything more is received within so long; resolves as soon as it is.
 *
 * @param {RTCPeerConnection} pc
 * @param {number} most
 */
async function arrives(pc, most) {
  const before = await received(pc);
  for (const end = performance.now() + most; performance.now() < end; ) {
    await pause(LOOK_MS);
    if ((await received(pc)) > before) return true;
  }
  return false;
}

/** How many packets of sound have come. @param {RTCPeerConnection} pc */
async function received(pc) {
  let packets = 0;
  for (const entry of (await pc.getStats()).values()) {
    if (entry.type === "inbound-rtp") packets += entry.packetsReceived;
  }
  return packets;
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
