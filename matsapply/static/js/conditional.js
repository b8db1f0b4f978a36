// Questions of a track appear when it is ticked. A hidden one keeps its text and still posts it, so that nothing is lost
// by un-ticking and ticking again; it only cannot be required meanwhile.
export function start(root) {
  const fields = [...root.querySelectorAll("[data-when-track]")];
  const choices = [...root.querySelectorAll("[data-tracks] input")];
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
  };
  for (const input of choices) input.addEventListener("change", show);
  show();
}
