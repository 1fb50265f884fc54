// @ts-check
/** Reactions: a tray to send them, a shower of them over the stage, and the same in words. */

import { api, orNull } from "../lib/api.js";
import { button, h, replace, set } from "../lib/dom.js";
import { attempt, say } from "../lib/messages.js";
import { store, stored } from "../lib/stored.js";
import { signUp } from "./account.js";

/** @import { Reaction } from "../client/contracts/api.js" */
/** @import { Room } from "../model/room.js" */

/**
 * How reactions look. Which of them there are is what the server says.
 *
 * @typedef {{sign: string, words: string, tone?: boolean}} Look
 * @satisfies {Record<Reaction, Look>}
 */
const KNOWN = {
  clap: { sign: "👏", words: "clap", tone: true },
  purple_heart: { sign: "💜", words: "purple heart" },
  laughing: { sign: "😂", words: "laughing" },
  hundred: { sign: "💯", words: "hundred" },
  surprised: { sign: "😮", words: "surprised" },
  crying: { sign: "😢", words: "crying" },
  fist: { sign: "✊", words: "fist", tone: true },
  thumbs_up: { sign: "👍", words: "thumbs up", tone: true },
  thumbs_down: { sign: "👎", words: "thumbs down", tone: true },
  wave: { sign: "👋", words: "wave", tone: true },
};
/** @type {Map<string, Look>} */
const LOOKS = new Map(Object.entries(KNOWN));
const TONES = ["", "🏻", "🏼", "🏽", "🏾", "🏿"];
/** Fitzpatrick types of those signs; the first stands for types 1 and 2. */
const TYPES = [null, 2, 3, 4, 5, 6];
const TONE = "rostrum.tone";
const AT_ONCE = 12;
const TOLD_AFTER_MS = 1000;
const TOLD_EVERY_MS = 5000;

/** What one has chosen, as a place in `TONES`. */
const ownTone = () => Math.min(TONES.length - 1, Math.max(0, Number(stored(TONE)) || 0));

/** @param {string} reaction @returns {Look} */
const lookOf = (reaction) => LOOKS.get(reaction) ?? { sign: "✨", words: reaction.replaceAll("_", " ") };

/** @param {string} reaction @param {number} tone a place in `TONES` */
function sign(reaction, tone) {
  const look = lookOf(reaction);
  return look.tone ? `${look.sign}${TONES[tone]}` : look.sign;
}

/** @param {string} kind a reaction as it is counted: `clap`, or `clap:4` with a Fitzpatrick type */
function parts(kind) {
  const [reaction = "", type] = kind.split(":");
  return { reaction, tone: type ? Math.max(1, TYPES.indexOf(Number(type))) : 0 };
}

export class SpaceTray extends HTMLElement {
  /** @type {Room | null} */
  room = null;
  /** Told of what one sends, as it is counted. @type {(kind: string) => void} */
  sent = () => {};
  /** @type {string[]} */
  #reactions = [];

  connectedCallback() {
    set(this, { class: "tray", role: "group", "aria-label": "Reactions", "data-testid": "reactions", hidden: true });
  }

  /** Opens or closes it. @returns {boolean} whether it is open now */
  toggle() {
    const open = !this.toggleAttribute("hidden");
    if (open) this.#fill();
    return open;
  }

  /** Offers what the server takes, in our order; what we have no picture of comes last. */
  async #fill() {
    if (this.#reactions.length) return;
    this.#draw(); // the choice of a tone is there at once
    const answer = await orNull(api.reactions());
    const taken = answer?.reactions ?? [];
    this.#reactions = [...[...LOOKS.keys()].filter((one) => taken.includes(one)), ...taken.filter((one) => !LOOKS.has(one))];
    this.#draw();
  }

  #draw() {
    const tone = ownTone();
    replace(this,
      this.#reactions.map((reaction) => {
        const { words } = lookOf(reaction);
        return button({ class: "emoji", "aria-label": words, title: words, "data-testid": `react-${reaction}`,
          onclick: () => this.#send(reaction) }, sign(reaction, tone));
      }),
      button({ class: "emoji", "aria-label": "Change skin tone", title: "Skin tone", "data-testid": "tone",
        onclick: () => this.#nextTone() }, `🖐${TONES[tone]}`));
  }

  #nextTone() {
    store(TONE, String((ownTone() + 1) % TONES.length));
    this.#draw();
    /** @type {HTMLElement | null} */ (this.lastElementChild)?.focus();
  }

  /** @param {string} reaction */
  async #send(reaction) {
    if (!await signUp("To react you need a handle and a name.")) return;
    const type = lookOf(reaction).tone ? TYPES[ownTone()] ?? null : null;
    this.sent(type ? `${reaction}:${type}` : reaction);
    await attempt(async () => this.room?.orders.react(reaction, type));
  }
}

export class SpaceReactions extends HTMLElement {
  /** Counts by reaction. @type {Map<string, number>} */
  #untold = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #told = -TOLD_EVERY_MS;
  /** Own reactions are shown at once and left out of the next count. @type {Map<string, number>} */
  #own = new Map();

  connectedCallback() {
    this.className = "shower";
    this.setAttribute("aria-hidden", "true");
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  /** @param {string} kind */
  own(kind) {
    this.#own.set(kind, (this.#own.get(kind) ?? 0) + 1);
    this.#float(kind);
  }

  /** @param {Record<string, number>} counts by kind */
  shower(counts) {
    let left = AT_ONCE;
    for (const [kind, number] of Object.entries(counts)) {
      const { reaction } = parts(kind);
      this.#untold.set(reaction, (this.#untold.get(reaction) ?? 0) + number);
      const mine = Math.min(number, this.#own.get(kind) ?? 0);
      this.#own.set(kind, (this.#own.get(kind) ?? 0) - mine);
      for (let i = 0; i < number - mine && left > 0; i += 1, left -= 1) this.#float(kind);
    }
    const wait = Math.max(TOLD_AFTER_MS, this.#told + TOLD_EVERY_MS - performance.now());
    this.#timer ??= setTimeout(() => this.#tell(), wait);
  }

  #tell() {
    this.#timer = undefined;
    this.#told = performance.now();
    const words = [...this.#untold].map(([reaction, number]) => `${number} ${lookOf(reaction).words}`);
    this.#untold.clear();
    say(`Reactions: ${words.join(", ")}`);
  }

  /** @param {string} kind */
  #float(kind) {
    const { reaction, tone } = parts(kind);
    const one = h("span", {
      class: "float", "data-testid": "floating", "--x": `${8 + Math.random() * 84}%`, "--drift": `${Math.random() * 40 - 20}px`,
      "--wait": `${Math.random() * 250}ms`,
    }, sign(reaction, tone));
    one.addEventListener("animationend", () => one.remove());
    setTimeout(() => one.remove(), 5000);
    this.append(one);
  }
}

customElements.define("space-tray", SpaceTray);
customElements.define("space-reactions", SpaceReactions);
