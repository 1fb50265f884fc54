// @ts-check
/** Choosing one's picture. */

import { api, identity } from "../lib/api.js";
import { button, h, replace } from "../lib/dom.js";
import { attempt, tell } from "../lib/messages.js";
import { avatar } from "./parts.js";

/** @import { Person } from "../client/contracts/api.js" */

const TYPES = ["image/jpeg", "image/png", "image/webp"];
const SIDE = 1024;
const UPLOAD_MS = 60_000;

/**
 * One's picture, with what changes it.
 *
 * @param {Person} me
 */
export function pictureField(me) {
  const face = h("span", { class: "face" });
  const choose = h("input", { type: "file", accept: TYPES.join(","), hidden: true, "data-testid": "picture-file" });
  const pick = button({ onclick: () => choose.click(), "data-testid": "picture-choose" });
  const drop = button({
    class: "quiet", "data-testid": "picture-remove",
    onclick: () => attempt(async () => show(await api.removePicture(), "Your picture is removed.")),
  }, "Remove");

  /** @param {Person} person @param {string} [said] */
  function show(person, said) {
    replace(face, avatar(person));
    replace(pick, person.picture ? "Change picture" : "Add a picture");
    drop.hidden = !person.picture;
    if (!said) return;
    identity.rename(person);
    tell(said);
  }

  choose.addEventListener("change", () => attempt(async () => {
    const [file] = choose.files ?? [];
    choose.value = "";
    if (!file) return;
    const picture = await smaller(file);
    show(await api.changePicture(picture, { once: true, timeout: UPLOAD_MS }), "Your picture is changed.");
  }));
  show(me);
  return h("div", { class: "row picture", "data-testid": "picture" }, face, pick, choose, drop);
}

/**
 * A picture in which nothing is lost that is kept: photos are larger than what may be sent. What the browser cannot
 * read is sent as it is, so that the server says what is wrong.
 *
 * @param {File} file
 * @returns {Promise<Blob>}
 */
async function smaller(file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return file;
  const scale = Math.min(1, SIDE / Math.min(bitmap.width, bitmap.height));
  const canvas = h("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const drawn = await new Promise((/** @type {(blob: Blob | null) => void} */ done) => canvas.toBlob(done, "image/webp", 0.9));
  return drawn ?? file;
}
