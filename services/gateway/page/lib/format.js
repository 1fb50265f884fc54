// @ts-check
/** How things are written for a person. */

/** @import { Role } from "../client/contracts/api.js" */
/** @import { ReminderKind } from "../client/contracts/events.js" */

/** @param {string} name */
export function initials(name) {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => [...(word ?? "")][0] ?? "").join("").toLocaleUpperCase() || "?";
}

/**
 * A colour of its own for everybody: degrees on the colour wheel, the same at every visit (FNV-1a of the id). The
 * yellows (70 to 150) are left out: dark enough for white letters they look like mud.
 *
 * @param {string} id
 */
export function hue(id) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0; // ids of one moment differ in their last letters only
  return (150 + (((hash ^ (hash >>> 13)) >>> 0) % 280)) % 360;
}

/** @param {number} seconds as `1:02` or `1:02:03` */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** @param {number} seconds in words */
export function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} seconds`;
  if (minutes < 90) return `${minutes} minutes`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} n @param {string} one @param {string} [many] */
export function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString()} ${n === 1 ? one : many}`;
}

/** @param {string} iso */
export function when(iso) {
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], today
    ? { hour: "2-digit", minute: "2-digit" }
    : { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

/**
 * What somebody is told who wanted to be reminded; of a kind that this page does not know, when it starts.
 *
 * @param {{ kind: ReminderKind, title: string, scheduled_start: string }} due
 */
export function dueWords({ kind, title, scheduled_start }) {
  if (kind === "start") return `It is time for “${title}”.`;
  const at = when(scheduled_start);
  return kind === "soon" ? `Your Space “${title}” starts soon (${at}).` : `A reminder of “${title}” (${at}).`;
}

/** @param {number} bytes */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {number | null | undefined} minor @param {string | null | undefined} currency ISO 4217 */
export function money(minor, currency) {
  if (!minor || !currency) return "a tip";
  return new Intl.NumberFormat([], { style: "currency", currency }).format(minor / 10 ** decimals(currency));
}

/** @param {number} amount @param {string} currency ISO 4217 @returns {number} in its minor unit */
export const minor = (amount, currency) => Math.round(amount * 10 ** decimals(currency));

/** @param {string} currency */
const decimals = (currency) =>
  new Intl.NumberFormat([], { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;

/** @type {Record<Role, string>} */
const ROLES = { host: "Host", cohost: "Co-host", speaker: "Speaker", listener: "Listener" };

/** @param {Role} role */
export const roleName = (role) => ROLES[role] ?? role;

/** @param {string} topic */
export const topicName = (topic) => topic.replaceAll("-", " ");
