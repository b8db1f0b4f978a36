// A chosen file is sent at once with the rest of the form: only then is it saved, and only then may the page say so.
export function start(root) {
  for (const field of root.querySelectorAll("input[data-upload]")) {
    field.addEventListener("change", (event) => {
      event.stopPropagation();
      const save = field.form.querySelector("[data-save-quietly]");
      if (field.files.length) field.form.requestSubmit(save || undefined);
    });
    field.addEventListener("input", (event) => event.stopPropagation());
  }
}
