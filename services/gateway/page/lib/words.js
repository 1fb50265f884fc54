// @ts-check
/** How long words are: counted as the API counts them, not in the browser's UTF-16. */

const AROUND = /^\p{White_Space}+|\p{White_Space}+$/gu;

/** @param {string} text @returns {number} code points in normal form C, without white space around */
export const lengthOf = (text) => [...text.normalize("NFC").replace(AROUND, "").replace(/\r\n/g, "\n")].length;

/**
 * A field that takes words of at most so many characters. `maxlength` would count an emoji as two of them or more, and
 * cut words off in the middle of a letter.
 *
 * @template {HTMLInputElement | HTMLTextAreaElement} T
 * @param {number} most
 * @param {T} field
 * @returns {T}
 */
export function atMost(most, field) {
  const check = () => {
    const over = lengthOf(field.value) - most;
    field.setCustomValidity(over > 0 ? `At most ${most} characters: this is ${over} too many.` : "");
  };
  field.addEventListener("input", check);
  return field;
}
