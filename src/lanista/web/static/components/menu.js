// A list of boxes to tick, under a button; it closes on Escape and on a click elsewhere.

import { h } from "../dom.js";

/**
 * @param {import("../dom.js").Child} title
 * @param {{value: string, title: string, checked: boolean}[]} items
 * @param {(chosen: string[], value: string, on: boolean) => void} changed
 * @returns {HTMLElement}
 */
export function menu(title, items, changed) {
  const boxes = items.map(({ value, checked }) => h("input", {
    type: "checkbox", value, checked, onchange: (/** @type {Event} */ event) => {
      const { value: which, checked: on } = /** @type {HTMLInputElement} */ (event.target);
      changed(boxes.filter((box) => box.checked).map((box) => box.value), which, on);
    },
  }));
  const summary = h("summary", {}, title);
  const element = h("details", { class: "menu", ontoggle: watch, onkeydown: (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    element.open = false;
    summary.focus();
  } }, summary, h("div", { class: "menu-body" }, items.map((item, at) => h("label", {}, boxes[at], item.title))));
  return element;

  function watch() {
    if (element.open) document.addEventListener("pointerdown", elsewhere);
    else document.removeEventListener("pointerdown", elsewhere);
  }

  /** @param {PointerEvent} event */
  function elsewhere(event) {
    if (!element.contains(/** @type {Node} */ (event.target))) element.open = false;
  }
}
