// A part of the page that changes by itself while something is being made: it is fetched again until it is done.
const EVERY = 2000; // milliseconds
const MOST = 150; // times

export function start(root) {
  let left = MOST;
  const look = async () => {
    const part = root.querySelector("[data-poll]");
    if (!part || left-- <= 0) return;
    try {
      const page = await (await fetch(window.location.href)).text();
      const fresh = new DOMParser().parseFromString(page, "text/html");
      const now = fresh.getElementById(part.closest("[id]").id);
      if (now) part.closest("[id]").replaceWith(now);
    } catch { /* the next look may find the way free */ }
    setTimeout(look, EVERY);
  };
  setTimeout(look, EVERY);
}
