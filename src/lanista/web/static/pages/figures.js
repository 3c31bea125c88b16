// All figures that fit the experiment; the server draws them, the reader chooses of what.

import { api, parametersOf } from "../api.js";
import { empty } from "../components/bits.js";
import { figure } from "../components/figure.js";
import { menu } from "../components/menu.js";
import { h, put } from "../dom.js";
import { remember } from "../router.js";

// What each figure shows, whether it wants the whole width, and whether it is for several metrics alone.
/** @type {Record<string, {title: string, takes?: string[], wide?: boolean, several?: boolean}>} */
const FIGURES = {
  pareto: { title: "Pareto front", several: true },
  hypervolume: { title: "Hypervolume", several: true },
  history: { title: "Best so far", takes: ["metric"] },
  trials: { title: "Trials over time", takes: ["metric"] },
  curves: { title: "Learning curves", takes: ["metric"] },
  importance: { title: "Importance", takes: ["metric"] },
  contour: { title: "Contour", takes: ["metric", "params"] },
  edf: { title: "Distribution", takes: ["metric"] },
  parallel: { title: "Parallel coordinates", takes: ["metric", "params"], wide: true },
  slice: { title: "Slice", takes: ["metric", "params"], wide: true },
  rungs: { title: "Rungs", takes: ["metric"], wide: true },
  timeline: { title: "Timeline", wide: true },
  lineage: { title: "Lineage", takes: ["metric"], wide: true },
};
const PAIR = 2; // parameters that a contour has

/** @type {import("./experiment.js").Tab} */
export function figures(root, { name, detail, query, signal }) {
  if (!detail.trials) return put(root, empty("Nothing to draw yet.", "Figures show as soon as the first trial has begun."));
  const names = parametersOf(detail).map((parameter) => parameter.name);
  let metric = query.get("metric") ?? "";
  let params = (query.get("params") ?? "").split(",").filter((one) => names.includes(one));
  /** @type {(HTMLElement & {refresh: () => void})[]} */
  const shown = [];
  const changed = () => {
    remember({ metric, params: params.join(",") });
    shown.forEach((one) => one.refresh());
  };
  const options = (/** @type {string} */ key) => {
    const takes = FIGURES[key].takes ?? [];
    const some = key === "contour" ? params.slice(0, PAIR) : params;
    const enough = key === "contour" ? PAIR : 1;
    return {
      metric: takes.includes("metric") ? metric : "",
      params: takes.includes("params") && some.length >= enough ? some.join(",") : "",
    };
  };
  const fits = Object.keys(FIGURES).filter((key) =>
    detail.figures.includes(key) && (detail.metrics.length > 1 || !FIGURES[key].several));
  const cards = fits.map((key) => {
    const { title, wide } = FIGURES[key];
    const drawn = figure(signal, name, title, (theme, stop) => api.figure(name, key, { theme, ...options(key) }, stop));
    shown.push(drawn);
    return h("section", { class: wide ? "card plotted whole" : "card plotted", id: `figure-${key}` }, drawn);
  });
  const chooseMetric = metricChoice(detail, metric, (now) => { metric = now; changed(); });
  const chooseParams = paramChoice(names, params, (now) => { params = now; changed(); });
  put(root, h("div", { class: "controls" }, chooseMetric, chooseParams), h("div", { class: "gallery" }, cards));
}

/** @param {import("../api.js").Detail} detail @param {string} chosen @param {(now: string) => void} changed */
function metricChoice({ metrics }, chosen, changed) {
  const select = h("select", { id: "metric", onchange: () => changed(select.value) }, metrics.map(({ name }, at) =>
    h("option", { value: at ? name : "", selected: name === chosen }, name)));
  return metrics.length > 1 && h("div", { class: "control" }, h("label", { for: "metric" }, "Metric"), select);
}

/** @param {string[]} names @param {string[]} chosen @param {(now: string[]) => void} changed */
function paramChoice(names, chosen, changed) {
  const title = h("span");
  const say = (/** @type {number} */ count) => put(title, count ? `Parameters: ${count} chosen` : "Parameters: the most important");
  say(chosen.length);
  const items = names.map((name) => ({ value: name, title: name, checked: chosen.includes(name) }));
  return names.length > 1 && menu(title, items, (now) => {
    say(now.length);
    changed(now);
  });
}
