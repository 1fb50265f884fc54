// @ts-check
/** What is heard and what is said: three slots in, one microphone out. */

import { Problem, api } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { Peer } from "./peer.js";

const SLOTS = 3;

/**
 * Listening: the server puts the loudest speakers into three tracks that stay for life, so nothing is negotiated
 * again when the stage changes. Each track has an element of its own, which every browser plays.
 */
export class Ears extends Peer {
  soundMs = 1000;

  /** @param {string} spaceId @param {() => Promise<string>} session the presence that listening keeps alive */
  constructor(spaceId, session) {
    super(async (offer, wanted) => {
      const query = { session: await session() };
      return wanted() ? api.whep(spaceId, offer, { query, once: true }) : null;
    }, (pc) => {
      const receivers = this.elements.map(() => pc.addTransceiver("audio", { direction: "recvonly" }).receiver);
      return () => this.elements.forEach((element, slot) => {
        element.srcObject = new MediaStream(receivers.slice(slot, slot + 1).map((receiver) => receiver.track));
        element.dataset.slot = String(slot);
        this.#play(element);
      });
    });
    this.elements = Array.from({ length: SLOTS }, () =>
      h("audio", { "data-testid": "slot", autoplay: true, playsinline: true }));
    document.body.append(...this.elements);
  }

  /** To be called in the hand of the person: browsers let a page make sound only then. */
  start() {
    for (const element of this.elements) this.#play(element);
    super.start();
  }

  stop() {
    super.stop();
    for (const element of this.elements) {
      element.srcObject = null;
      element.remove();
    }
  }

  /** @param {HTMLAudioElement} element */
  #play(element) {
    element.play().catch((error) => {
      if (error.name === "NotAllowedError") this.dispatchEvent(new Event("silenced"));
    });
  }
}

/** Speaking. The track is switched off here first and the server told second. */
export class Mouth extends Peer {
  lingerMs = 5000;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  #stopped = false;

  /** @param {string} spaceId */
  constructor(spaceId) {
    super((offer) => api.whip(spaceId, offer, { once: true }), (pc) => {
      if (this.#track) pc.addTransceiver(this.#track, { direction: "sendonly", streams: [new MediaStream([this.#track])] });
      return () => {};
    });
  }

  /**
   * Asks for the microphone where it is not open yet, and connects; muted until `open`. The person may take their time.
   *
   * @returns {Promise<boolean>} false where this was stopped meanwhile
   */
  async prepareMicrophone() {
    if (!this.#track || this.#track.readyState === "ended") {
      const track = await microphone();
      if (this.#stopped) {
        track.stop();
        return false;
      }
      this.#track = track;
      this.#track.enabled = false;
      this.#track.addEventListener("ended", () => this.dispatchEvent(new Event("unplugged")));
      if (this.state !== "off") super.stop();
    }
    super.start();
    return true;
  }

  /** Whether what the microphone hears is sent. @param {boolean} open */
  open(open) {
    if (this.#track) this.#track.enabled = open;
  }

  stop() {
    this.#stopped = true;
    super.stop();
    this.#track?.stop();
    this.#track = null;
  }
}

async function microphone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Problem(400, "no_microphone", "Browsers give the microphone to secure pages only: use https, or localhost.");
  }
  const cleaned = new URLSearchParams(location.search).get("raw") !== "1";
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: cleaned, noiseSuppression: cleaned, autoGainControl: cleaned },
    });
    const [track] = stream.getAudioTracks();
    if (!track) throw new DOMException("no track", "NotFoundError");
    track.contentHint = "speech";
    return track;
  } catch (error) {
    throw new Problem(400, "no_microphone", error instanceof DOMException && error.name === "NotAllowedError"
      ? "The browser did not give the microphone. Allow it for this site, then try again."
      : "No microphone could be opened. Is one connected, and not held by another program?");
  }
}
