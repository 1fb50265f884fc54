// @ts-check
/** Notices in this browser while no page is open: asked for here, sent by the server, shown by the worker. */

import { api, identity } from "./api.js";
import { store, stored } from "./stored.js";

const KEY = "rostrum.push";
const WORKER = "/worker.js";

/** @typedef {{reminders: boolean, live: boolean}} Wanted */
/** @typedef {Wanted & {id: string, person: string}} Kept */

/** Refused by the person, or by their browser. */
export class NotAllowed extends Error {}

/** Whether this browser can show notices while the page is closed. */
export const canPush = () => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

/** Whether the person has told their browser to let nobody ask. */
export const isBlocked = () => Notification.permission === "denied";

/** @returns {Kept | null} of what this browser tells who is signed in; null: of nothing */
export function wantedHere() {
  try {
    /** @type {Kept | null} */
    const kept = JSON.parse(stored(KEY) ?? "null");
    return kept && kept.person === identity.person?.id && Notification.permission === "granted" ? kept : null;
  } catch {
    return null;
  }
}

/** Be told here of this from now on; asks for permission, so call it for a click. @param {Wanted} wanted */
export async function turnOn(wanted) {
  if (await Notification.requestPermission() !== "granted") throw new NotAllowed();
  const { key } = await api.getPush();
  const registration = await registered();
  await tellServer(await subscribed(registration, key), wanted);
}

/** Be told nothing here any more. */
export async function turnOff() {
  const id = wantedHere()?.id;
  await forget();
  if (id) await api.unsubscribePush(id);
}

/** At the beginning of each visit: the browser may have another address by now, and the person another token. */
export async function refresh() {
  const kept = canPush() ? wantedHere() : null;
  if (!kept) return;
  const registration = await registered();
  const subscription = await registration.pushManager.getSubscription();
  if (subscription) await tellServer(subscription, kept);
  else await turnOn(kept); // the browser let it lapse, and still has the permission
}

/** Have the browser forget that it is told anything; its push service says so to whoever sends. */
async function forget() {
  store(KEY, null);
  const registration = await navigator.serviceWorker.getRegistration("/");
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
}

// Whoever signs in next is not to see what is for whoever was here before.
identity.addEventListener("change", () => {
  if (canPush() && stored(KEY) && !wantedHere()) forget().catch(() => undefined);
});

/** @param {PushSubscription} subscription @param {Wanted} wanted */
async function tellServer(subscription, { reminders, live }) {
  const { endpoint, keys } = subscription.toJSON();
  const person = identity.person?.id ?? "";
  const browser = { address: endpoint ?? "", p256dh: keys?.p256dh ?? "", auth: keys?.auth ?? "", reminders, live };
  const { id } = await api.subscribePush(browser);
  store(KEY, JSON.stringify({ id, person, reminders, live }));
}

/** @param {ServiceWorkerRegistration} registration @param {string} key */
async function subscribed(registration, key) {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const before = await registration.pushManager.getSubscription();
  try {
    return await registration.pushManager.subscribe(options);
  } catch (error) {
    if (!before) throw error;
    await before.unsubscribe(); // it was for another key: these servers were set up anew
    return registration.pushManager.subscribe(options);
  }
}

/** The worker, ready to take messages. */
async function registered() {
  await navigator.serviceWorker.register(/** @type {string} */ (address()));
  return navigator.serviceWorker.ready;
}

/** @type {unknown} */
let trusted = null;

/** The worker's address. Browsers that have Trusted Types take it from a policy alone, which gives no other one. */
function address() {
  const { trustedTypes } = /** @type {{trustedTypes?: any}} */ (/** @type {unknown} */ (window));
  if (!trustedTypes) return WORKER;
  trusted ??= trustedTypes.createPolicy("worker", { createScriptURL: () => WORKER }).createScriptURL("");
  return trusted;
}
