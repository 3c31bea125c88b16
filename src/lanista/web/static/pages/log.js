// What happened, the newest first: the journal in words.

import { api } from "../api.js";
import { empty, failure } from "../components/bits.js";
import { h, put, putIfNew } from "../dom.js";
import { moment } from "../format.js";
import { keepFresh } from "../live.js";
import { link, remember } from "../router.js";

const MOST = 500; // events shown

/** @type {import("./experiment.js").Tab} */
export function log(root, { name, query, signal }) {
  /** @type {import("../api.js").Entry[]} */
  let events = [];
  const list = h("div");
  const find = h("input", { type: "search", id: "find", value: query.get("find") ?? "", placeholder: "Find in the last events",
    "aria-label": "Find", oninput: () => { remember({ find: find.value }); draw(); } });
  put(root, h("div", { class: "controls" }, h("div", { class: "grow" }, find)), h("div", { class: "card flush" }, list));

  const draw = () => {
    const words = find.value.toLowerCase();
    const shown = events.filter(({ text, kind }) => `${kind} ${text}`.toLowerCase().includes(words)).reverse();
    putIfNew(list, shown, () => (shown.length ? h("table", { class: "list log stacked", "aria-label": "Events" },
      h("thead", {}, h("tr", {}, ["Time", "Trial", "Kind", "What happened"].map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", {}, shown.map(row)))
      : empty(events.length ? "No event is like that." : "Nothing has happened yet.")));
  };
  const row = (/** @type {import("../api.js").Entry} */ { time, kind, text, number }) => h("tr", {},
    h("td", { class: "time" }, moment(time)),
    h("td", { class: "numeric" }, number !== null && h("a", { href: link(["e", name, "t", number]) }, number)),
    h("td", { class: "kind" }, h("code", {}, kind)),
    h("td", { class: "what" }, text));
  keepFresh(signal, name, async () => {
    events = await api.log(name, MOST, signal);
    draw();
  }, (error) => events.length || put(list, failure(error)), 1000);
}
