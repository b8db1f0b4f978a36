// A form whose work takes a while: it says so, and is not sent twice.
export function start(root) {
  for (const form of root.querySelectorAll("form[data-wait]")) form.addEventListener("submit", (event) => hold(event, form));
  // Back from the browser's own memory of the page: it may be sent again.
  window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
}

function hold(event, form) {
  if (form.ariaBusy === "true") {
    event.preventDefault();
    return;
  }
  form.ariaBusy = "true";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  const note = document.createElement("p");
  note.className = "hint";
  note.setAttribute("role", "status");
  note.textContent = form.dataset.wait;
  form.append(note);
}
