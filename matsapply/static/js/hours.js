// The hours that the ticked streams ask for, as ticks change; a task that several share is counted once.
export function start(root) {
  for (const form of root.querySelectorAll("[data-hours-sum]")) {
    const shown = form.querySelector("[data-hours]");
    form.addEventListener("change", (event) => {
      if (!event.target.matches("[data-tasks]")) return;
      const hours = new Map();
      for (const input of form.querySelectorAll("[data-tasks]:checked")) {
        for (const task of input.dataset.tasks.split(" ").filter(Boolean)) {
          const [key, length] = task.split("=");
          hours.set(key, Number(length));
        }
      }
      shown.textContent = Number([...hours.values()].reduce((sum, each) => sum + each, 0).toPrecision(6));
    });
  }
}
