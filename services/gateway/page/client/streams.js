// @ts-check
/** Live events where there is no EventSource, or where one must send a token as a header: a stream that comes back. */

import { pause, Problem } from "./rostrum.js";

/** @typedef {{ id: string, name: string, data: any }} Event `data` is what the event carries, by its name */

const WAITS_MS = [500, 1000, 2000, 4000, 8000];
/** The connection itself may last. */
const FOR_EVER_MS = 2 ** 31 - 1;

/**
 * Events one after another, for ever: a connection that ends is opened again behind the last event. Stop with `break`.
 *
 * Throws the Problem where the stream is refused.
 *
 * @param {(place: { last_event_id?: string }, options: { once: true, timeout: number }) => Promise<Response>} open
 *   `(query, options) => rostrum.spaceEvents(id, { query, ...options })`
 * @param {string} [last] the last event that was taken in, in this process or another
 * @returns {AsyncGenerator<Event, never>}
 */
export async function* follow(open, last = "") {
  for (let tries = 0; ; tries += 1) {
    try {
      const response = await open(last ? { last_event_id: last } : {}, { once: true, timeout: FOR_EVER_MS });
      for await (const event of events(response)) {
        tries = 0;
        if (event.id) last = event.id;
        yield event;
      }
    } catch (error) {
      const passing = error instanceof Problem ? error.passing : error instanceof TypeError;
      if (!passing) throw error;
    }
    await pause((WAITS_MS[Math.min(tries, WAITS_MS.length - 1)] ?? 0) * (0.75 + Math.random() / 2));
  }
}

/** The server-sent events of one answer. @param {Response} response @returns {AsyncGenerator<Event>} */
async function* events(response) {
  const body = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + value).split(/\r?\n\r?\n/);
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = read(block);
        if (event) yield event;
      }
    }
  } finally {
    await reader.cancel();
  }
}

/** @param {string} block @returns {Event | null} null for a comment, by which the server says that it is there */
function read(block) {
  const event = { id: "", name: "message", text: "" };
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ""] = line.match(/^(\w+):? ?(.*)$/) ?? [];
    if (field === "id") event.id = value;
    else if (field === "event") event.name = value;
    else if (field === "data") event.text += value;
  }
  return event.text || event.name !== "message" ? { id: event.id, name: event.name, data: event.text ? JSON.parse(event.text) : {} } : null;
}
