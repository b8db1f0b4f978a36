// What every page may have: menus that close by themselves, the summary of errors in focus, "/" for the search field.
import { typing } from "./typing.js";

export function start(root) {
  const menus = [...root.querySelectorAll("details[data-menu]")];
  const close = (except) => menus.forEach((menu) => { if (menu !== except) menu.open = false; });
  for (const menu of menus) menu.addEventListener("toggle", () => { if (menu.open) close(menu); });
  root.addEventListener("click", (event) => close(event.target.closest("details[data-menu]")));
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const open = menus.find((menu) => menu.open);
      if (open) {
        open.open = false;
        open.querySelector("summary").focus();
      }
    } else if (event.key === "/" && !typing(event)) {
      const field = root.querySelector("[data-search]");
      if (field) {
        event.preventDefault();
        field.focus();
      }
    }
  });
  root.querySelector("[data-error-summary]")?.focus();
}
