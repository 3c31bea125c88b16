// Adds a configuration to the queue by a form made from the search space.

import { api } from "../api.js";
import { h } from "../dom.js";
import { openDialog } from "./dialog.js";
import { spaceForm } from "./form.js";
import { toast } from "./toast.js";

/**
 * @param {{name: string, space: {parameters: Record<string, any>}}} experiment
 * @param {Record<string, any>} [params] to begin with
 * @param {string} [title]
 */
export function enqueue({ name, space }, params = {}, title = "Enqueue a configuration") {
  const form = spaceForm(space.parameters, params);
  openDialog(title, [h("p", { class: "muted" }, "It runs before any that the searcher proposes."), form.element], {
    says: "Enqueue",
    submit: async () => toast((await api.enqueue(name, form.read())).message),
  });
}
