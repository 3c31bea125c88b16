// What a trial printed, as it grows. Of a long one the last part is shown, and what stands before it when it is wanted.

import { api } from "../api.js";
import { h, put } from "../dom.js";
import { bytes } from "../format.js";
import { button } from "./bits.js";
import { toast } from "./toast.js";

const PART = 64 * 1024; // bytes asked for at once
const FAR = 1024 * 1024; // bytes printed since the last look, beyond which only the end is shown again

/**
 * @param {string} name
 * @param {number} number
 * @param {AbortSignal} signal
 * @returns {{element: HTMLElement, more: () => Promise<void>}} `more` reads what was printed since
 */
export function output(name, number, signal) {
  const hidden = h("p", { class: "muted" });
  const text = h("pre", { class: "output", tabindex: 0, "aria-label": "Output" });
  const element = h("div", {}, hidden, text);
  put(text, h("span", { class: "muted" }, "Nothing printed yet."));
  let first = 0; // the byte at which the shown text begins
  let next = -1; // the byte after it; -1: nothing is shown

  const more = async () => {
    let part;
    do {
      part = await api.output(name, number, { offset: next < 0 ? -PART : next }, signal);
      if (!part.text) return;
      if (next >= 0 && part.size - next > FAR) {
        next = -1;
        continue;
      }
      const end = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
      if (next < 0 || part.start < next) { // the log has begun anew
        put(text);
        tell(part.start);
      }
      text.append(plain(part.text));
      if (end) text.scrollTop = text.scrollHeight;
      next = part.next;
    } while (next < part.size);
  };
  const earlier = async () => {
    put(hidden); // asked for once
    const offset = Math.max(0, first - PART);
    try {
      const part = await api.output(name, number, { offset, limit: first - offset }, signal);
      const below = text.scrollHeight - text.scrollTop;
      text.prepend(plain(part.text));
      text.scrollTop = text.scrollHeight - below;
      tell(part.start);
    } catch (error) {
      toast(/** @type {Error} */ (error).message, "error");
      tell(first);
    }
  };
  const tell = (/** @type {number} */ start) => {
    first = start;
    put(hidden, start > 0 && [`The first ${bytes(start)} are not shown. `, button("Show earlier", earlier, { class: "quiet" })]);
  };
  return { element, more };
}

/** Without what is for terminals alone: colours, and a line that is written over. @param {string} text */
function plain(text) {
  return text.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, "").replace(/\r\n?/g, "\n");
}
