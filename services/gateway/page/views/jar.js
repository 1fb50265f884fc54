// @ts-check
/** One's own tip jar. */

import { api } from "../lib/api.js";
import { busy, h } from "../lib/dom.js";
import { attempt, tell } from "../lib/messages.js";
import { field, tick } from "./parts.js";

/** @import { NewJar, Provider, TipJar } from "../client/contracts/api.js" */

/**
 * @param {TipJar} jar
 * @param {Provider[]} providers
 * @param {() => void} close
 */
export function jarForm(jar, providers, close) {
  const inputs = providers.map(({ id, label, name_example: example }) => ({
    id, label, input: h("input", {
      name: id, value: jar.names[id] ?? "", placeholder: example, autocapitalize: "none", spellcheck: "false", maxlength: 200,
    }),
  }));
  const enabled = h("input", { type: "checkbox", checked: jar.enabled });
  const understood = h("input", { name: "public_names_acknowledged", type: "checkbox", checked: jar.enabled, "data-testid": "jar-understood" });
  const send = h("button", { class: "primary", "data-testid": "jar-save" }, "Save tip jar");
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    return busy(send, () => attempt(async () => {
      // Also those that are empty: a name that is not sent at all is kept.
      const names = Object.fromEntries(inputs.map(({ id, input }) => [id, input.value.trim()]));
      /** @type {NewJar} */
      const wanted = { names, enabled: enabled.checked, public_names_acknowledged: understood.checked };
      await api.fillTipJar(wanted);
      tell(enabled.checked ? "Your tip jar is open." : "Your tip jar is closed.");
      close();
    }));
  };
  return h("form", { class: "form", onsubmit: submit },
    h("h3", {}, "Tip jar"),
    h("p", {}, "People who listen to you can tip you there. No money passes through Rostrum."),
    inputs.map(({ label, input }) => field(label, input)),
    tick("Open: people can tip me", enabled),
    tick("I know that these names become public", understood),
    h("div", { class: "row end" }, send));
}
