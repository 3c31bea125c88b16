// Several experiments side by side: the best so far of each, and how they stand.

import { api } from "../api.js";
import { badge, card, empty, failure, metricNames } from "../components/bits.js";
import { figure } from "../components/figure.js";
import { menu } from "../components/menu.js";
import { h, put, putIfNew } from "../dom.js";
import { counted, number } from "../format.js";
import { keepFresh } from "../live.js";
import { joined, link, parted, remember } from "../router.js";

/** @typedef {import("../api.js").Summary} Summary */

/** The page of several experiments. @type {import("../app.js").Page} */
export function compare(root, { query }, signal) {
  const page = h("div", { class: "page" });
  put(root, page);
  const names = parted(query.get("names"));
  show(page, names, query, signal, (chosen) => ({ names: joined(chosen) }), h("div", { class: "title top" }, h("h1", {}, "Compare")));
}

/** The same within one experiment, beside others. @type {import("./experiment.js").Tab} */
export function compareTab(root, { name, query, signal }) {
  show(root, [name, ...parted(query.get("with"))], query, signal,
    (chosen) => ({ with: joined(chosen.filter((other) => other !== name)) }), null);
}

/**
 * @param {HTMLElement} root
 * @param {string[]} names chosen at first
 * @param {URLSearchParams} query
 * @param {AbortSignal} signal
 * @param {(chosen: string[]) => Record<string, string>} state of the URL
 * @param {import("../dom.js").Child} title
 */
function show(root, names, query, signal, state, title) {
  const chosen = new Set(names);
  let over = query.get("over") ?? "trials";
  const picker = h("div");
  const table = h("div");
  const course = figure(signal, null, "Best so far of each", async (theme, stop) => api.compare([...chosen], { theme, over }, stop));
  const changed = () => {
    remember({ ...state([...chosen]), over });
    course.refresh();
    read().catch(failed);
  };
  const axis = h("select", { id: "over", onchange: () => { over = axis.value; changed(); } },
    ["trials", "time"].map((one) => h("option", { value: one, selected: one === over }, one)));
  put(root, title, h("div", { class: "controls" },
    picker,
    h("div", { class: "control" }, h("label", { for: "over" }, "Over"), axis)),
    h("section", { class: "card plotted" }, course), table);

  const failed = (/** @type {Error} */ error) => put(table, failure(error));
  const read = async () => {
    const all = await api.experiments(signal);
    putIfNew(picker, all.map(({ name }) => name), () => menu("Experiments", all.map(({ name }) =>
      ({ value: name, title: name, checked: chosen.has(name) })), (_, name, on) => {
      chosen[on ? "add" : "delete"](name);
      changed();
    }));
    const wanted = all.filter(({ name }) => chosen.has(name));
    putIfNew(table, wanted, () => (wanted.length > 1 ? card("How they stand", standing(wanted))
      : empty("Choose some experiments.", "The list is above the figure; they need the same metric.")));
  };
  keepFresh(signal, null, read, failed, 1000);
}

/** @param {Summary[]} all */
function standing(all) {
  const row = (/** @type {string} */ title, /** @type {(one: Summary) => import("../dom.js").Child} */ read) =>
    h("tr", {}, h("th", { scope: "row" }, title), all.map((one) => h("td", {}, read(one))));
  return h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": "How they stand" }, h("table", { class: "list diff" },
    h("thead", {}, h("tr", {}, h("td"), all.map(({ name }) => h("th", { scope: "col" }, h("a", { href: link(["e", name, "overview"]) }, name))))),
    h("tbody", {},
      row("State", ({ state }) => badge(state)),
      row("Metric", ({ metrics }) => metricNames(metrics)),
      row("Best", ({ name, best }) => (best ? h("a", { href: link(["e", name, "t", best.number]), title: `trial ${best.number}` }, number(best.value)) : "–")),
      row("Trials", ({ trials }) => counted(trials, "trial")),
      row("Failed", ({ counts }) => number(counts.failed ?? 0)))));
}
