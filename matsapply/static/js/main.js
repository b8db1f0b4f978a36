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
  ["[data-when-track]", "conditional"],
  ["details[data-confirm]", "confirm"],
];

for (const [selector, name] of wanted) {
  if (document.querySelector(selector)) {
    import(`./${name}.js${stamp}`).then((module) => module.start(document));
  }
}
