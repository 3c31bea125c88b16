// What the experiment is: its search space, algorithms, limits and where it lives.

import { button, card, facts, metricNames } from "../components/bits.js";
import { hint } from "../components/form.js";
import { toast } from "../components/toast.js";
import { h, put } from "../dom.js";
import { moment, short } from "../format.js";

/** @typedef {Record<string, any>} Domain */

/** @type {import("./experiment.js").Tab} */
export function config(root, { detail }) {
  const { space, searcher, scheduler, limits, metrics, seed, store, created, owners } = detail;
  const rows = rowsOf(space.parameters ?? {}, "", 0);
  const limit = Object.entries(limits).map(([key, value]) => /** @type {[string, any]} */ ([key, short(value)]));
  put(root, h("div", { class: "columns" },
    h("div", { class: "wide" }, h("section", { class: "card flush" }, h("h2", {}, "Search space", copyButton(space)),
      rows.length ? tableOf(rows) : h("p", { class: "muted" }, "The space is discovered by running.")),
    space.constraints && card("Constraints", space.constraints.map((one) => h("p", {}, h("code", {}, one.expression ?? one.callable ?? short(one)))))),
    h("div", { class: "narrow" },
      card("Experiment", facts([["Metric", metricNames(metrics)], ["Searcher", h("code", {}, searcher)],
        ["Scheduler", h("code", {}, scheduler)], ["Seed", short(seed)], ["Created", moment(created)], ["Store", h("code", {}, store)]])),
      card("Limits", limit.length ? facts(limit) : h("p", { class: "muted" }, "None: nobody runs it now, or nothing was set.")),
      card("Run by", owners.length ? facts(owners.map(({ host, pid, alive, workers }) =>
        [`pid ${pid}`, `${host.split("/")[0]}${workers ? `, ${workers} workers` : ""}${alive ? "" : ", dead"}`]))
        : h("p", { class: "muted" }, "Nobody now.")))));
}

/** @param {Record<string, Domain>} parameters @param {string} when @param {number} depth @returns {HTMLElement[]} */
function rowsOf(parameters, when, depth) {
  return Object.entries(parameters).flatMap(([name, domain]) => {
    const own = h("tr", {}, h("td", { class: `depth-${Math.min(depth, 3)}` }, h("code", {}, name)), h("td", {}, domain.type),
      h("td", {}, valuesOf(domain)), h("td", { class: "muted" }, when));
    const below = (domain.children ?? []).flatMap((/** @type {any} */ child, /** @type {number} */ at) =>
      rowsOf(child, `${name} is ${short(domain.options[at])}`, depth + 1));
    return [own, ...below];
  });
}

/** @param {Domain} domain */
function valuesOf(domain) {
  if (domain.type === "constant") return short(domain.value);
  const listed = domain.options ?? domain.items;
  return listed ? listed.map((/** @type {any} */ one) => short(one)).join(", ") : hint(domain);
}

/** @param {HTMLElement[]} rows */
function tableOf(rows) {
  return h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": "Search space" }, h("table", { class: "list" },
    h("thead", {}, h("tr", {}, ["Parameter", "Kind", "Values", "Only when"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, rows)));
}

/** @param {any} space */
function copyButton(space) {
  return button("Copy JSON", async () => {
    await navigator.clipboard.writeText(JSON.stringify(space, null, 2));
    toast("Copied.");
  }, { class: "quiet" });
}
