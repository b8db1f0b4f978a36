// The question of a confirm button in a dialog instead of below it.
let count = 0;

export function start(root) {
  for (const details of root.querySelectorAll("details[data-confirm]")) lift(details);
}

function lift(details) {
  const summary = details.querySelector("summary");
  const panel = details.querySelector(".confirm-panel");
  const question = panel.querySelector(".confirm-question");
  const cancel = panel.querySelector("[data-confirm-cancel]");
  const dialog = document.createElement("dialog");
  question.id ||= `confirm-question-${(count += 1)}`;
  dialog.setAttribute("aria-labelledby", question.id);
  dialog.append(panel);
  details.after(dialog);
  details.open = false;
  summary.setAttribute("role", "button");
  summary.setAttribute("aria-haspopup", "dialog");
  cancel.hidden = false;
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => summary.focus());
  summary.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
  });
}
