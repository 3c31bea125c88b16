// One trial: what it was given, how it went, what it printed, what it left.

import { api } from "../api.js";
import { badge, button, card, facts, failure, since, tagList } from "../components/bits.js";
import { enqueue } from "../components/enqueue.js";
import { figure } from "../components/figure.js";
import { output } from "../components/output.js";
import { remarksCard } from "../components/remarks.js";
import { doing, toast } from "../components/toast.js";
import { h, put, putIfNew } from "../dom.js";
import { bytes, counted, duration, elapsed, moment, number, short } from "../format.js";
import { keepFresh } from "../live.js";
import { go, link } from "../router.js";
import { shortcut } from "../shortcuts.js";

/** @typedef {import("../api.js").Trial} Trial */

const FAMILY = 50; // relatives listed
const OWN = ["note", "tags"]; // notes that have a card of their own
const OPEN = ["waiting", "running", "paused"]; // states of a trial that can still be stopped

/** @type {import("../app.js").Page} */
export function trial(root, { path: [, name, , text] }, signal) {
  const at = Number(text);
  const [error, side, events, remarks, model] = Array.from({ length: 5 }, () => h("div", { class: "slot" }));
  const head = h("div", { class: "top" });
  const curve = figure(signal, name, `Curve of trial ${at}`, (theme, stop) => api.figure(name, "curves", { theme, numbers: at }, stop));
  const told = output(name, at, signal);
  put(root, h("div", { class: "page" }, head, error, h("div", { class: "columns" },
    h("div", { class: "wide" }, h("section", { class: "card plotted" }, curve), model, card("Output", told.element), events),
    h("div", { class: "narrow" }, side, remarks))));
  const to = (/** @type {number} */ other) => go(link(["e", name, "t", other]));
  shortcut(signal, "[", "the trial before", () => at > 0 && to(at - 1));
  shortcut(signal, "]", "the next trial", () => to(at + 1));

  let shown = false;
  keepFresh(signal, name, async () => {
    const [one] = await Promise.all([api.trial(name, at, signal), told.more()]);
    shown = true;
    putIfNew(head, one, () => headOf(name, one));
    putIfNew(error, one.error, () => one.error && errorOf(one.error));
    putIfNew(side, one, () => sideOf(name, one));
    putIfNew(events, one.events, () => one.events.length > 0 && eventsOf(one.events));
    putIfNew(model, hasModel(one), () => hasModel(one) && modelOf(name, one, signal));
    putIfNew(remarks, [one.note, one.tags], () => remarksCard(name, at, one));
  }, (problem) => {
    const gone = /** @type {any} */ (problem).status === 404;
    if (!shown || gone) put(root, h("div", { class: "page" }, failure(problem, () => location.reload())));
  });
}

/** @param {string} name @param {Trial} one */
function headOf(name, one) {
  const open = OPEN.includes(one.state);
  const beside = (/** @type {number} */ number, /** @type {string} */ sign, /** @type {string} */ says) =>
    h("a", { class: "button", href: link(["e", name, "t", number]), "aria-label": says, title: says }, sign);
  return [
    h("div", { class: "title" },
      h("h1", {}, `Trial ${one.number}`), badge(one.state), tagList(one.tags),
      h("div", { class: "actions" },
        one.number > 0 && beside(one.number - 1, "←", "the trial before"), beside(one.number + 1, "→", "the next trial"),
        button("Clone and edit", () => clone(name, one), { class: "primary" }),
        open ? button("Stop", () => doing(() => api.trialCommand(name, one.number, "stop")))
          : button("Retry", () => doing(() => api.trialCommand(name, one.number, "retry"))))),
    h("p", { class: "subtitle" }, one.reason),
  ];
}

/** @param {string} name @param {Trial} one */
async function clone(name, { number, params }) {
  const detail = await api.experiment(name).catch((error) => toast(error.message, "error"));
  if (!detail) return;
  if (detail.define) toast("Its space is found by running: there is no form for it.", "error");
  else enqueue(detail, params, `Edit a clone of trial ${number}`);
}

/** @param {{type: string, message: string, traceback: string}} error */
function errorOf({ type, message, traceback }) {
  return h("section", { class: "card wrong" }, h("h2", {}, type || "Error"), h("p", {}, message),
    traceback && h("pre", { tabindex: 0, "aria-label": "Traceback" }, traceback));
}

/** @param {string} name @param {Trial} one */
function sideOf(name, one) {
  const rowsOf = (/** @type {[string, any][]} */ values) =>
    values.map(([key, value]) => /** @type {[string, string]} */ ([key, short(value)]));
  const rows = (/** @type {Record<string, any>} */ values) => facts(rowsOf(Object.entries(values)));
  const trials = (/** @type {number[]} */ numbers) => h("span", { class: "family" }, numbers.map((other) =>
    h("a", { href: link(["e", name, "t", other]) }, `trial ${other}`)));
  const noted = rowsOf(Object.entries(one.notes).filter(([key]) => !OWN.includes(key)));
  const ancestors = one.lineage.filter((other) => other !== one.number).reverse(); // the parent first
  /** @type {[string, any][]} */
  const family = [];
  if (ancestors.length) family.push([`From, at step ${number(one.parent[1])}`, trials(ancestors.slice(0, 1))]);
  if (ancestors.length > 1) family.push(["Before that", trials(ancestors.slice(1, FAMILY))]);
  if (one.children.length) family.push([counted(one.children.length, "copy", "copies"), trials(one.children.slice(0, FAMILY))]);
  return [
    Object.keys(one.metrics).length > 0 && card("Metrics", rows(one.metrics)),
    card("Parameters", rows(one.params)),
    card("Course", facts([
      ["Steps", number(one.steps)], ["Time", duration(elapsed(one))], ["Started", moment(one.started)], ["Ended", moment(one.ended)],
      ["Run by", one.owner || "–"], ["Origin", one.origin || "–"],
    ])),
    noted.length > 0 && card("Noted", facts(noted, "long")),
    family.length > 0 && card("Lineage", facts(family)),
    one.checkpoints.length > 0 && card("Checkpoints", facts(one.checkpoints.map(({ step, name: file }) => [`step ${step}`, h("code", {}, file)]))),
    one.artifacts.length > 0 && card("Artifacts", h("ul", { class: "plain" }, one.artifacts.map((file) => h("li", {},
      h("a", { href: api.artifact(name, one.number, file.name), download: true }, file.name), " ",
      h("span", { class: "muted" }, bytes(file.size)))))),
  ];
}

/** Whether some of the parameters make a model: those have names such as `net.width`. @param {Trial} one */
function hasModel({ params }) {
  return Object.keys(params).some((key) => /[./]/.test(key));
}

/** @param {string} name @param {Trial} one @param {AbortSignal} signal */
function modelOf(name, { number: at, lineage }, signal) {
  const against = lineage.filter((other) => other !== at).at(-1); // what it came from
  return h("section", { class: "card plotted" }, figure(signal, name, `Architecture of trial ${at}`,
    (theme, stop) => api.figure(name, "architecture", { theme, trial: at, against }, stop)));
}

/** @param {any[]} events */
function eventsOf(events) {
  return h("section", { class: "card flush" }, h("h2", {}, "Events"), h("table", { class: "list log stacked", "aria-label": "Events" }, h("tbody", {},
    events.map(({ time, text, kind }) => h("tr", {}, h("td", { class: "time" }, since(time)), h("td", { class: "what" }, text || kind))))));
}
