// Saves a form after a pause, proves it, and never loses a letter: what the server has not confirmed is in this browser's
// storage. The contract with the server is in templates/components/save_state.html: form[data-autosave] with data-version and data-account.
import { choose } from "./conflict.js";
import { Drafts, apply, current, differs, values } from "./drafts.js";
import { told } from "./words.js";

const PAUSE = 1200; // ms after the last change
const FIRST_RETRY = 2000, LAST_RETRY = 60000;

export function start(root) {
  for (const form of root.querySelectorAll("form[data-autosave]")) new Autosave(form).start();
}

class Autosave {
  constructor(form) {
    this.form = form;
    this.address = form.dataset.autosave;
    this.shown = form.querySelector("[data-save-state]") || document.querySelector("[data-save-state]");
    this.drafts = new Drafts(form);
    this.wait = FIRST_RETRY;
    this.changes = 0; // counts every change, so that a save knows whether it is still the newest
    this.saved = 0;
    this.busy = this.asking = false;
  }

  start() {
    const changed = () => this.changed();
    this.form.addEventListener("input", changed);
    this.form.addEventListener("change", changed);
    this.form.addEventListener("submit", () => {
      this.leaving = true;
      clearTimeout(this.timer);
      if (this.dirty) this.drafts.keep(); // in case the connection is gone just now
    });
    addEventListener("pageshow", () => { this.leaving = false; });
    addEventListener("online", () => this.again());
    addEventListener("focus", () => { if (this.failed) this.again(); });
    addEventListener("pagehide", () => this.flush());
    this.offerDraft();
  }

  get dirty() { return this.changes !== this.saved; }

  changed() {
    this.changes += 1;
    this.form.dataset.dirty = "";
    if (this.asking) return;
    if (!this.failed) this.say("waiting", told("waiting", "Not saved yet"));
    this.later(PAUSE);
  }

  later(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), delay);
  }

  again() {
    if (!this.dirty) return;
    this.wait = FIRST_RETRY;
    this.later(0);
  }

  async save() {
    if (this.busy || this.asking || this.leaving || !this.dirty) return;
    this.busy = true;
    const mark = this.changes;
    this.drafts.keep();
    if (!this.failed) this.say("waiting", "Saving…");
    try {
      let answer = await this.send();
      // Another sign-in has another token: the page itself knows the new one, if it still belongs to the same account.
      if ([400, 401, 403].includes(answer.status) && (await this.renewToken())) answer = await this.send();
      await this.read(answer, mark);
    } catch {
      this.fail(told("offline", "Not saved: there is no connection. It is saved when the way is free."), true);
    } finally {
      this.busy = false;
    }
    if (this.dirty && !this.failed && !this.asking) this.later(PAUSE);
  }

  send(keepalive = false) {
    const body = new URLSearchParams(values(this.form));
    body.set("version", this.form.dataset.version || "0");
    return fetch(this.address, {
      method: this.form.dataset.autosaveMethod || "POST",
      body,
      keepalive,
      redirect: "manual",
      headers: {
        Accept: "application/json",
        "X-CSRFToken": document.querySelector('meta[name="csrf-token"]')?.content || "",
        "X-Requested-With": "autosave",
      },
    });
  }

  async read(answer, mark) {
    const said = await answer.json().catch(() => ({}));
    if (said.version !== undefined && answer.status !== 409) this.setVersion(said.version);
    if (said.saved_at) {
      this.succeed(said.saved_at, mark, Object.keys(said.errors || {}).length, said.message);
    } else if (answer.status === 409 && said.conflict) {
      this.ask(said.conflict, said.version);
    } else if (answer.status >= 500 || answer.status === 429) {
      this.fail(told("notTaken", "Not saved: the server did not take it. It is tried again."), true);
    } else if (answer.type === "opaqueredirect" || [400, 401].includes(answer.status)) {
      this.fail(told("signedOut", "Not saved: you are no longer signed in. Sign in again in another tab; then it is saved from here."), true);
    } else {
      this.fail(told("refused", "Not saved: {message}", { message: said.message || told("noReason", "the server refused it.") }), false);
    }
  }

  succeed(instant, mark, wrong, message = "") {
    this.saved = mark;
    this.failed = false;
    this.wait = FIRST_RETRY;
    if (!this.dirty) {
      delete this.form.dataset.dirty;
      if (!wrong) this.drafts.forget();
    }
    const at = clock(instant);
    let sentence = told("saved", "Saved {at}", { at });
    if (wrong) sentence = wrong === 1 ? told("savedOneWrong", "Saved {at}, one answer needs another look", { at }) : told("savedWrong", "Saved {at}, {wrong} answers need another look", { at, wrong });
    if (message) sentence = told("savedExcept", "Saved {at}, except one answer. {message}", { at, message });
    this.say(wrong && message ? "failed" : "saved", sentence);
    this.form.dispatchEvent(new CustomEvent("autosave:saved", { bubbles: true }));
  }

  fail(sentence, retry) {
    this.failed = true;
    this.drafts.keep();
    const where = this.drafts.works
      ? told("kept", "Your text is kept in this browser.")
      : told("onlyHere", "Your text is only in this page; copy it to be safe.");
    this.say("failed", `${sentence} ${where}`);
    if (!retry) return;
    this.later(this.wait);
    this.wait = Math.min(this.wait * 2, LAST_RETRY);
  }

  async ask(conflict, version) {
    // A save on leaving the page may have made the newer version itself: then there is nothing to choose from.
    const theirs = differs(this.form, lists(conflict));
    this.asking = true;
    this.say("failed", told("elsewhere", "Not saved yet: the same answer was changed elsewhere. Choose which text to keep."));
    await choose(this.form, theirs, told("savedElsewhere", "Saved elsewhere"), told("typedHere", "Typed here"));
    this.asking = this.failed = false;
    this.setVersion(version);
    this.changed();
    this.later(0);
  }

  setVersion(version) {
    this.form.dataset.version = version;
    const field = this.form.elements.namedItem("version");
    if (field instanceof HTMLInputElement) field.value = version;
  }

  async renewToken() {
    const page = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!page.ok) return false;
    const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
    const token = fresh.querySelector('meta[name="csrf-token"]')?.content;
    const account = fresh.querySelector("form[data-autosave]")?.dataset.account;
    if (!token || account !== this.form.dataset.account) return false;
    document.querySelector('meta[name="csrf-token"]').content = token;
    for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = token;
    return true;
  }

  // The page goes away: keep the text here, and try once more to bring it home.
  flush() {
    if (!this.dirty || this.leaving) return;
    this.drafts.keep();
    if (!this.asking) this.send(true).catch(() => {});
  }

  // Text of an earlier visit that the server never confirmed.
  async offerDraft() {
    const draft = this.drafts.read();
    const other = draft && differs(this.form, draft);
    if (!other || !Object.keys(other).length) {
      if (draft) this.drafts.forget();
      return;
    }
    const here = Object.fromEntries(Object.keys(other).map((name) => [name, current(this.form, name)]));
    this.asking = true;
    apply(this.form, other);
    this.say("failed", told("held", "This browser holds text that may not have been saved. Choose which text to keep."));
    await choose(this.form, here, told("onServer", "Saved on the server"), told("inBrowser", "Kept in this browser"));
    this.asking = false;
    this.changed();
    this.later(0);
  }

  say(state, text) {
    if (!this.shown || this.shown.textContent === text) return;
    this.shown.dataset.state = state;
    this.shown.textContent = text;
  }
}

function lists(found) {
  return Object.fromEntries(Object.entries(found).map(([name, value]) =>
    [name, (Array.isArray(value) ? value : [value]).map((each) => String(each ?? ""))]));
}

function clock(instant) {
  const zone = document.documentElement.dataset.zone || undefined;
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: zone })
    .format(new Date(instant));
}
