// An order by drag, by the buttons without a round trip, and by the arrow keys on a row's buttons.
import { told } from "./words.js";

export function start(root) {
  for (const field of root.querySelectorAll("[data-ranking]")) enliven(field);
}

function enliven(field) {
  const list = field.querySelector("ol");
  const said = field.querySelector("[data-rank-said]");
  const changed = field.querySelector("[data-rank-changed]");
  // A row that is hidden is not part of the order now.
  const all = () => [...list.querySelectorAll("[data-rank]")];
  const rows = () => all().filter((row) => !row.hidden);
  list.classList.add("ranking-live");

  const settle = (row, quietly) => {
    const shown = rows();
    shown.forEach((each, index) => {
      each.querySelector("[data-rank-number]").textContent = index + 1;
      each.querySelector("[data-move='up']").disabled = index === 0;
      each.querySelector("[data-move='down']").disabled = index === shown.length - 1;
    });
    if (changed) changed.hidden = false;
    if (!quietly) {
      const name = row.querySelector(".rank-name").firstChild.textContent.trim();
      said.textContent = told("moved", "{name} is now number {place} of {all}.", { name, place: shown.indexOf(row) + 1, all: shown.length });
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  };

  const move = (row, direction) => {
    const other = rows()[rows().indexOf(row) + (direction === "up" ? -1 : 1)];
    if (!other) return;
    if (direction === "up") other.before(row);
    else other.after(row);
    settle(row);
    const button = row.querySelector(`[data-move='${direction}']`);
    (button.disabled ? row.querySelector("[data-move]:not(:disabled)") : button).focus();
  };

  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-move]");
    if (!button) return;
    event.preventDefault();
    move(button.closest("[data-rank]"), button.dataset.move);
  });
  list.addEventListener("keydown", (event) => {
    const direction = { ArrowUp: "up", ArrowDown: "down" }[event.key];
    const button = event.target.closest("[data-move]");
    if (!direction || !button) return;
    event.preventDefault();
    move(button.closest("[data-rank]"), direction);
  });
  field.addEventListener("ranking:changed", () => { if (rows()[0]) settle(rows()[0], true); });
  for (const row of all()) row.querySelector(".rank-grip").addEventListener("pointerdown", (event) => drag(event, row));

  function drag(event, row) {
    if (event.button !== 0) return;
    event.preventDefault();
    const grip = event.currentTarget;
    const before = all();
    grip.setPointerCapture(event.pointerId);
    row.classList.add("rank-moving");
    // The neighbours step aside; the row itself is never taken out of the page, or it would lose the pointer.
    const follow = ({ clientY }) => {
      const above = rows()[rows().indexOf(row) - 1], below = rows()[rows().indexOf(row) + 1];
      if (above && clientY < middle(above)) row.after(above);
      else if (below && clientY > middle(below)) row.before(below);
      else return;
      settle(row, true);
      follow({ clientY });
    };
    const drop = (put) => {
      grip.removeEventListener("pointermove", follow);
      row.classList.remove("rank-moving");
      if (put.type === "pointercancel") list.append(...before);
      settle(row);
    };
    grip.addEventListener("pointermove", follow);
    grip.addEventListener("pointerup", drop, { once: true });
    grip.addEventListener("pointercancel", drop, { once: true });
  }
}

function middle(row) {
  const box = row.getBoundingClientRect();
  return box.top + box.height / 2;
}
