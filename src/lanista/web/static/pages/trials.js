// The table of all trials: sort, filter, choose columns, select some to compare or to download.

import { api, parametersOf } from "../api.js";
import { badge, button, empty, since, tagList } from "../components/bits.js";
import { menu } from "../components/menu.js";
import { Table } from "../components/table.js";
import { h, put } from "../dom.js";
import { counted, duration, elapsed, number, short } from "../format.js";
import { keepFresh } from "../live.js";
import { go, link, remember } from "../router.js";
import { shortcut } from "../shortcuts.js";

/** @typedef {import("../api.js").Row} Row @typedef {import("../components/table.js").Column<Row>} Column */

const MOST = 12; // trials compared at once
const NUMERIC = ["float", "int", "normal"];
const WAIT = 80; // ms after the last key before a filter is sent

/** @type {import("./experiment.js").Tab} */
export function trials(root, { name, detail, query, signal }) {
  /** @type {Set<number>} */
  const selected = new Set();
  let filter = query.get("filter") ?? "";
  const columns = columnsOf(detail);
  const hidden = new Set((query.get("hide") ?? "started,ended,owner,origin,tags").split(","));
  const visible = () => [tick(), ...columns.filter(({ key }) => !hidden.has(key))];

  const count = h("span", { class: "muted", role: "status" });
  const problem = h("p", { class: "problem", id: "filter-problem", role: "alert" });
  const field = h("input", {
    id: "filter", type: "search", value: filter, placeholder: "Filter, such as  lr < 0.01 and state == 'completed'", spellcheck: "false",
    autocomplete: "off", "aria-label": "Filter", "aria-describedby": "filter-problem", oninput: () => filterSoon(),
  });
  const bar = h("div", { class: "actions" });
  const nothing = h("div");
  const table = new Table({ label: "Trials", columns: visible(), sort: query.get("sort") ?? "-number", failed,
    read: rows, sorted: (sort) => remember({ sort }) });
  put(root, h("div", { class: "controls" }, h("div", { class: "grow" }, field), count,
    columnChoice(columns, hidden, () => {
      remember({ hide: [...hidden].join(",") });
      table.choose(visible());
    }), bar), problem, h("div", { class: "card flush" }, table.element, nothing));
  drawBar();
  shortcut(signal, "/", "filter", () => field.focus());
  keepFresh(signal, name, () => table.refresh(), failed, 500);

  /** @param {number} offset @param {number} limit @param {string} sort */
  async function rows(offset, limit, sort) {
    const { matched, total, trials: found } = await api.trials(name, { offset, limit, sort, filter }, signal);
    put(problem);
    field.removeAttribute("aria-invalid");
    put(count, filter ? `${number(matched)} of ${counted(total, "trial")}` : counted(total, "trial"));
    put(nothing, !matched && (total ? empty("No trial is like that.", "Change the filter, or clear it.")
      : empty("No trials yet.", "They show here as soon as a run begins, or a configuration is enqueued.")));
    return { count: matched, rows: found };
  }

  /** @param {Error & {status?: number}} error */
  function failed(error) {
    if (signal.aborted || error.status === 0) return; // the top of the page says that the connection is lost
    put(problem, error.message);
    field.setAttribute("aria-invalid", "true");
  }

  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  function filterSoon() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      filter = field.value.trim();
      remember({ filter });
      table.top();
      table.refresh().catch(failed);
      drawBar();
    }, WAIT);
  }

  function drawBar() {
    const numbers = [...selected].sort((a, b) => a - b).join(",");
    const some = selected.size ? { numbers } : { filter, sort: table.sort };
    const save = (/** @type {"csv" | "json"} */ format) =>
      h("a", { class: "button", href: api.download(name, format, some), download: `${name}.${format}` }, format.toUpperCase());
    put(bar, selected.size > 0 && [
      h("span", { class: "muted" }, `${selected.size} selected`),
      button("Clear", () => { selected.clear(); drawBar(); table.redraw(); }, { class: "quiet" }),
      button("Compare", () => go(link(["e", name, "selected"], { trials: numbers })),
        { class: "primary", disabled: selected.size < 2 || selected.size > MOST }),
    ], save("csv"), save("json"));
  }

  /** The column to select by. @returns {Column} */
  function tick() {
    return { key: "", title: "", width: 36, sortable: false, cell: (row) => {
      const box = h("input", { type: "checkbox", checked: selected.has(row.number), "aria-label": `select trial ${row.number}`,
        onchange: () => {
          selected[box.checked ? "add" : "delete"](row.number);
          drawBar();
        } });
      return box;
    } };
  }
}

/** @param {import("../api.js").Detail} detail @returns {Column[]} */
function columnsOf(detail) {
  const { name, metrics } = detail;
  const metric = (/** @type {string} */ key) => (/** @type {Row} */ row) => number(row.values?.[key] ?? null);
  return [
    { key: "number", title: "Trial", width: 74, numeric: true,
      cell: (row) => h("a", { href: link(["e", name, "t", row.number]) }, row.number) },
    { key: "state", title: "State", width: 112, cell: (row) => badge(row.state) },
    ...metrics.map((one) => ({ key: one.name, title: one.name, width: 104, numeric: true, cell: metric(one.name) })),
    ...detail.columns.filter((key) => key.startsWith("metrics.")).map((key) => ({ key, title: key.slice(8), width: 104, numeric: true,
      cell: (/** @type {Row} */ row) => number(row.metrics[key.slice(8)] ?? null) })),
    ...parametersOf(detail).map((one) => ({ key: `params.${one.name}`, title: one.name, width: one.kind === "int" ? 82 : 114,
      numeric: NUMERIC.includes(one.kind),
      cell: (/** @type {Row} */ row) => (one.name in row.params ? short(row.params[one.name]) : "") })),
    { key: "steps", title: "Steps", width: 78, numeric: true, cell: (row) => number(row.steps) },
    { key: "seconds", title: "Time", width: 84, numeric: true, cell: (row) => duration(elapsed(row)) },
    { key: "started", title: "Started", width: 128, cell: (row) => since(row.started) },
    { key: "ended", title: "Ended", width: 128, cell: (row) => since(row.ended) },
    { key: "owner", title: "Run by", width: 150, cell: (row) => row.owner },
    { key: "origin", title: "Origin", width: 110, cell: (row) => row.origin },
    { key: "tags", title: "Tags", width: 140, sortable: false, cell: (row) => tagList(row.tags ?? []) },
    { key: "reason", title: "Reason", width: 320, cell: (row) => h("span", { title: row.reason }, row.reason) },
  ];
}

/** @param {Column[]} columns @param {Set<string>} hidden @param {() => void} changed */
function columnChoice(columns, hidden, changed) {
  const items = columns.map(({ key, title }) => ({ value: key, title, checked: !hidden.has(key) }));
  return menu("Columns", items, (_, key, on) => {
    hidden[on ? "delete" : "add"](key);
    changed();
  });
}
