// Copies a text that stands on the page; without scripts the text can be marked as a whole.
const SHOWN = 2000;

export function start(root) {
  if (!navigator.clipboard) return;
  const said = root.querySelector("[data-copy-said]");
  for (const button of root.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    const label = [...button.childNodes];
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(root.getElementById(button.dataset.copy).textContent);
        button.textContent = button.dataset.copied;
      } catch {
        button.textContent = button.dataset.failed;
      }
      if (said) said.textContent = button.textContent;
      setTimeout(() => { button.replaceChildren(...label); }, SHOWN);
    });
  }
}
