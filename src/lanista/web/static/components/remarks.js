// Tags and a note, of an experiment or a trial: shown, and edited in place.

import { api } from "../api.js";
import { h, put } from "../dom.js";
import { button, tagList } from "./bits.js";
import { openDialog } from "./dialog.js";
import { markdown } from "./markdown.js";
import { toast } from "./toast.js";

/**
 * @param {string} name the experiment
 * @param {number | null} number the trial, or null for the experiment itself
 * @param {{note: string, tags: string[]}} remarks
 */
export function remarksCard(name, number, { note, tags }) {
  const edit = button("Edit", () => editRemarks(name, number, { note, tags }), { class: "quiet" });
  return h("section", { class: "card remarks" },
    h("h2", {}, "Note and tags", edit),
    tags.length > 0 && h("p", { class: "tags" }, tagList(tags)),
    note ? markdown(note) : !tags.length && h("p", { class: "muted" }, "Nothing written yet."));
}

/** @param {string} name @param {number | null} number @param {{note: string, tags: string[]}} remarks */
function editRemarks(name, number, { note, tags }) {
  const text = h("textarea", { id: "note", rows: 10, value: note, oninput: () => show() });
  const words = h("input", { id: "tags", value: tags.join(", "), autocomplete: "off" });
  const preview = h("div", { class: "preview" });
  const show = () => put(preview, text.value.trim() ? markdown(text.value) : h("p", { class: "muted" }, "Preview"));
  show();
  const body = [
    h("label", { for: "tags" }, "Tags, with commas between them"), words,
    h("label", { for: "note" }, "Note (markdown)"), h("div", { class: "halves" }, text, preview),
  ];
  openDialog("Note and tags", body, {
    says: "Save",
    submit: async () => {
      const list = words.value.split(",").map((/** @type {string} */ tag) => tag.trim()).filter(Boolean);
      await api.note(name, number, { note: text.value, tags: [...new Set(list)] });
      toast("Saved.");
    },
  });
}
