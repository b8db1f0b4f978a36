// A message that is open is read: its button is pressed in the background, and goes.
export function start(root) {
  for (const box of root.querySelectorAll("[data-read]")) {
    const form = box.querySelector("form");
    fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" })
      .then((answer) => { if (answer.type === "opaqueredirect" || answer.ok) box.remove(); })
      .catch(() => {});
  }
}
