// @ts-check
/** Tips: a link to where the recipient wants them. Nothing is ever called paid on the payer's word. */

import { get, identity, post } from "../lib/api.js";
import { button, h, replace } from "../lib/dom.js";
import { money } from "../lib/format.js";
import { attempt, sheet, tell } from "../lib/messages.js";
import { signUp } from "./account.js";
import { avatar, field } from "./parts.js";

/** @typedef {import("../model/room.js").Room} Room */
/** @typedef {import("../model/types.js").Member} Member */
/** @typedef {import("../model/types.js").Jar} Jar */

export const PROVIDERS = [
  { id: "paypal", label: "PayPal", example: "AdaLovelace", amount: true },
  { id: "cash_app", label: "Cash App", example: "$adalovelace", amount: true },
  { id: "venmo", label: "Venmo", example: "@ada-lovelace", amount: true },
  { id: "patreon", label: "Patreon", example: "adalovelace", amount: false },
  { id: "bandcamp", label: "Bandcamp", example: "adalovelace", amount: false },
];
const AMOUNTS = [300, 500, 1000, 2500];

/** @param {string} id */
export const providerName = (id) => PROVIDERS.find((one) => one.id === id)?.label ?? id;

/**
 * @param {Room} room
 * @param {string} [recipient] offered first; by default whoever speaks now
 */
export async function tipSheet(room, recipient) {
  if (!await signUp("To send a tip you need a handle and a name.")) return;
  const members = order(room, recipient);
  const jars = new Map(await Promise.all(members.map(async ({ person }) =>
    /** @type {const} */ ([person.id, /** @type {Jar | null} */ (await get(`/v1/people/${person.id}/tip-jar`).catch(() => null))]))));
  const open = members.filter(({ person }) => jars.get(person.id)?.enabled);
  await sheet("Send a tip", (close) => {
    if (open.length === 0) return [h("p", {}, "Nobody on stage has opened a tip jar yet.")];
    const body = h("div", { class: "form" });
    pick(room, body, open, jars, close);
    return [body];
  }, { testid: "tip-sheet" });
}

/** The one speaking first, then who spoke last, then the host. @param {Room} room @param {string} [first] */
function order(room, first) {
  const rank = (/** @type {Member} */ { person, role }) => {
    if (person.id === first) return 0;
    if (room.speaking.has(person.id)) return 1;
    if (person.id === room.spokeLast) return 2;
    return role === "host" ? 3 : 4;
  };
  return (room.space?.stage ?? []).filter(({ person }) => person.id !== identity.person?.id).sort((a, b) => rank(a) - rank(b));
}

/**
 * @param {Room} room @param {HTMLElement} body @param {Member[]} members @param {Map<string, Jar | null>} jars
 * @param {() => void} close
 */
function pick(room, body, members, jars, close) {
  const chosen = { to: members[0]?.person.id ?? "", minor: AMOUNTS[1] ?? 500 };
  const providers = h("div", { class: "actions" });
  const note = h("input", { maxlength: 140, placeholder: "Thank you!", autocomplete: "off" });
  const amount = h("input", { type: "number", min: 1, step: "0.01", value: (chosen.minor / 100).toFixed(2), inputmode: "decimal" });
  const offer = (/** @type {typeof PROVIDERS[number]} */ provider) => attempt(async () => {
    /** @type {import("../model/types.js").Tip} */
    const tip = await post(`/v1/spaces/${room.id}/tips`, {
      to: chosen.to, provider: provider.id, note: note.value.trim(),
      ...(provider.amount ? { amount_minor: Math.round(Number(amount.value) * 100), currency: "USD" } : {}),
    });
    const name = members.find(({ person }) => person.id === chosen.to)?.person.name ?? "";
    replace(body, ...handOver(tip, provider, name, close));
    body.querySelector("a")?.focus();
  });
  const drawProviders = () => replace(providers, PROVIDERS.filter(({ id }) => jars.get(chosen.to)?.names[id]).map((provider) =>
    button({ "data-testid": `tip-${provider.id}`, onclick: () => offer(provider) }, `With ${provider.label}`)));
  const to = h("fieldset", {}, h("legend", {}, "To"), members.map(({ person }, i) => h("label", { class: "choice" },
    h("input", {
      type: "radio", name: "to", value: person.id, checked: i === 0,
      onchange: () => { chosen.to = person.id; drawProviders(); },
    }), avatar(person), h("span", {}, person.name, room.speaking.has(person.id) && h("small", {}, "speaking now")))));
  drawProviders();
  replace(body, to,
    h("div", { class: "row", role: "group", "aria-label": "Amount" }, AMOUNTS.map((minor) =>
      button({ class: "small", onclick: () => { amount.value = (minor / 100).toFixed(2); } }, money(minor, "USD")))),
    h("div", { class: "pair" }, field("Amount in US dollars", amount), field("Note", note)),
    providers,
    h("p", {}, h("small", {}, "You pay at the provider; no money passes through here.")));
}

/**
 * @param {import("../model/types.js").Tip} tip @param {typeof PROVIDERS[number]} provider @param {string} name
 * @param {() => void} close
 */
function handOver(tip, provider, name, close) {
  const opened = () => {
    attempt(() => post(`/v1/tips/${tip.id}/opened`));
    setTimeout(close, 300);
  };
  return [
    h("p", {}, `${name} has been told that you want to give ${provider.amount ? money(tip.amount_minor, tip.currency) : "a tip"}. `
      + `It counts once ${name} confirms that it arrived.`),
    h("a", { class: "button primary", href: tip.link, target: "_blank", rel: "noopener noreferrer", "data-testid": "tip-link", onclick: opened },
      `Go to ${provider.label}`),
  ];
}

/** A tip for us, or one of ours that arrived. @param {import("../model/types.js").LiveEvent} event */
export function tellOfTip(event) {
  const me = identity.person?.id;
  if (event.type === "tipping.tip_offered" && event.person_id === me) {
    tell(`${event.payer.name} wants to give you ${money(event.amount_minor, event.currency)} with ${providerName(event.provider)}.`, {
      stay: true,
      action: { label: "It arrived", act: () => attempt(() => post(`/v1/tips/${event.tip_id}/confirmed`)) },
    });
  } else if (event.type === "tipping.tip_confirmed" && event.payer === me) {
    tell("Your tip arrived. Thank you!");
  }
}
