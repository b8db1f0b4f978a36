// Two texts for one answer: both are shown, and a person chooses. Nothing is merged or overwritten behind their back.
import { apply, current } from "./drafts.js";
import { told } from "./words.js";

// Resolves when every field of `theirs` ({name: value or [values]}) was chosen; the form then holds what was kept.
export function choose(form, theirs, theirLabel, ourLabel) {
  const boxes = Object.entries(theirs).map(([name, text]) => ask(form, name, text, theirLabel, ourLabel));
  boxes[0]?.box.querySelector("button").focus();
  boxes[0]?.box.scrollIntoView({ block: "nearest" });
  return Promise.all(boxes.map(({ chosen }) => chosen));
}

function ask(form, name, text, theirLabel, ourLabel) {
  const control = [...form.elements].find((field) => field.name === name);
  const place = control?.closest(".field") || form.firstElementChild;
  const title = place?.querySelector("label, legend")?.firstChild?.textContent.trim() || name;
  const box = make("div", "conflict");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", told("twoTexts", "Two texts for {title}", { title }));
  const texts = make("div", "conflict-texts");
  box.append(make("p", "conflict-title", told("whichText", "This answer was also changed in another place. Which text do you want to keep?")), texts);
  const chosen = new Promise((done) => {
    const finish = (value) => {
      box.remove();
      if (value !== undefined) apply(form, { [name]: value });
      control?.focus();
      done();
    };
    texts.append(
      side(theirLabel, words(form, name, text), () => finish(text)),
      side(ourLabel, words(form, name, current(form, name)), () => finish(undefined)),
    );
  });
  place?.after(box);
  return { box, chosen };
}

function side(label, text, keep) {
  const part = make("div", "conflict-text");
  const button = make("button", "btn btn-secondary btn-small", told("keepThis", "Keep this one"));
  button.type = "button";
  button.setAttribute("aria-label", told("keepText", "Keep the text: {label}", { label }));
  button.addEventListener("click", keep);
  part.append(make("p", "", label), make("div", "", text || told("empty", "(empty)")), button);
  return part;
}

// The values as somebody reads them: what is ticked by the words beside its box.
function words(form, name, value) {
  const label = (each) => {
    const box = [...form.elements].find((field) => field.name === name && field.value === each && /checkbox|radio/.test(field.type));
    const beside = box?.closest("label")?.querySelector("strong, span");
    return beside ? beside.firstChild.textContent.trim() : each;
  };
  return (Array.isArray(value) ? value : [value]).map((each) => label(String(each ?? ""))).join("\n");
}

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}
