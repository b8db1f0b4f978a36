// The words of scripts: English stands where it is said; in other languages the page brings them, in data- attributes of
// #words (templates/components/script_words.html).
export function told(name, english, values = {}) {
  const text = document.getElementById("words")?.dataset[name] || english;
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}
