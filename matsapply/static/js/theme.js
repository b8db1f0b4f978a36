// The theme without a round trip: the same cookie the server would set, and the attribute it would write.
const A_YEAR = 365 * 24 * 3600;

export function start(root) {
  for (const form of root.querySelectorAll("[data-theme-form]")) {
    form.addEventListener("submit", (event) => {
      if (!event.submitter) return;
      event.preventDefault();
      choose(event.submitter.value);
      for (const button of form.querySelectorAll("button")) {
        button.setAttribute("aria-pressed", String(button === event.submitter));
      }
      const menu = form.closest("details");
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }
}

function choose(theme) {
  const age = theme ? A_YEAR : 0;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; path=/; max-age=${age}; samesite=lax${secure}`;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.querySelector('meta[name="color-scheme"]').content = theme || "light dark";
}
