// A form made from a search space: one field a parameter, children shown while their option is chosen.

import { h, put } from "../dom.js";
import { number, short } from "../format.js";

/**
 * @typedef {Record<string, any>} Domain a domain as `Space.to_json` has it
 * @typedef {{element: any, read: () => any}} Control `read` throws an Error whose message is for people
 * @typedef {{element: any, read: (into: Record<string, any>) => number}} Field `read` gives the number of problems
 */

let serial = 0;

/**
 * @param {Record<string, Domain>} parameters the space's own
 * @param {Record<string, any>} [values] to begin with
 * @returns {{element: HTMLElement, read: () => Record<string, any>}} `read` throws when a field is wrong
 */
export function spaceForm(parameters, values = {}) {
  const fields = group(parameters, values);
  return {
    element: fields.element,
    read() {
      /** @type {Record<string, any>} */
      const params = {};
      const wrong = fields.read(params);
      if (wrong) throw new Error(wrong === 1 ? "One field needs another value." : `${wrong} fields need other values.`);
      return params;
    },
  };
}

/** @param {Record<string, Domain>} parameters @param {Record<string, any>} values @returns {Field} */
function group(parameters, values) {
  const fields = Object.entries(parameters).map(([name, domain]) => field(name, domain, values));
  return {
    element: h("div", { class: "fields" }, fields.map(({ element }) => element)),
    read: (into) => fields.reduce((wrong, one) => wrong + one.read(into), 0),
  };
}

/** @param {string} name @param {Domain} domain @param {Record<string, any>} values @returns {Field} */
function field(name, domain, values) {
  if (domain.type === "constant") return fixed(name, domain);
  const id = `field-${++serial}`;
  const problem = h("p", { class: "problem", id: `${id}-problem` });
  const children = h("div", { class: "children" });
  /** @type {Field | null} */
  let below = null;
  const chosen = () => {
    const nested = domain.children?.[domain.options.indexOf(control.read())] ?? {};
    below = Object.keys(nested).length ? group(nested, values) : null;
    put(children, below?.element);
  };
  const start = name in values ? values[name] : domain.default ?? domain.prior;
  const control = CONTROLS[domain.type]({ id, name, domain, start, changed: domain.children ? chosen : () => {} });
  if (domain.children) chosen();
  return {
    element: h("div", { class: "field" },
      h("div", { class: "label" }, h("label", { for: id, id: `${id}-label` }, name), h("span", { class: "hint" }, hint(domain) + (domain.type === "int" ? ", whole" : ""))),
      control.element, problem, children),
    read(into) {
      put(problem);
      control.element.classList.remove("wrong");
      try {
        into[name] = control.read();
      } catch (error) {
        put(problem, /** @type {Error} */ (error).message);
        control.element.classList.add("wrong");
        return 1;
      }
      return below ? below.read(into) : 0;
    },
  };
}

/** @param {string} name @param {Domain} domain @returns {Field} */
function fixed(name, { value }) {
  return {
    element: h("div", { class: "field" }, h("div", { class: "label" }, h("span", {}, name),
      h("span", { class: "hint" }, `always ${short(value)}`))),
    read: () => 0,
  };
}

/** What values a parameter may take, in words. @param {Domain} domain */
export function hint({ type, low, high, mean, std, log, step, options, items, min, max }) {
  const scale = (log ? ", log" : "") + (step ? `, steps of ${number(step)}` : "");
  if (type === "float" || type === "int") return `${number(low)} to ${number(high)}${scale}`;
  if (type === "normal") return `about ${number(mean)} ± ${number(std)}${scale}`;
  if (type === "choice") return `one of ${options.length}`;
  if (type === "permutation") return `an order of ${items.length}`;
  return min || max ? `${min ?? 0} to ${max ?? items.length} of ${items.length}` : `any of ${items.length}`;
}

/** @type {Record<string, (given: {id: string, name: string, domain: Domain, start: any, changed: () => void}) => Control>} */
const CONTROLS = { float: numeric, int: numeric, normal: numeric, choice, subset, permutation };

/** @returns {Control} @param {{id: string, name: string, domain: Domain, start: any}} given */
function numeric({ id, name, domain, start }) {
  const { low, high, mean, log, type } = domain;
  const whole = type === "int";
  const [to, from] = log ? [Math.log, Math.exp] : [Number, Number];
  const middle = () => (type === "normal" ? mean : from((to(low) + to(high)) / 2));
  const round = (/** @type {number} */ value) => (whole ? Math.round(value) : Number(value.toPrecision(6)));
  const input = h("input", {
    id, value: String(start ?? round(middle())), inputmode: whole ? "numeric" : "decimal", autocomplete: "off",
    "aria-describedby": `${id}-problem`, oninput: () => slide(),
  });
  const slider = type !== "normal" && h("input", {
    type: "range", min: 0, max: 1, step: whole && !log ? 1 / (high - low || 1) : 0.001, "aria-label": `${name}, slider`,
    oninput: () => { input.value = String(round(from(to(low) + slider.value * (to(high) - to(low))))); },
  });
  const slide = () => { if (slider) slider.value = String((to(Number(input.value)) - to(low)) / (to(high) - to(low) || 1)); };
  slide();
  return {
    element: h("div", { class: "numeric-field" }, input, slider),
    read() {
      const value = Number(input.value);
      if (!input.value.trim() || Number.isNaN(value)) throw new Error("Write a number.");
      if (whole && !Number.isInteger(value)) throw new Error("Write a whole number.");
      if (value < low || value > high) throw new Error(`It must be from ${number(low)} to ${number(high)}.`);
      return value;
    },
  };
}

/** @returns {Control} @param {{id: string, domain: Domain, start: any, changed: () => void}} given */
function choice({ id, domain, start, changed }) {
  const same = (/** @type {any} */ option) => JSON.stringify(option) === JSON.stringify(start);
  const at = Math.max(0, domain.options.findIndex(same));
  const select = h("select", { id, onchange: changed }, domain.options.map((/** @type {any} */ option, /** @type {number} */ index) =>
    h("option", { value: index, selected: index === at }, option === null ? "None" : short(option))));
  return { element: select, read: () => domain.options[select.selectedIndex] };
}

/** @returns {Control} @param {{id: string, domain: Domain, start: any}} given */
function subset({ id, domain, start }) {
  const { items, min = 0, max = items.length } = domain;
  const boxes = items.map((/** @type {any} */ item) =>
    h("input", { type: "checkbox", checked: (start ?? items).some((/** @type {any} */ one) => one === item) }));
  return {
    element: h("div", { id, class: "boxes", role: "group", "aria-labelledby": `${id}-label` },
      items.map((/** @type {any} */ item, /** @type {number} */ at) => h("label", {}, boxes[at], short(item)))),
    read() {
      const chosen = items.filter((/** @type {any} */ _, /** @type {number} */ at) => boxes[at].checked);
      if (chosen.length < (min ?? 0) || chosen.length > (max ?? items.length)) throw new Error(`Choose ${hint(domain)}.`);
      return chosen;
    },
  };
}

/** @returns {Control} @param {{id: string, domain: Domain, start: any}} given */
function permutation({ id, domain, start }) {
  const order = [...(start ?? domain.items)];
  const list = h("ol", { id, class: "order", "aria-labelledby": `${id}-label` });
  const swap = (/** @type {number} */ at) => {
    [order[at - 1], order[at]] = [order[at], order[at - 1]];
    draw();
  };
  const draw = () => put(list, order.map((item, at) => h("li", {}, short(item),
    at > 0 && h("button", { type: "button", class: "quiet", "aria-label": `move ${short(item)} up`, onclick: () => swap(at) }, "↑"))));
  draw();
  return { element: list, read: () => [...order] };
}
