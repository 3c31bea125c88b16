// What a trial printed, as it grows. A long one is shown from its last part.

import { api } from "../api.js";
import { h, put } from "../dom.js";
import { bytes } from "../format.js";
import { button } from "./bits.js";

const TAIL = 64 * 1024; // bytes shown at first

/**
 * @param {string} name
 * @param {number} number
 * @param {AbortSignal} signal
 * @returns {{element: HTMLElement, more: () => Promise<void>}} `more` reads what was printed since
 */
export function output(name, number, signal) {
  const earlier = h("p", { class: "muted" });
  const text = h("pre", { class: "output", tabindex: 0, "aria-label": "Output" });
  const element = h("div", {}, earlier, text);
  put(text, h("span", { class: "muted" }, "Nothing printed yet."));
  let next = -1;
  let blank = true;

  const append = async () => {
    let size = Infinity;
    while (next < size) {
      const part = await api.output(name, number, Math.max(0, next), signal);
      size = part.size;
      if (next < 0 && size > TAIL) {
        next = size - TAIL;
        put(earlier, `The first ${bytes(next)} are not shown. `, button("Show all", all, { class: "quiet" }));
        continue;
      }
      if (!part.text) return;
      const end = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
      if (blank) put(text);
      blank = false;
      text.append(part.text);
      if (end) text.scrollTop = text.scrollHeight;
      next = part.next;
    }
  };
  const all = () => {
    next = 0;
    put(earlier);
    blank = true;
    append();
  };
  return { element, more: append };
}
