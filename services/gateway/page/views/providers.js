// @ts-check
/** Where tips are paid, as the server says. */

import { api } from "../lib/api.js";

/** @import { Provider } from "../client/contracts/api.js" */

/** @type {Promise<Provider[]> | null} */
let asked = null;

/** In the order in which they are shown; asked for once. @returns {Promise<Provider[]>} */
export function providers() {
  asked ??= ask();
  return asked;
}

async function ask() {
  try {
    const answer = await api.getTipProviders();
    return answer.providers;
  } catch (error) {
    asked = null;
    throw error;
  }
}

/** @param {string} id @returns {Promise<string>} what people call it; the id where that cannot be known now */
export async function providerName(id) {
  const all = await providers().catch(() => []);
  return all.find((one) => one.id === id)?.label ?? id;
}
