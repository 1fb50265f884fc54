// @ts-check
/** The bar at the bottom: what this person can do right now. */

import { api, identity } from "../lib/api.js";
import { busy, button, h, icon, replace } from "../lib/dom.js";
import { attempt, confirm, sheet } from "../lib/messages.js";
import { atMost } from "../lib/words.js";
import { signUp } from "./account.js";
import { share } from "./create.js";
import { manageSheet } from "./manage.js";
import { NOTHING_KEPT, field, tick } from "./parts.js";
import { forget, remind, wanted } from "./reminders.js";
import { tipSheet } from "./tips.js";

/** @import { Props } from "../lib/dom.js" */
/** @import { Room } from "../model/room.js" */

export class SpaceControls extends HTMLElement {
  /** @type {Room | null} */
  room = null;
  /** Opens or closes the reaction tray. @type {() => boolean} whether it is open now */
  toggleTray = () => false;
  /** @type {() => unknown} */
  leave = () => undefined;
  #drawn = "";

  connectedCallback() {
    this.className = "controls";
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", "Controls");
    this.#drawn = "";
    wanted.addEventListener("change", this.#redraw);
    this.draw();
  }

  disconnectedCallback() { wanted.removeEventListener("change", this.#redraw); }

  #redraw = () => this.draw();

  draw() {
    const { room } = this;
    if (!room?.space) return;
    this.hidden = room.space.state !== "live" && room.space.state !== "scheduled";
    const looks = [room.space.state, room.role, room.member?.muted, room.member?.hand_raised, room.onAir, room.request !== null, room.ears?.state, room.mouth?.state,
      room.silenced, room.joined, identity.person?.id, room.space.host.id, room.space.state === "scheduled" && wanted.has(room.id)].join();
    if (looks === this.#drawn) return;
    this.#drawn = looks;
    const focused = /** @type {HTMLElement | null} */ (this.contains(document.activeElement) ? document.activeElement : null);
    const kind = focused?.dataset.testid;
    replace(this, ...this.#parts(room));
    if (focused) {
      const again = /** @type {HTMLElement | null} */ (this.querySelector(`[data-testid="${kind}"]`) ?? this.querySelector("button"));
      again?.focus();
    }
  }

  /** @param {Room} room @returns {import("../lib/dom.js").Child[]} */
  #parts(room) {
    if (room.space?.state === "scheduled") return this.#before(room);
    const listening = room.ears !== null && !room.silenced;
    if (!listening) {
      return [
        button({ class: "primary big", "data-testid": "listen", onclick: () => attempt(() => enter(room)) },
          icon("listen"), room.member ? "Go in" : "Start listening"),
        this.#share(room),
        this.#more(room),
      ];
    }
    return [
      h("p", { class: `status ${room.ears?.state}`, "data-testid": "audio", "data-state": room.ears?.state ?? "off" }, status(room)),
      ...(room.member ? this.#onStage(room) : [this.#request(room)]),
      tool("smile", "React", { "data-testid": "react", "aria-expanded": "false",
        onclick: (/** @type {Event} */ event) => {
          const open = this.toggleTray();
          /** @type {HTMLElement} */ (event.currentTarget ?? event.target).closest("button")?.setAttribute("aria-expanded", String(open));
        } }),
      tool("tip", "Tip", { "data-testid": "tip", onclick: () => attempt(() => tipSheet(room)) }),
      this.#share(room),
      this.#more(room),
      room.role === "host"
        ? tool("end", "End", { class: "tool bad", "data-testid": "end", onclick: () => this.#end(room) })
        : tool("leave", "Leave", { "data-testid": "leave", onclick: () => this.leave() }),
    ];
  }

  /** @param {Room} room */
  #before(room) {
    const mine = room.space?.host.id === identity.person?.id;
    return [
      mine && button({ class: "primary big", "data-testid": "start", onclick: () => attempt(async () => { await room.orders.start(); await room.join(); }) },
        icon("mic"), "Start now"),
      this.#share(room),
      !mine && (wanted.has(room.id)
        ? tool("clock", "Reminder set", { class: "tool raised", "data-testid": "remind", "data-set": "true", title: "Remind me no longer",
          onclick: () => attempt(() => forget(room)) })
        : tool("clock", "Remind me", { "data-testid": "remind", "data-set": "false", onclick: () => attempt(() => remind(room)) })),
      this.#more(room),
      mine && tool("close", "Cancel", { class: "tool bad", "data-testid": "cancel-space", onclick: async () => {
        if (await confirm("Cancel this Space?", "It will not take place. Its link stays and says so.", "Cancel it")) await attempt(() => room.orders.cancel());
      } }),
    ];
  }

  /** @param {Room} room */
  #onStage(room) {
    const open = room.onAir;
    return [button({
      class: open ? "mic open" : "mic", "data-testid": "mic", "data-open": String(open), "data-state": room.mouth?.state ?? "off",
      onclick: () => attempt(() => (open ? room.mute() : room.unmute())),
    }, icon(open ? "mic" : "mic-off"), h("span", {}, open ? "Mute" : "Unmute")),
    room.member?.hand_raised
      ? tool("hand", "Lower hand", { class: "tool raised", "data-testid": "hand", "data-raised": "true",
        onclick: () => attempt(() => room.orders.lowerHand(identity.person?.id ?? "")) })
      : !open && tool("hand", "Raise hand", { "data-testid": "hand", "data-raised": "false",
        onclick: () => attempt(() => room.orders.raiseHand()) })];
  }

  /** @param {Room} room */
  #request(room) {
    return room.request
      ? tool("hand", "Take back", { class: "tool raised", "data-testid": "unrequest", onclick: () => attempt(() => room.orders.unask()) })
      : tool("hand", "Ask to speak", { "data-testid": "request-to-speak", onclick: () => ask(room) });
  }

  /** @param {Room} room */
  #share(room) {
    return tool("share", "Share", { "data-testid": "share", onclick: () => share(room.space?.settings.title ?? "") });
  }

  /** @param {Room} room */
  #more(room) {
    return tool("plus", "More", { "data-testid": "more", onclick: () => manageSheet(room) });
  }

  /** @param {Room} room */
  async #end(room) {
    const { recorded, ephemeral } = room.space?.settings ?? {};
    const kept = recorded ? " The replay will be ready shortly after."
      : ephemeral ? " Everything said and written in it is destroyed then." : "";
    if (await confirm("End this Space?", `It ends for everybody.${kept}`, "End it")) await attempt(() => room.orders.end());
  }
}

/** @param {keyof typeof import("../lib/icons.js").PATHS} picture @param {string} words @param {Props} props */
const tool = (picture, words, props) => button({ class: "tool", ...props }, icon(picture), h("span", {}, words));

/** @param {Room} room */
function status(room) {
  if (room.ears?.state === "refused") return room.ears.problem?.message ?? "No audio";
  if (room.ears?.state === "connecting") return "Connecting…";
  if (room.ears?.state === "lost") return "Audio lost, reconnecting…";
  if (room.mouth?.state === "lost") return "Microphone lost, reconnecting…";
  if (room.mouth?.state === "refused") return room.mouth.problem?.message ?? "The microphone is not connected";
  if (room.mouth?.state === "connecting") return "Connecting your microphone…";
  if (room.member) return room.onAir ? "You are on air" : "You are on stage, muted";
  return room.request ? "You asked to speak" : "Listening";
}

/** Goes in, after a warning where somebody on stage is blocked. @param {Room} room */
async function enter(room) {
  if (identity.person && !room.member) {
    const { blocked_on_stage: blocked } = await api.admission(room.id);
    const names = blocked.map((one) => one.name).join(", ");
    if (names && !await confirm("Somebody you blocked is on stage", `You will hear ${names}.`, "Go in all the same")) return;
  }
  await room.join();
}

/** @param {Room} room */
async function ask(room) {
  if (!await signUp("To speak you need a handle and a name.")) return;
  if (room.member || room.request) return;
  await sheet("Ask to speak", (close) => {
    const message = atMost(280, h("input", { name: "message", autofocus: true, autocomplete: "off", "data-testid": "request-message" }));
    const consent = h("input", { type: "checkbox", checked: true, "data-testid": "consent" });
    const send = h("button", { class: "primary", "data-testid": "request-send" }, "Ask");
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      return busy(send, () => attempt(async () => {
        await room.orders.ask(message.value.trim(), consent.checked);
        close();
      }));
    };
    return [h("form", { class: "form", onsubmit: submit },
      field("What about? (optional)", message),
      room.space?.settings.recorded && tick("Record me", consent, "This Space is recorded. Without this tick you are heard live, and are in no recording and no transcript."),
      room.space?.settings.ephemeral && h("p", { class: "kept", "data-testid": "nothing-kept" }, icon("hourglass"), NOTHING_KEPT),
      h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send))];
  }, { testid: "request-sheet" });
}

customElements.define("space-controls", SpaceControls);
