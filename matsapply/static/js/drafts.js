// A form's values, and their copy in the browser's storage: one place for each account and form, never a secret or a file.
const SECRETS = new Set(["csrf_token", "version"]);

export function values(form) {
  const all = new FormData(form);
  const kept = new URLSearchParams();
  for (const [name, value] of all) {
    if (typeof value === "string" && name !== "csrf_token" && !isPassword(form, name)) kept.append(name, value);
  }
  return kept;
}

function isPassword(form, name) {
  const field = form.elements.namedItem(name);
  return field instanceof HTMLInputElement && field.type === "password";
}

// What is ticked and what is its order are one answer: the name of its boxes, where the form has such an answer.
function picked(form) {
  return form.querySelector("[data-pick-order]") && form.querySelector("[data-picks] input[type='checkbox']")?.name;
}

function ranked(ticked, order) {
  return [...order.filter((value) => ticked.includes(value)), ...ticked.filter((value) => !order.includes(value))];
}

// The values of one name as the form shows them; what is ticked comes in its order.
export function current(form, name) {
  const shown = values(form);
  return name === picked(form) ? ranked(shown.getAll(name), shown.getAll("order")) : shown.getAll(name);
}

// {name: [values]} of the fields whose draft is not what the form shows.
export function differs(form, draft) {
  const names = new Set([...form.elements].map((field) => field.name));
  const picks = picked(form);
  if (picks) names.delete("order");
  return Object.fromEntries(Object.entries(draft)
    .map(([name, kept]) => [name, name === picks && draft.order ? ranked(kept, draft.order) : kept])
    .filter(([name, kept]) =>
      names.has(name) && JSON.stringify(current(form, name).map(plain)) !== JSON.stringify(kept.map(plain))));
}

// Posted line ends are CR LF and shown ones LF, and servers trim: the same text all the same.
function plain(text) {
  return text.replace(/\r\n?/g, "\n").trim();
}

// Put {name: value or [values]} into the form's controls.
export function apply(form, wanted) {
  for (const [name, value] of Object.entries(wanted)) {
    const list = (Array.isArray(value) ? value : [value]).map((each) => String(each ?? ""));
    const fields = [...form.elements].filter((field) => field.name === name);
    for (const [index, field] of fields.entries()) {
      if (field.type === "checkbox" || field.type === "radio") field.checked = list.includes(field.value);
      else if (field instanceof HTMLSelectElement) for (const option of field.options) option.selected = list.includes(option.value);
      else if (field.type !== "file") field.value = list[index] ?? "";
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (name === picked(form)) reorder(form, list, fields[0]);
  }
}

// The rows of an order stand as the list says; whoever shows them hears of it.
function reorder(form, list, box) {
  const rows = [...form.querySelectorAll("[data-pick-order] [data-rank]")];
  for (const value of list) {
    const row = rows.find((each) => each.querySelector("input").value === value);
    row?.parentElement.append(row);
  }
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

export class Drafts {
  constructor(form) {
    this.form = form;
    this.key = `matsapply:draft:${form.dataset.account || "nobody"}:${form.dataset.autosave}`;
    this.works = true;
  }

  keep() {
    const found = {};
    for (const name of new Set([...this.form.elements].map((field) => field.name))) {
      if (name && !SECRETS.has(name) && !isPassword(this.form, name)) found[name] = values(this.form).getAll(name);
    }
    try {
      localStorage.setItem(this.key, JSON.stringify(found));
      this.works = true;
    } catch {
      this.works = false; // full, or refused in a private window: then nobody is told that it was kept
    }
  }

  read() {
    try {
      return JSON.parse(localStorage.getItem(this.key));
    } catch {
      return null;
    }
  }

  forget() {
    try { localStorage.removeItem(this.key); } catch { /* nothing was kept */ }
  }
}
