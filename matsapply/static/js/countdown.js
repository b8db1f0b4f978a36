// The time left, by the server's clock: the page says what time it was when it was made, the browser only measures since.
import { told } from "./words.js";

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

export function start(root) {
  for (const box of root.querySelectorAll("[data-deadline]")) tick(box);
}

function tick(box) {
  const shown = box.querySelector("[data-countdown]");
  const opened = performance.now();
  const atOpening = Date.parse(box.dataset.deadline) - Date.parse(box.dataset.serverNow);
  const step = () => {
    const left = atOpening - (performance.now() - opened);
    shown.textContent = left > 0 ? words(left) : told("closed", "none: it has closed");
    box.classList.toggle("countdown-soon", left < HOUR);
    if (left > 0) setTimeout(step, left > 2 * DAY ? MINUTE : SECOND);
  };
  step();
}

export function words(left) {
  const days = Math.floor(left / DAY);
  const hours = Math.floor((left % DAY) / HOUR);
  if (left > 2 * DAY) return told("daysLeft", "{days} days {hours} h", { days, hours });
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  return `${two(left / HOUR)}:${two((left % HOUR) / MINUTE)}:${two((left % MINUTE) / SECOND)}`;
}
