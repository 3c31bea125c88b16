// One experiment: its head with what can be done to it, tabs, and the page of the tab.

import { api } from "../api.js";
import { badge, button, failure, metricNames, ownersOf, tagList } from "../components/bits.js";
import { ask, openDialog } from "../components/dialog.js";
import { enqueue } from "../components/enqueue.js";
import { plotlyFor } from "../components/plotly.js";
import { doing } from "../components/toast.js";
import { h, put, putIfNew } from "../dom.js";
import { keepFresh } from "../live.js";
import { go, link } from "../router.js";
import { shortcut } from "../shortcuts.js";
import { compareTab } from "./compare.js";
import { config } from "./config.js";
import { figures } from "./figures.js";
import { editLimits } from "./limits.js";
import { log } from "./log.js";
import { overview } from "./overview.js";
import { selected } from "./selected.js";
import { trials } from "./trials.js";

/**
 * What a tab gets: the experiment as it was first read, and `follow`, which calls with each newer reading.
 * @typedef {{name: string, detail: Detail, follow: (told: (detail: Detail) => void) => void, query: URLSearchParams,
 *   signal: AbortSignal}} Context
 * @typedef {import("../api.js").Detail} Detail
 * @typedef {(root: HTMLElement, context: Context) => void} Tab
 */

/** @type {[string, string, Tab][]} */
const TABS = [
  ["overview", "Overview", overview],
  ["figures", "Figures", figures],
  ["trials", "Trials", trials],
  ["compare", "Compare", compareTab],
  ["config", "Configuration", config],
  ["log", "Log", log],
];

/** @type {import("../app.js").Page} */
export function experiment(root, { path: [, name, tab = "overview"], query }, signal) {
  const head = h("div", { class: "head" });
  const body = h("div", { class: "tab-page" });
  const tabs = h("nav", { class: "tabs", "aria-label": "Parts of the experiment" }, TABS.map(([key, title]) =>
    h("a", { href: link(["e", name, key]), "aria-current": key === tab || (key === "trials" && tab === "selected") ? "page" : null }, title)));
  put(root, h("div", { class: "page" }, head, tabs, body));
  tabs.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (tab === "overview" || tab === "figures") plotlyFor().catch(() => {}); // the figure itself tells what is wrong
  const show = tab === "selected" ? selected : TABS.find(([key]) => key === tab)?.[2] ?? overview;
  TABS.forEach(([key, title], at) =>
    shortcut(signal, String(at + 1), title.toLowerCase(), () => go(link(["e", name, key]))));

  /** @type {((detail: Detail) => void)[]} */
  const followers = [];
  let shown = false;
  const read = async () => {
    const detail = await api.experiment(name, signal);
    putIfNew(head, [detail.state, detail.owners, detail.tags, detail.metrics, detail.limits], () => headOf(detail));
    if (!shown) {
      shown = true;
      put(body);
      const follow = (/** @type {(detail: Detail) => void} */ told) => { followers.push(told); };
      show(body, { name, detail, follow, query, signal });
      if (!detail.define) shortcut(signal, "e", "enqueue a configuration", () => enqueue(detail));
    }
    followers.forEach((told) => told(detail));
  };
  keepFresh(signal, name, read, (error) => {
    const gone = /** @type {any} */ (error).status === 404;
    if (!shown || gone) put(body, failure(error, () => location.reload()));
  });
}

/** @param {Detail} detail */
function headOf(detail) {
  const { name, state, metrics, owners, tags } = detail;
  return [
    h("div", { class: "title" }, h("h1", {}, name), badge(state), tagList(tags), h("div", { class: "actions" }, steering(detail))),
    h("p", { class: "subtitle" }, metricNames(metrics), h("span", { class: "dot" }, "run by "), ownersOf(owners)),
  ];
}

/** The buttons that steer. @param {Detail} detail */
function steering(detail) {
  const { name, state, owners, define } = detail;
  const runs = owners.some(({ alive }) => alive);
  return [
    !define && button("Enqueue", () => enqueue(detail), { class: "primary" }),
    runs && button("Limits", () => editLimits(detail)),
    state === "paused" ? button("Resume", () => doing(() => api.command(name, "resume")))
      : runs && button("Pause", () => doing(() => api.command(name, "pause"))),
    runs && button("Stop", () => askStop(name)),
    !runs && button("Delete", () => askDelete(detail), { class: "quiet" }),
  ];
}

/** @param {string} name */
function askStop(name) {
  const now = h("input", { type: "checkbox", id: "now" });
  openDialog("Stop the experiment?", [
    h("p", {}, "Running trials end first; then the runs of this experiment end. A later run goes on from here."),
    h("label", { class: "check" }, now, "Do not wait: release running trials now"),
  ], {
    says: "Stop",
    danger: true,
    submit: () => doing(() => api.command(name, now.checked ? "stop_now" : "stop")),
  });
}

/** @param {Detail} detail */
function askDelete({ name, trials: count }) {
  ask("Delete the experiment?", `${name}, its ${count} trials, logs and checkpoints are gone for good.`, "Delete", async () => {
    await api.remove(name);
    go("#/");
  });
}
