// Short messages at the corner of the page; a screen reader hears them too.

import { h } from "../dom.js";

const SHOWN = 6000; // ms

/** @param {string} text @param {"done" | "error"} [kind] */
export function toast(text, kind = "done") {
  const item = h("p", { class: `toast ${kind}` }, text);
  document.getElementById("toasts")?.append(item);
  setTimeout(() => item.remove(), SHOWN);
}

/** Does something that the server may refuse, and says how it went, in the server's words.
 *  @param {() => Promise<{message: string}>} act */
export async function doing(act) {
  try {
    toast((await act()).message);
  } catch (error) {
    toast(/** @type {Error} */ (error).message, "error");
  }
}
