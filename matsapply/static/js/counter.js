// The live count. One definition of length, the same as rules/counting.py: after NFC, the characters that are letters or
// digits (Unicode L* and N*). Characters newer than either side's Unicode tables may be counted by one and not the other;
// the server's count decides.
import { told } from "./words.js";

const PAUSE = 1500;

export function length(text) {
  return (text.normalize("NFC").match(/[\p{L}\p{N}]/gu) || []).length;
}

export function start(root) {
  for (const field of root.querySelectorAll("[data-limit]")) follow(field);
}

function follow(field) {
  const shown = field.ownerDocument.getElementById(`${field.id}-count`);
  if (!shown) return;
  const limit = Number(field.dataset.limit);
  const over = Number(field.dataset.over || 0);
  const most = Math.floor((limit * (100 + over)) / 100);
  const said = field.ownerDocument.createElement("span");
  said.className = "visually-hidden";
  said.setAttribute("role", "status");
  shown.after(said);
  let timer = 0;

  const show = (aloud) => {
    const count = length(field.value);
    const text = over
      ? told("countOver", "{count} of {limit}, {over} % over is tolerated", { count, limit, over })
      : told("count", "{count} of {limit}", { count, limit });
    shown.textContent = text;
    shown.classList.toggle("count-near", count > limit && count <= most);
    shown.classList.toggle("count-over", count > most);
    clearTimeout(timer);
    // Said aloud only near the limit and after a pause: a count at every letter would drown the typing.
    if (aloud && count > limit * 0.9) timer = setTimeout(() => { said.textContent = text; }, PAUSE);
  };
  field.addEventListener("input", () => show(true));
  show(false);
}
