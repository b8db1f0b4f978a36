// A reviewer's keys: digits score the criterion in focus, j and k go on and back, s saves, ? shows the list. They rest in text
// fields and with modifier keys, and can be switched off for good (speech input types letters too).
import { typing } from "./typing.js";

const SWITCH = "matsapply:keys";

export function start(root) {
  const area = root.querySelector("[data-keys]");
  const help = root.querySelector("[data-keys-help]");
  let on = recall() !== "off";

  const button = help?.querySelector("[data-keys-switch]");
  if (button) {
    const show = () => { button.textContent = on ? "Switch the keys off" : "Switch the keys on"; };
    button.hidden = false;
    button.addEventListener("click", () => {
      on = !on;
      remember(on ? "on" : "off");
      show();
    });
    show();
  }
  root.addEventListener("keydown", (event) => {
    if (!on || typing(event)) return;
    const done = act(event.key);
    if (done) event.preventDefault();
  });
  if (area?.matches("form") && !area.hasAttribute("data-autosave")) guard(area);

  function act(key) {
    if (key === "?" && help) {
      help.open = !help.open;
      help.querySelector("summary").focus();
      return true;
    }
    if (/^[0-9]$/.test(key)) return area ? score(area, key) : false;
    const target = { j: "[data-next]", k: "[data-prev]", s: "[data-save]" }[key];
    const control = target && root.querySelector(target);
    control?.click();
    return Boolean(control);
  }
}

function score(area, digit) {
  const criteria = [...area.querySelectorAll("[data-score]")];
  const here = criteria.find((each) => each.contains(document.activeElement))
    || criteria.find((each) => !each.querySelector(":checked"));
  const choice = here?.querySelector(`input[value="${digit}"]`);
  if (!choice) return false;
  choice.checked = true;
  choice.dispatchEvent(new Event("change", { bubbles: true }));
  const next = criteria[criteria.indexOf(here) + 1];
  (next?.querySelector("input:checked") || next?.querySelector("input") || choice).focus();
  return true;
}

// Without autosave, "next" must not throw typed scores away without a question.
function guard(form) {
  let changed = false;
  form.addEventListener("input", () => { changed = true; });
  form.addEventListener("change", () => { changed = true; });
  form.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}

function recall() {
  try { return localStorage.getItem(SWITCH); } catch { return null; }
}

function remember(value) {
  try { localStorage.setItem(SWITCH, value); } catch { /* private windows may refuse; then it lasts for this page */ }
}
