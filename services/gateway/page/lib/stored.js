// @ts-check
/** What this browser remembers from one visit to the next. Where it may keep nothing, a page does, while it is open. */

/** What could not be kept otherwise. @type {Map<string, string>} */
const here = new Map();

/** @param {string} key @returns {string | null} */
export function stored(key) {
  const text = here.get(key);
  if (text !== undefined) return text;
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is closed
  }
}

/** @param {string} key @param {string | null} text null: nothing any more */
export function store(key, text) {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
    here.delete(key);
  } catch {
    if (text === null) here.delete(key);
    else here.set(key, text);
  }
}
