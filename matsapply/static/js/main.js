// Loads what the page asks for, by its data- attributes. Everything works without it; with it, faster.
// Modules inherit the digest of this file's address, so that old and new ones never mix.
const stamp = new URL(import.meta.url).search;

const wanted = [
  ["[data-theme-form]", "theme"],
  ["[data-zone-guess]", "local-time"],
  ["details[data-menu], [data-error-summary], [data-search]", "page"],
  ["form[data-autosave]", "autosave"],
  ["[data-limit]", "counter"],
  ["[data-ranking]", "ranking"],
  ["[data-deadline]", "countdown"],
  ["[data-keys], [data-keys-help]", "keys"],
  ["[data-when-track], [data-pick-order]", "conditional"],
  ["form[data-hours-sum]", "hours"],
  ["input[data-upload]", "upload"],
  ["details[data-confirm]", "confirm"],
  ["form[data-review]", "review"],
  ["form[data-wait]", "wait"],
  ["[data-print]", "print"],
  ["button[data-copy]", "copy"],
  ["[data-read]", "read"],
  ["[data-poll]", "poll"],
];

const started = wanted
  .filter(([selector]) => document.querySelector(selector))
  .map(([, name]) => import(`./${name}.js${stamp}`).then((module) => module.start(document)));

// A sign for those who drive the page by program: from here on it listens.
Promise.allSettled(started).then(() => { document.documentElement.dataset.scripts = "ready"; });
