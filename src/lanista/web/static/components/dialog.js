// A dialog over the page: the browser's own, which keeps the focus inside and closes on Escape.

import { h, put } from "../dom.js";
import { button } from "./bits.js";

/**
 * Opens a dialog with a form. When `submit` throws, its message shows and the dialog stays.
 * @param {string} title
 * @param {import("../dom.js").Child} body
 * @param {{says: string, submit: () => Promise<any> | any, danger?: boolean} | null} action null: there is nothing to do
 */
export function openDialog(title, body, action = null) {
  const problem = h("div", { class: "problem", role: "alert" });
  const confirm = action && h("button", { class: action.danger ? "danger" : "primary" }, action.says);
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!action) return dialog.close();
    confirm.disabled = true;
    try {
      await action.submit();
      dialog.close();
    } catch (error) {
      put(problem, /** @type {Error} */ (error).message);
      confirm.disabled = false;
    }
  };
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() },
    h("form", { novalidate: true, onsubmit: send },
      h("h2", { id: "dialog-title" }, title),
      h("div", { class: "dialog-body", tabindex: 0, role: "group", "aria-label": title }, body),
      problem,
      h("div", { class: "actions end" }, button(action ? "Cancel" : "Close", () => dialog.close()), confirm)));
  document.body.append(dialog);
  addEventListener("hashchange", () => dialog.close(), { once: true });
  dialog.showModal();
}

/** Asks before something that cannot be undone. @param {string} title @param {string} text @param {string} says
 *  @param {() => Promise<any>} submit */
export function ask(title, text, says, submit) {
  openDialog(title, h("p", {}, text), { says, submit, danger: true });
}
