// Whether a key press belongs to somebody who is writing, choosing from a list, or using a command of the browser.
const WRITING = "textarea, select, [contenteditable], dialog[open] *, input:not([type='radio'], [type='checkbox'], [type='button'], [type='submit'])";

export function typing(event) {
  return event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey
    || (event.target instanceof Element && event.target.matches(WRITING));
}
