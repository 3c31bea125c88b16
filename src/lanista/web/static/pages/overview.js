// The first look at an experiment: how good, how far, what runs, what the algorithms say.

import { api } from "../api.js";
import { badge, bar, card, empty, facts, since } from "../components/bits.js";
import { figure } from "../components/figure.js";
import { remarksCard } from "../components/remarks.js";
import { h, put, putIfNew } from "../dom.js";
import { duration, elapsed, number, short } from "../format.js";
import { keepFresh } from "../live.js";
import { link } from "../router.js";
import { used } from "./experiments.js";

/** @typedef {import("../api.js").Detail} Detail @typedef {import("../api.js").Row} Row */

const RUNNING = 8; // trials that run, listed

/** @type {import("./experiment.js").Tab} */
export function overview(root, { name, detail: first, follow, signal }) {
  const [tiles, best, running, algorithms, remarks] = Array.from({ length: 5 }, () => h("div", { class: "slot" }));
  const course = figure(signal, name, "Best so far", (theme, stop) => api.figure(name, "history", { theme }, stop));
  put(root, tiles, h("div", { class: "columns" },
    h("div", { class: "wide" }, h("section", { class: "card plotted" }, course), running),
    h("div", { class: "narrow" }, best, algorithms, remarks)));

  let last = first;
  follow((detail) => {
    last = detail;
    putIfNew(tiles, [detail.progress, detail.counts, detail.best, detail.updated], () => tilesOf(detail));
    putIfNew(algorithms, [detail.searcher, detail.scheduler, detail.searcher_says], () => algorithmsOf(detail));
    putIfNew(remarks, [detail.note, detail.tags], () => remarksCard(name, null, detail));
  });
  keepFresh(signal, name, async () => {
    const wanted = { filter: "state == 'running'", limit: RUNNING, sort: "number" };
    const [{ trials, matched }, top] = await Promise.all([
      api.trials(name, wanted, signal), last.best && api.trial(name, last.best.number, signal)]);
    putIfNew(running, trials, () => runningOf(last, trials, matched));
    putIfNew(best, top, () => bestOf(last, top));
  }, () => {}); // the page of the experiment tells what is wrong
}

/** @param {Detail} detail */
function tilesOf({ name, metrics, best, progress, counts, trials, updated }) {
  const states = Object.entries(counts).filter(([, count]) => count);
  return h("div", { class: "tiles" },
    tile(`Best ${metrics[0]?.name ?? ""}`, best ? number(best.value) : "–",
      best ? h("a", { href: link(["e", name, "t", best.number]) }, `trial ${best.number}`) : "nothing completed yet"),
    progress.map((one) => tile(titleOf(one), used({ ...one, unit: one.unit === "seconds" ? "seconds" : "" }), bar(one, used(one)))),
    !progress.some(({ limit }) => limit === "trials") && tile("Trials", number(trials), "no limit set"),
    tile("By state", h("ul", { class: "states" }, states.map(([state, count]) =>
      h("li", {}, h("a", { href: link(["e", name, "trials"], { filter: `state == '${state}'` }) }, badge(state), number(count)))))),
    tile("Last event", since(updated)));
}

/** @param {import("../api.js").Progress} progress */
function titleOf({ limit, unit }) {
  return { trials: "Trials", time: "Time", cost: "Cost", target: `Target of ${unit}`, plateau: "Trials without a better one" }[limit] ?? limit;
}

/** @param {string} title @param {import("../dom.js").Child} value @param {import("../dom.js").Child} [below] */
function tile(title, value, below) {
  return h("div", { class: "tile" }, h("h2", {}, title), h("div", { class: "tile-value" }, value),
    below && h("div", { class: "tile-below" }, below));
}

/** @param {Detail} detail @param {Row | null} best */
function bestOf({ name, trials }, best) {
  if (!best) return card("Best trial", empty("No trial has completed.", trials ? "The first value shows here at once." : "Nothing has run yet."));
  const rows = Object.entries(best.params).map(([key, value]) => /** @type {[string, any]} */ ([key, short(value)]));
  return h("section", { class: "card" },
    h("h2", {}, "Best trial", h("a", { href: link(["e", name, "t", best.number]) }, `Trial ${best.number}`)), facts(rows));
}

/** @param {Detail} detail @param {Row[]} rows @param {number} count */
function runningOf({ name, metrics }, rows, count) {
  if (!rows.length) return null;
  const title = h("h2", {}, "Running", h("span", { class: "muted" }, count > rows.length ? `${rows.length} of ${count}` : count));
  const head = ["Trial", metrics[0]?.name ?? "value", "Steps", "Time", "Parameters"];
  const last = head.length - 1;
  return h("section", { class: "card flush" }, title, h("table", { class: "list", "aria-label": "Trials that run" },
    h("thead", {}, h("tr", {}, head.map((text, at) => h("th", { scope: "col", class: at > 0 && at < last ? "numeric" : null }, text)))),
    h("tbody", {}, rows.map((row) => h("tr", {},
      h("td", {}, h("a", { href: link(["e", name, "t", row.number]) }, row.number)),
      h("td", { class: "numeric" }, number(row.value)),
      h("td", { class: "numeric" }, number(row.steps)),
      h("td", { class: "numeric" }, duration(elapsed(row))),
      h("td", { class: "params" }, Object.entries(row.params).map(([key, value]) => `${key}=${short(value)}`).join("  ")))))));
}

/** @param {Detail} detail */
function algorithmsOf({ searcher, scheduler, searcher_says: says }) {
  const told = says && typeof says === "object" ? Object.entries(says) : says ? [["says", says]] : [];
  return card("Algorithms", facts([
    ["Searcher", h("code", {}, searcher)],
    ["Scheduler", h("code", {}, scheduler)],
    ...told.map(([key, value]) => /** @type {[string, any]} */ ([key, short(value)])),
  ]));
}
