// @ts-check
/** Tips: a link to where the recipient wants them. Nothing is ever called paid on the payer's word. */

import { api, identity, orNull } from "../lib/api.js";
import { button, h, replace } from "../lib/dom.js";
import { minor, money } from "../lib/format.js";
import { attempt, sheet, tell } from "../lib/messages.js";
import { atMost } from "../lib/words.js";
import { signUp } from "./account.js";
import { avatar, field } from "./parts.js";
import { providerName, providers } from "./providers.js";

/** @import { NewTip, Provider, StageMember, Tip, TipJar } from "../client/contracts/api.js" */
/** @import { Note } from "../model/live.js" */
/** @import { Room } from "../model/room.js" */

const AMOUNTS = [300, 500, 1000, 2500];
/** Of what is offered where a provider takes any. */
const CURRENCY = "USD";

/**
 * @param {Room} room
 * @param {string} [recipient] offered first; by default whoever speaks now
 */
export async function tipSheet(room, recipient) {
  if (!await signUp("To send a tip you need a handle and a name.")) return;
  const members = order(room, recipient);
  const all = await providers();
  const jars = new Map(await Promise.all(members.map(async ({ person }) =>
    /** @type {const} */ ([person.id, await orNull(api.getTipJar(person.id))]))));
  const open = members.filter(({ person }) => jars.get(person.id)?.enabled);
  await sheet("Send a tip", (close) => {
    if (open.length === 0) return [h("p", {}, "Nobody on stage has opened a tip jar yet.")];
    const body = h("div", { class: "form" });
    pick(room, body, open, jars, all, close);
    return [body];
  }, { testid: "tip-sheet" });
}

/** The one speaking first, then who spoke last, then the host. @param {Room} room @param {string} [first] */
function order(room, first) {
  const rank = (/** @type {StageMember} */ { person, role }) => {
    if (person.id === first) return 0;
    if (room.speaking.now.has(person.id)) return 1;
    if (person.id === room.speaking.last) return 2;
    return role === "host" ? 3 : 4;
  };
  return (room.space?.stage ?? []).filter(({ person }) => person.id !== identity.person?.id).sort((a, b) => rank(a) - rank(b));
}

/**
 * @param {Room} room @param {HTMLElement} body @param {StageMember[]} members @param {Map<string, TipJar | null>} jars
 * @param {Provider[]} all
 * @param {() => void} close
 */
function pick(room, body, members, jars, all, close) {
  const chosen = { to: members[0]?.person.id ?? "" };
  const ways = h("div", { class: "actions" });
  const note = atMost(140, h("input", { name: "note", placeholder: "Thank you!", autocomplete: "off" }));
  const amount = h("input", { name: "amount_minor", type: "number", min: 1, step: "0.01", value: "5.00", inputmode: "decimal" });
  const offer = (/** @type {Provider} */ provider) => attempt(async () => {
    if (!note.reportValidity()) return;
    const currency = provider.currency ?? CURRENCY;
    /** @type {NewTip} */
    const wanted = {
      to: chosen.to, provider: provider.id, note: note.value.trim(),
      ...(provider.takes_amount && { amount_minor: minor(Number(amount.value), currency), currency }),
    };
    await room.presence.beThere(room);
    const tip = await api.offerTip(room.id, wanted);
    const name = members.find(({ person }) => person.id === chosen.to)?.person.name ?? "";
    replace(body, ...handOver(tip, provider, name, close));
    body.querySelector("a")?.focus();
  });
  const drawWays = () => replace(ways, all.filter(({ id }) => jars.get(chosen.to)?.names[id]).map((provider) => button(
    { "data-testid": `tip-${provider.id}`, onclick: () => offer(provider) }, `With ${provider.label}`,
    provider.takes_amount && (provider.currency ?? CURRENCY) !== CURRENCY && `, in ${provider.currency}`)));
  const to = h("fieldset", {}, h("legend", {}, "To"), members.map(({ person }, i) => h("label", { class: "choice" },
    h("input", {
      type: "radio", name: "to", value: person.id, checked: i === 0,
      onchange: () => { chosen.to = person.id; drawWays(); },
    }), avatar(person), h("span", {}, person.name, room.speaking.now.has(person.id) && h("small", {}, "speaking now")))));
  drawWays();
  replace(body, to,
    h("div", { class: "row", role: "group", "aria-label": "Amount" }, AMOUNTS.map((one) =>
      button({ class: "small", onclick: () => { amount.value = (one / 100).toFixed(2); } }, money(one, CURRENCY)))),
    h("div", { class: "pair" }, field("Amount in US dollars", amount), field("Note", note)),
    ways,
    h("p", {}, h("small", {}, "You pay at the provider; no money passes through here.")));
}

/**
 * @param {Tip} tip @param {Provider} provider @param {string} name
 * @param {() => void} close
 */
function handOver(tip, provider, name, close) {
  const opened = () => {
    attempt(() => api.openTip(tip.id));
    setTimeout(close, 300);
  };
  return [
    h("p", {}, `${name} has been told that you want to give ${money(tip.amount_minor, tip.currency)}. `
      + `It counts once ${name} confirms that it arrived.`),
    h("a", { class: "button primary", href: tip.link, target: "_blank", rel: "noopener noreferrer", "data-testid": "tip-link", onclick: opened },
      `Go to ${provider.label}`),
  ];
}

/** Who offered tips to us, by the tip's id; the last few. @type {Map<string, string>} */
const payers = new Map();
const KEPT = 100;

/** A tip for us, or one of ours that arrived. Only one whose link was followed can have arrived. @param {Note} event */
export async function tellOfTip(event) {
  const me = identity.person?.id;
  if (event.type === "tipping.tip_offered" && event.person_id === me) {
    payers.set(event.tip_id, event.payer.name);
    if (payers.size > KEPT) payers.delete([...payers.keys()][0] ?? "");
    const where = await providerName(event.provider);
    tell(`${event.payer.name} wants to give you ${money(event.amount_minor, event.currency)} with ${where}.`);
  } else if (event.type === "tipping.tip_opened" && event.person_id === me) {
    const who = payers.get(event.tip_id) ?? "Somebody";
    const known = await orNull(api.getTips(event.space_id));
    const tip = known?.tips.find((one) => one.id === event.tip_id);
    if (tip?.state === "confirmed") return;
    const what = tip ? `${money(tip.amount_minor, tip.currency)} with ${await providerName(tip.provider)}` : "a tip";
    tell(`${who} went to give you ${what}.`, {
      stay: true,
      action: { label: "It arrived", act: () => attempt(() => api.confirmTip(event.tip_id)) },
    });
  } else if (event.type === "tipping.tip_confirmed" && event.payer === me) {
    tell("Your tip arrived. Thank you!");
  }
}
