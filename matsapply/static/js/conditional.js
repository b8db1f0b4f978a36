// What is ticked joins the order below it, and the questions of a ticked track appear. What is hidden keeps its text and still
// posts it, so that nothing is lost by un-ticking and ticking again; it only cannot be required meanwhile.
export function start(root) {
  const fields = [...root.querySelectorAll("[data-when-track]")];
  const choices = [...root.querySelectorAll("[data-picks] input[type='checkbox']")];
  if (!choices.length) return;
  const show = () => {
    const ticked = new Set(choices.filter((input) => input.checked).map((input) => input.value));
    for (const field of fields) {
      field.hidden = !field.dataset.whenTrack.split(",").some((track) => ticked.has(track.trim()));
      for (const control of field.querySelectorAll("[required], [data-was-required]")) {
        control.toggleAttribute("data-was-required", true);
        control.required = !field.hidden;
      }
    }
    order(root.querySelector("[data-pick-order]"), ticked);
  };
  for (const input of choices) input.addEventListener("change", show);
  show();
}

// The rows of what is ticked are shown; one that joins comes last.
function order(box, ticked) {
  if (!box) return;
  for (const row of box.querySelectorAll("[data-rank]")) {
    const wanted = ticked.has(row.querySelector("input").value);
    if (wanted && row.hidden) row.parentElement.append(row);
    row.hidden = !wanted;
  }
  box.hidden = ticked.size < 2;
  box.querySelector("[data-ranking]").dispatchEvent(new Event("ranking:changed"));
}
