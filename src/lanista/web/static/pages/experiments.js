// All experiments of the store: how each stands, and which to compare.

import { api } from "../api.js";
import { badge, bar, bestOf, button, empty, failure, metricNames, ownersOf, since, sparkline, stack, tagList } from "../components/bits.js";
import { h, put, putIfNew } from "../dom.js";
import { counted, duration, number } from "../format.js";
import { keepFresh } from "../live.js";
import { go, joined, link } from "../router.js";

/** @typedef {import("../api.js").Summary} Summary */

/** @type {import("../app.js").Page} */
export function experiments(root, _route, signal) {
  /** @type {Set<string>} */
  const chosen = new Set();
  const list = h("div", { "aria-live": "off" });
  const compare = button("Compare", () => go(link(["compare"], { names: joined(chosen) })), { disabled: true });
  const total = h("span", { class: "muted" });
  put(root, h("div", { class: "page" }, h("div", { class: "title top" }, h("h1", {}, "Experiments"), total,
    h("div", { class: "actions" }, compare)), list));

  const choose = (/** @type {string} */ name, /** @type {boolean} */ on) => {
    chosen[on ? "add" : "delete"](name);
    compare.disabled = chosen.size < 2;
    put(compare, chosen.size < 2 ? "Compare" : `Compare ${chosen.size}`);
  };
  const read = async () => {
    const all = await api.experiments(signal);
    all.sort((a, b) => (b.updated ?? b.created) - (a.updated ?? a.created));
    put(total, counted(all.length, "experiment"));
    putIfNew(list, all, () => (all.length ? tableOf(all, chosen, choose) : nothing()));
  };
  keepFresh(signal, null, read, (error) => {
    if (!list.firstChild) put(list, failure(error, () => location.reload()));
  }, 500);
}

/** @param {Summary[]} all @param {Set<string>} chosen @param {(name: string, on: boolean) => void} choose */
function tableOf(all, chosen, choose) {
  const head = ["", "Name", "State", "Trials", "Best", "Course", "Run by", "Last event"];
  return h("div", { class: "card flush" }, h("table", { class: "list experiments stacked", "aria-label": "Experiments" },
    h("thead", {}, h("tr", {}, head.map((title) => (title ? h("th", { scope: "col" }, title) : h("td"))))),
    h("tbody", {}, all.map((one) => row(one, chosen, choose)))));
}

/** @param {Summary} one @param {Set<string>} chosen @param {(name: string, on: boolean) => void} choose */
function row(one, chosen, choose) {
  const box = h("input", { type: "checkbox", "aria-label": `compare ${one.name}`, checked: chosen.has(one.name),
    onchange: () => choose(one.name, box.checked) });
  const { binding } = one;
  return h("tr", {},
    h("td", { class: "tick" }, box),
    h("td", { class: "name" }, h("a", { href: link(["e", one.name, "overview"]) }, one.name), tagList(one.tags),
      h("div", { class: "muted small" }, metricNames(one.metrics))),
    h("td", {}, badge(one.state)),
    h("td", { class: "amount" }, binding ? [bar(binding, used(binding)), h("div", { class: "small" }, used(binding))]
      : [stack(one.counts), h("div", { class: "small" }, counted(one.trials, "trial"))]),
    h("td", { class: "numeric best" }, one.best ? h("a", { href: link(["e", one.name, "t", one.best.number]) }, bestOf(one)) : "–"),
    h("td", { class: "course" }, sparkline(one.spark, `best so far, now ${bestOf(one)}`)),
    h("td", { class: "run-by" }, ownersOf(one.owners)),
    h("td", { class: "muted" }, since(one.updated ?? one.created)));
}

/** How much of a limit is used, in words. @param {import("../api.js").Progress} progress */
export function used({ used: spent, total, unit }) {
  if (unit === "seconds") return `${duration(spent)} of ${duration(total)}`;
  return `${number(spent)} of ${number(total)} ${unit}`.trim();
}

function nothing() {
  return empty("No experiments yet.", "Run one, and it shows here at once: ", h("code", {}, "lanista demo"),
    ", or ", h("code", {}, "Experiment(…).run(…)"), " in Python.");
}
