// A table of any length: it asks the server for the rows that are on the screen, and no more.

import { h, put } from "../dom.js";

const ROW = 33; // px; the height of a row in parts.css
const PAGE = 100; // rows a request
const KEPT = 30; // pages kept
const STEP = 10; // rows by which the drawn part moves on

/**
 * @template R
 * @typedef {{key: string, title: string, width: number, sortable?: boolean, numeric?: boolean,
 *   cell: (row: R) => import("../dom.js").Child}} Column
 */

/**
 * @template R
 * @typedef {{count: number, rows: R[]}} Window a part of the rows, and how many there are
 */

/** @template R */
export class Table {
  /**
   * @param {object} settings
   * @param {string} settings.label
   * @param {Column<R>[]} settings.columns
   * @param {string} settings.sort the column to sort by, with a minus for the largest first
   * @param {(offset: number, limit: number, sort: string) => Promise<Window<R>>} settings.read
   * @param {(sort: string) => void} settings.sorted called when the reader chose another order
   * @param {(error: Error) => void} settings.failed
   */
  constructor({ label, columns, sort, read, sorted, failed }) {
    this.columns = columns;
    this.sort = sort;
    this.count = 0;
    this.#read = read;
    this.#sorted = sorted;
    this.#failed = failed;
    this.#columns = h("colgroup");
    this.#head = h("thead");
    this.#above = h("tbody", { class: "spacer", "aria-hidden": "true" });
    this.#body = h("tbody");
    this.#below = h("tbody", { class: "spacer", "aria-hidden": "true" });
    this.#table = h("table", { class: "trials", "aria-label": label }, this.#columns, this.#head, this.#above, this.#body,
      this.#below);
    this.element = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label, onscroll: () => this.#draw() },
      this.#table);
    new ResizeObserver(() => this.#draw()).observe(this.element);
    this.#drawHead();
  }

  /** @type {(offset: number, limit: number, sort: string) => Promise<Window<R>>} */ #read;
  /** @type {(sort: string) => void} */ #sorted;
  /** @type {(error: Error) => void} */ #failed;
  /** @type {Map<number, R[]>} pages by number, those used last at the end */ #pages = new Map();
  /** @type {Set<number>} pages that were asked for */ #asked = new Set();
  #version = 0;
  /** @type {any} */ #table;
  /** @type {any} */ #columns;
  /** @type {any} */ #head;
  /** @type {any} */ #above;
  /** @type {any} */ #body;
  /** @type {any} */ #below;

  /** Shows other columns. @param {Column<R>[]} columns */
  choose(columns) {
    this.columns = columns;
    this.#drawHead();
    this.redraw();
  }

  /** Draws the rows again, from what is known. */
  redraw() {
    this.#body.drawn = null;
    this.#draw();
  }

  /** Reads the rows on the screen again; the old ones stay until the new ones are there. */
  async refresh() {
    this.#version++;
    this.#asked.clear();
    const [first, last] = this.#screen();
    const wanted = range(Math.floor(first / PAGE), Math.floor(Math.max(first, last - 1) / PAGE));
    for (const page of [...this.#pages.keys()]) if (!wanted.includes(page)) this.#pages.delete(page);
    await Promise.all(wanted.map((page) => this.#ask(page)));
  }

  /** Goes back to the first row, as after another filter. */
  top() {
    this.element.scrollTop = 0;
    this.#pages.clear();
  }

  /** @param {number} page */
  async #ask(page) {
    const version = this.#version;
    this.#asked.add(page);
    const { count, rows } = await this.#read(page * PAGE, PAGE, this.sort);
    if (version !== this.#version) return;
    this.count = count;
    this.#pages.delete(page);
    this.#pages.set(page, rows);
    if (this.#pages.size > KEPT) {
      const oldest = /** @type {number} */ (this.#pages.keys().next().value);
      this.#pages.delete(oldest);
      this.#asked.delete(oldest);
    }
    this.redraw();
  }

  /** The rows on the screen, with some more on both sides. @returns {[number, number]} */
  #screen() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW / STEP) - 1) * STEP;
    const many = Math.ceil((this.element.clientHeight || 600) / ROW) + 2 * STEP;
    return [first, Math.min(Math.max(this.count, 1), first + many)];
  }

  #draw() {
    const [first, last] = this.#screen();
    for (const page of range(Math.floor(first / PAGE), Math.floor((last - 1) / PAGE))) {
      if (!this.#asked.has(page) && this.count) this.#ask(page).catch(this.#failed);
    }
    if (this.#body.drawn === `${first}-${last}`) return;
    this.#body.drawn = `${first}-${last}`;
    const focus = /** @type {HTMLElement | null} */ (document.activeElement)?.closest("tr")?.getAttribute("aria-rowindex");
    put(this.#body, range(first, Math.min(last, this.count) - 1).map((at) => this.#row(at)));
    if (focus) this.#body.querySelector(`tr[aria-rowindex="${focus}"] :is(a, input)`)?.focus({ preventScroll: true });
    this.#table.setAttribute("aria-rowcount", String(this.count + 1));
    space(this.#above, first * ROW);
    space(this.#below, Math.max(0, this.count - last) * ROW);
  }

  /** @param {number} at */
  #row(at) {
    const row = this.#pages.get(Math.floor(at / PAGE))?.[at % PAGE];
    const cells = this.columns.map(({ cell, numeric }) => h("td", { class: numeric ? "numeric" : null }, row ? cell(row) : "…"));
    return h("tr", { "aria-rowindex": at + 2 }, cells);
  }

  #drawHead() {
    const width = this.columns.reduce((sum, column) => sum + column.width, 0);
    this.#table.style.setProperty("--width", `${width}px`);
    put(this.#columns, this.columns.map((column) => {
      const col = h("col");
      col.style.setProperty("--width", `${column.width}px`);
      return col;
    }));
    put(this.#head, h("tr", { "aria-rowindex": 1 }, this.columns.map((column) => this.#heading(column))));
  }

  /** @param {Column<R>} column */
  #heading({ key, title, sortable = true, numeric }) {
    if (!sortable) return h("td", {}, title);
    const order = { [key]: "ascending", [`-${key}`]: "descending" }[this.sort];
    const arrow = h("span", { class: "arrow", "aria-hidden": "true" }, { ascending: "▲", descending: "▼" }[order ?? ""]);
    return h("th", { scope: "col", "aria-sort": order ?? null, class: numeric ? "numeric" : null },
      h("button", { type: "button", title, onclick: () => this.#order(key) }, h("span", {}, title), arrow));
  }

  /** @param {string} key */
  #order(key) {
    this.sort = this.sort === key ? `-${key}` : key;
    this.#drawHead();
    this.#head.querySelector("th[aria-sort] button")?.focus();
    this.#sorted(this.sort);
    this.top();
    this.refresh().catch(this.#failed);
  }
}

/** @param {number} first @param {number} last @returns {number[]} */
function range(first, last) {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
}

/** @param {Element} body @param {number} height */
function space(body, height) {
  const row = h("tr", {}, h("td"));
  row.style.height = `${height}px`;
  put(body, height > 0 && row);
}
