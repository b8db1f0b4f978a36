// The reviewer's form: the total while one scores, and the minutes the page is really being read.
const IDLE = 120000; // ms without a sign of life after which nobody is reading
const STEP = 5000;

export function start(root) {
  for (const form of root.querySelectorAll("form[data-review]")) {
    total(form);
    minutes(form);
  }
}

function total(form) {
  const shown = form.querySelector("[data-total]");
  const weights = Object.entries(JSON.parse(form.dataset.weights));
  const show = () => {
    let sum = 0;
    for (const [key, weight] of weights) {
      const chosen = form.querySelector(`input[name="score-${CSS.escape(key)}"]:checked`);
      if (!chosen) { shown.textContent = "–"; return; }
      sum += weight * Number(chosen.value);
    }
    shown.textContent = sum.toFixed(2);
  };
  form.addEventListener("change", show);
  show();
}

// Not a field: nobody types it, so it must not count as a change. It joins the others when the form is sent or saved.
function minutes(form) {
  let spent = Number(form.dataset.minutes) * 60000 || 0;
  let alive = performance.now();
  for (const sign of ["pointermove", "keydown", "scroll", "pointerdown"]) {
    addEventListener(sign, () => { alive = performance.now(); }, { passive: true, capture: true });
  }
  setInterval(() => {
    if (!document.hidden && performance.now() - alive < IDLE) spent += STEP;
  }, STEP);
  form.addEventListener("formdata", (event) => event.formData.set("minutes", (spent / 60000).toFixed(2)));
}
