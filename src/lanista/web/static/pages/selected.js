// Some trials side by side: what differs between their parameters, and their curves.

import { api, parametersOf } from "../api.js";
import { badge, card, empty, failure } from "../components/bits.js";
import { figure } from "../components/figure.js";
import { h, put, putIfNew } from "../dom.js";
import { duration, elapsed, number, short } from "../format.js";
import { keepFresh } from "../live.js";
import { link } from "../router.js";

/** @typedef {import("../api.js").Trial} Trial */

/** @type {import("./experiment.js").Tab} */
export function selected(root, { name, detail, query, signal }) {
  const numbers = (query.get("trials") ?? "").split(",").filter(Boolean).map(Number);
  const back = h("a", { href: link(["e", name, "trials"]) }, "All trials");
  if (numbers.length < 2) return put(root, empty("Select at least two trials in the table.", back));
  const table = h("div");
  const curves = figure(signal, name, "Learning curves of the selected trials",
    (theme, stop) => api.figure(name, "curves", { theme, numbers: numbers.join(",") }, stop));
  put(root, h("p", {}, "← ", back), h("section", { class: "card plotted" }, curves), table);
  keepFresh(signal, name, async () => {
    const trials = await Promise.all(numbers.map((number) => api.trial(name, number, signal)));
    putIfNew(table, trials, () => card("Side by side", sideBySide(name, detail, trials)));
  }, (error) => put(table, failure(error)));
}

/** @param {string} name @param {import("../api.js").Detail} detail @param {Trial[]} trials */
function sideBySide(name, detail, trials) {
  const row = (/** @type {string} */ title, /** @type {(trial: Trial) => any} */ read, show = short) => {
    const values = trials.map(read);
    const differs = new Set(values.map((value) => JSON.stringify(value))).size > 1;
    return h("tr", { class: differs ? "differs" : "same" }, h("th", { scope: "row" }, title),
      values.map((value) => h("td", { class: "numeric" }, show(value))));
  };
  return h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": "Side by side" }, h("table", { class: "list diff" },
    h("thead", {}, h("tr", {}, h("td"), trials.map((trial) =>
      h("th", { scope: "col" }, h("a", { href: link(["e", name, "t", trial.number]) }, `Trial ${trial.number}`))))),
    h("tbody", {},
      row("State", (trial) => trial.state, badge),
      detail.metrics.map((metric) => row(metric.name, (trial) => trial.values?.[metric.name] ?? null, number)),
      parametersOf(detail).map((parameter) => row(parameter.name, (trial) => trial.params[parameter.name])),
      row("Steps", (trial) => trial.steps, number),
      row("Time", elapsed, duration))));
}
