// @ts-check
/** For those who run this place: what was reported, who appeals, and the log, from which acts are undone. */

import { api, identity, orNull } from "../lib/api.js";
import { busy, button, h, replace } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { attempt, sheet, tell } from "../lib/messages.js";
import { atMost } from "../lib/words.js";
import { evidence } from "./evidence.js";
import { avatar, choice, field, signedLink } from "./parts.js";

/** @import { Appeal, LogEntry, Report, ReportState } from "../client/contracts/api.js" */

const DAYS = /** @type {[string, string][]} */ ([["", "Until somebody ends it"], ["1", "One day"], ["7", "A week"], ["30", "A month"]]);

const STATES = /** @type {[ReportState, string][]} */ ([["open", "Open"], ["dismissed", "Dismissed"], ["acted", "Acted upon"]]);

export class ModerationPage extends HTMLElement {
  #state = choice(STATES, "report-state", "open");
  #reports = h("ul", { "data-testid": "reports" });
  #moreReports = h("div", { class: "row" });
  #appeals = h("ul", { "data-testid": "appeals" });
  #log = h("ul", { "data-testid": "log" });
  #more = h("div", { class: "row" });

  connectedCallback() {
    document.title = "Moderation · Rostrum";
    this.#state.setAttribute("aria-label", "Which reports");
    this.#state.addEventListener("change", () => attempt(() => this.#look()));
    this.#open();
  }

  async #open() {
    try {
      await api.getModerationLog({ query: { limit: 1 }, once: true });
    } catch {
      this.#signIn();
      return;
    }
    replace(this, h("h1", { tabindex: "-1" }, "Moderation"),
      part("Reports", this.#state, this.#reports, this.#moreReports), part("Open appeals", this.#appeals), part("Log", this.#log, this.#more));
    this.querySelector("h1")?.focus();
    await attempt(() => this.#look());
  }

  #signIn() {
    const token = h("input", { type: "password", required: true, autocomplete: "off", autofocus: true, "data-testid": "operator-token" });
    const send = h("button", { class: "primary", "data-testid": "operator-enter" }, "Go in");
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      return busy(send, async () => {
        identity.become({ token: token.value.trim(), person: { id: "operator", handle: "operator", name: "Operator", picture: null } });
        const me = await orNull(api.getMe());
        if (me && identity.token) identity.become({ token: identity.token, person: me });
        await this.#open();
        if (token.isConnected) tell("This token is not an operator's.", { bad: true });
      });
    };
    replace(this, h("section", { class: "card notice" }, h("h1", {}, "For operators"), h("form", { class: "form", onsubmit: submit },
      field("Token", token, "The one that the command `rostrum token … --operator` prints."), h("div", { class: "row end" }, send))));
  }

  async #look() {
    replace(this.#reports);
    const [, { appeals }] = await Promise.all([
      this.#pageOfReports(""), api.getAppeals({ query: { state: "open" } }),
    ]);
    replace(this.#appeals, appeals.map((one) => this.#appeal(one)), !appeals.length && none("Nobody appeals."));
    replace(this.#log);
    await this.#page("");
  }

  /** @param {string} cursor */
  async #pageOfReports(cursor) {
    const { reports, next_cursor: next } = await api.getReports({ query: { state: this.#state.value, cursor } });
    this.#reports.append(...reports.map((one) => this.#report(one)));
    if (!this.#reports.children.length) this.#reports.append(none("There are none."));
    replace(this.#moreReports, next && button({ onclick: () => attempt(() => this.#pageOfReports(next)) }, "Show more"));
  }

  /** @param {string} cursor */
  async #page(cursor) {
    const { entries, next_cursor: next } = await api.getModerationLog({ query: { limit: 20, cursor } });
    this.#log.append(...entries.map((one) => this.#entry(one)));
    replace(this.#more, next && button({ onclick: () => attempt(() => this.#page(next)) }, "Show more"));
  }

  /** @param {() => Promise<unknown>} act */
  #then(act) {
    return () => attempt(async () => { await act(); await this.#look(); });
  }

  /** @param {Report} one */
  #report(one) {
    const about = one.person_id ? calledNow(one) : `“${one.title}”`;
    const heard = one.evidence.find((piece) => piece.space_id)?.space_id ?? one.space_id;
    const close = (/** @type {ReportState} */ outcome) => this.#then(() => api.closeReport(one.id, { outcome }));
    const by = one.reporter ? `${one.reporter.name} (@${one.reporter.handle})` : "nobody any more";
    return h("li", { class: "record", "data-testid": "report-row" }, h("strong", {}, `${one.reason}: ${about}`),
      h("small", {}, `${when(one.at)} · by ${by}`,
        one.space_id && [" · in ", h("a", { href: `/spaces/${one.space_id}`, "data-testid": "report-space" }, one.title || one.space_id)]),
      one.comment && h("q", {}, one.comment), evidence(one.id),
      one.state !== "open" ? h("div", { class: "row" },
        h("span", {}, `Closed${one.closed_at ? ` ${when(one.closed_at)}` : ""}${one.explanation ? `: ${one.explanation}` : ""}`),
        button({ class: "small", "data-testid": "reopen-report", onclick: this.#then(() => api.reopenReport(one.id)) }, "Open it again"),
      ) : h("div", { class: "row" },
        one.person_id && button({ class: "small danger", "data-testid": "suspend", onclick: () => this.#suspend(one) }, "Suspend"),
        one.space_id && button({ class: "small danger", "data-testid": "end-space", onclick: this.#then(() =>
          api.endSpaceByPlatform(one.space_id ?? "", { reason: one.reason, report_id: one.id })) }, "End the Space"),
        one.person?.picture && [avatar(one.person), button({ class: "small danger", "data-testid": "remove-picture",
          onclick: this.#then(() => api.takePictureAway(one.person_id ?? "")) }, "Remove the picture")],
        heard && signedLink(api.at.hearSafetyCopy(heard, { report: one.id }), { class: "button small" }, "Listen to the Space"),
        button({ class: "small", onclick: close("acted") }, "Done"),
        button({ class: "small quiet", "data-testid": "dismiss-report", onclick: close("dismissed") }, "Dismiss")));
  }

  /** @param {Report} report */
  async #suspend(report) {
    await sheet(`Suspend ${report.name}`, (close) => {
      const days = choice(DAYS, "suspend-days", "", "until");
      const why = atMost(500, h("input", { name: "explanation", autofocus: true, "data-testid": "suspend-why" }));
      const send = h("button", { class: "danger", "data-testid": "suspend-send" }, "Suspend");
      const submit = (/** @type {Event} */ event) => {
        event.preventDefault();
        return busy(send, this.#then(async () => {
          const until = days.value ? new Date(Date.now() + Number(days.value) * 86_400_000).toISOString() : null;
          await api.suspend(report.person_id ?? "", { reason: report.reason, explanation: why.value, report_id: report.id, until });
          close();
        }));
      };
      return [h("form", { class: "form", onsubmit: submit }, field("For how long", days), field("What they are told", why),
        h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send))];
    }, { testid: "suspend-sheet" });
  }

  /** @param {Appeal} one */
  #appeal(one) {
    const decide = (/** @type {boolean} */ granted) => this.#then(() => api.decideAppeal(one.person_id, { granted }));
    return h("li", { class: "record", "data-testid": "appeal-row" }, h("strong", {}, `Suspended for ${one.reason}`), h("small", {}, when(one.at)),
      h("q", {}, one.text), h("div", { class: "row" },
        button({ class: "small primary", "data-testid": "grant", onclick: decide(true) }, "End the suspension"),
        button({ class: "small quiet", onclick: decide(false) }, "Reject")));
  }

  /** @param {LogEntry} one */
  #entry(one) {
    const words = [one.act.replaceAll("_", " "), one.reason, one.explanation].filter(Boolean).join(" · ");
    const named = (/** @type {LogEntry["actor"]} */ person, /** @type {string | null | undefined} */ id) => (person ? `${person.name} (@${person.handle})` : id);
    const whom = named(one.person, one.person_id);
    return h("li", { class: "record", "data-testid": "log-row", "data-act": one.act }, h("strong", {}, words),
      one.what && h("p", { "data-testid": "log-change" }, `${one.what}: ${one.before} → ${one.after}`),
      h("small", {}, `${when(one.at)} · by ${named(one.actor, one.actor_id) ?? server(one) ?? "the system"}`, whom && ` · ${whom}`,
        one.space_id && [" · ", h("a", { href: `/spaces/${one.space_id}` }, one.title || one.space_id)]),
      one.undoable && button({ class: "small", "data-testid": "undo", onclick: this.#then(() => api.undoAct(one.id)) }, "Undo"),
      one.undone_by && h("small", {}, "Undone"));
  }
}

/** @param {string} title @param {...Node} parts */
const part = (title, ...parts) => h("section", { class: "panel", "aria-label": title }, h("header", {}, h("h2", {}, title)), parts);

/** The server of the host product that did it, by its API key. @param {LogEntry} one */
const server = (one) => one.api_key && `the server with the API key “${one.api_key_name}” (${one.api_key})`;

/** @param {string} words */
const none = (words) => h("li", { class: "empty" }, words);

customElements.define("moderation-page", ModerationPage);

/** The person that a report is about, and what they were called when it was made. @param {Report} report */
function calledNow({ person, name, handle }) {
  const then = `${name} (@${handle})`;
  const now = person ? `${person.name} (@${person.handle})` : then;
  return now === then ? now : `${now}, then ${then}`;
}
