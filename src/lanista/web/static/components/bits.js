// Small pieces that many pages show.

import { h, put, svg } from "../dom.js";
import { ago, number } from "../format.js";

// The same marks as in the figures (lanista.plot), so that a state can be told without its colour.
/** @type {Record<string, [string, Record<string, any>]>} */
const MARKS = {
  completed: ["circle", { cx: 6, cy: 6, r: 4.5 }],
  stopped: ["path", { d: "M1.5 2.5h9L6 10.5z" }],
  paused: ["rect", { x: 2, y: 2, width: 8, height: 8 }],
  running: ["path", { d: "M6 .8 11.2 6 6 11.2.8 6z" }],
  failed: ["path", { d: "M2 2l8 8M10 2l-8 8" }],
  infeasible: ["path", { d: "M6 1v10M1 6h10" }],
  cancelled: ["path", { d: "M6 1v10" }],
  waiting: ["circle", { cx: 6, cy: 6, r: 4.2 }],
  ended: ["circle", { cx: 6, cy: 6, r: 4.5 }],
  interrupted: ["path", { d: "M2 2l8 8M10 2l-8 8" }],
  new: ["circle", { cx: 6, cy: 6, r: 4.2 }],
};

const AGING = 10_000; // ms

/** A state of a trial or an experiment: its mark and its name. @param {string} state */
export function badge(state) {
  const [shape, attributes] = MARKS[state] ?? MARKS.waiting;
  const mark = svg("svg", { viewBox: "0 0 12 12", class: "mark", "aria-hidden": "true" }, svg(shape, attributes));
  return h("span", { class: `badge state-${state}` }, mark, state);
}

/** How much of a limit is used. @param {{limit: string, used: number, total: number}} progress @param {string} words */
export function bar({ limit, used, total }, words) {
  const share = total > 0 ? Math.min(1, used / total) : 0;
  const fill = h("span", { class: "bar-fill" });
  fill.style.setProperty("--share", String(share));
  return h("span", {
    class: "bar", role: "progressbar", "aria-label": `${limit}: ${words}`, "aria-valuemin": 0, "aria-valuemax": 100,
    "aria-valuenow": Math.round(share * 100),
  }, fill);
}

/** Trials by state as one line of coloured parts. @param {Record<string, number>} counts */
export function stack(counts) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const parts = Object.entries(counts).filter(([, count]) => count).map(([state, count]) => {
    const part = h("span", { class: `stack-part state-${state}`, title: `${count} ${state}` });
    part.style.setProperty("--share", String(count / all));
    return part;
  });
  return h("span", { class: "stack", "aria-hidden": "true" }, parts);
}

/** The best so far as a small line of steps. @param {number[]} values @param {string} says */
export function sparkline(values, says) {
  if (values.length < 2) return h("span", { class: "muted" }, "–");
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const path = values.map((value, at) => {
    const y = high > low ? 22 - (20 * (value - low)) / (high - low) : 12;
    return at ? `H${((120 * at) / (values.length - 1)).toFixed(1)}V${y.toFixed(1)}` : `M0 ${y.toFixed(1)}`;
  });
  return svg("svg", { viewBox: "0 0 120 24", class: "spark", role: "img", "aria-label": says, preserveAspectRatio: "none" },
    svg("path", { d: path.join("") }));
}

/** Who runs an experiment, and whether they live. @param {import("../api.js").Owner[]} owners */
export function ownersOf(owners) {
  if (!owners.length) return h("span", { class: "muted" }, "nobody");
  return h("span", { class: "owners" }, owners.map(({ host, pid, alive }) =>
    h("span", { class: alive ? "owner" : "owner dead", title: `pid ${pid} on ${host.split("/")[0]}` },
      h("span", { class: "pulse", "aria-hidden": "true" }), alive ? `pid ${pid}` : `pid ${pid}, dead`)));
}

/** @param {string[]} tags */
export function tagList(tags) {
  return tags.map((tag) => h("span", { class: "tag" }, tag));
}

/** Names and values; long ones stand below their names. @param {[string, import("../dom.js").Child][]} rows @param {"" | "long"} [form] */
export function facts(rows, form = "") {
  return h("dl", { class: `facts ${form}` }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** A time as an age, the moment as its title. @param {number | null} time */
export function since(time) {
  return time ? h("time", { datetime: new Date(time * 1000).toISOString(), title: new Date(time * 1000).toString() },
    ago(time)) : "–";
}

/** Keeps all ages on the page right while nothing else happens. */
export function keepAges() {
  setInterval(() => document.querySelectorAll("time").forEach((element) =>
    put(element, ago(Date.parse(element.dateTime) / 1000))), AGING);
}

/** A panel with a heading. @param {string} title @param {...import("../dom.js").Child} children */
export function card(title, ...children) {
  return h("section", { class: "card" }, h("h2", {}, title), children);
}

/** Nothing here yet, and what to do. @param {string} title @param {...import("../dom.js").Child} hints */
export function empty(title, ...hints) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", {}, hints));
}

/** What went wrong, and a way on. @param {Error} error @param {() => void} [again] */
export function failure(error, again) {
  return h("div", { class: "empty", role: "alert" }, h("p", { class: "empty-title" }, error.message),
    again && h("button", { onclick: again }, "Try again"));
}

/** @param {string} text @param {() => void} onclick @param {Record<string, any>} [more] */
export function button(text, onclick, more = {}) {
  return h("button", { type: "button", onclick, ...more }, text);
}

/** The metrics of an experiment, such as "accuracy ↑". @param {import("../api.js").Metric[]} metrics */
export function metricNames(metrics) {
  return metrics.map(({ name, direction }) => `${name} ${direction === "max" ? "↑" : "↓"}`).join(", ");
}

/** @param {import("../api.js").Summary} summary */
export function bestOf(summary) {
  return summary.best ? number(summary.best.value) : "–";
}
