// Changes the limits and the workers of the runs that go on.

import { api } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { h } from "../dom.js";

// name, what it says, whether it can be lifted
/** @type {[string, string, boolean][]} */
const FIELDS = [
  ["trials", "Trials in all", true],
  ["time", "Seconds of the run", true],
  ["trial_time", "Seconds of a trial", true],
  ["cost", "Cost in all", true],
  ["target", "Target of the first metric", true],
  ["failures", "Failures in a row", true],
  ["retries", "Retries of a trial", false],
];
/** @type {[string, string, boolean]} */
const WORKERS = ["workers", "Workers", false]; // only of executors that can change them

/** @param {import("../api.js").Detail} detail */
export function editLimits({ name, limits: set, owners, resizable }) {
  const fields = resizable ? [...FIELDS, WORKERS] : FIELDS;
  /** @type {Record<string, any>} */
  const limits = { ...set, workers: owners.find(({ alive }) => alive)?.workers };
  const inputs = fields.map(([key, , lifts]) => h("input", {
    id: `limit-${key}`, value: limits[key] ?? "", inputmode: "decimal", placeholder: lifts ? "no limit" : "", autocomplete: "off",
  }));
  const rows = fields.map(([key, title], at) =>
    h("div", { class: "field" }, h("label", { for: `limit-${key}` }, title), inputs[at]));
  openDialog("Limits and workers", h("div", { class: "fields two" }, rows), {
    says: "Change",
    submit: async () => {
      const changes = changed(fields, limits, inputs.map((input) => input.value.trim()));
      if (Object.keys(changes).length) toast((await api.limits(name, changes)).message);
    },
  });
}

/** What differs from the limits as they are. @param {typeof FIELDS} fields @param {Record<string, any>} limits
 *  @param {string[]} texts */
function changed(fields, limits, texts) {
  /** @type {Record<string, number | null>} */
  const changes = {};
  fields.forEach(([key, title, lifts], at) => {
    if (texts[at] === String(limits[key] ?? "")) return;
    if (!texts[at] && !lifts) return;
    const value = texts[at] ? Number(texts[at]) : null;
    if (Number.isNaN(value)) throw new Error(`${title}: write a number${lifts ? ", or nothing for no limit" : ""}.`);
    changes[key] = value;
  });
  return changes;
}
