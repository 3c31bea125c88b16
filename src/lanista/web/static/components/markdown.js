// Renders a small part of markdown. It makes elements and text nodes only: whatever looks like HTML stays text.

import { h } from "../dom.js";

/** @typedef {import("../dom.js").Child} Child */

const HEADING = /^(#{1,4})\s+(.*)$/;
const BULLET = /^\s*[-*+]\s+(.*)$/;
const NUMBERED = /^\s*\d+[.)]\s+(.*)$/;
const QUOTE = /^>\s?(.*)$/;
const FENCE = /^```/;
const SAFE = /^(https?:|mailto:)/i;

// Code first: nothing inside it is read further.
const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\b_([^_]+)_\b|\[([^\]]+)\]\(([^)\s]+)\)/;

/** @param {string} text @returns {HTMLElement} */
export function markdown(text) {
  return h("div", { class: "markdown" }, blocks(text.replace(/\r/g, "").split("\n")));
}

/** @param {string[]} lines @returns {Child[]} */
function blocks(lines) {
  /** @type {Child[]} */
  const made = [];
  let at = 0;
  const take = (/** @type {RegExp} */ pattern) => {
    const from = at;
    while (at < lines.length && pattern.test(lines[at])) at++;
    return lines.slice(from, at).map((line) => /** @type {RegExpMatchArray} */ (line.match(pattern)).at(-1) ?? "");
  };
  const starts = (/** @type {string} */ line) => [HEADING, BULLET, NUMBERED, QUOTE, FENCE].some((one) => one.test(line));
  while (at < lines.length) {
    const line = lines[at];
    const heading = line.match(HEADING);
    if (!line.trim()) at++;
    else if (FENCE.test(line)) {
      const end = lines.findIndex((other, index) => index > at && FENCE.test(other));
      const stop = end < 0 ? lines.length : end;
      made.push(h("pre", {}, h("code", {}, lines.slice(at + 1, stop).join("\n"))));
      at = stop + 1;
    } else if (heading) {
      made.push(h(`h${Math.min(6, heading[1].length + 2)}`, {}, inline(heading[2])));
      at++;
    } else if (BULLET.test(line)) made.push(h("ul", {}, take(BULLET).map((item) => h("li", {}, inline(item)))));
    else if (NUMBERED.test(line)) made.push(h("ol", {}, take(NUMBERED).map((item) => h("li", {}, inline(item)))));
    else if (QUOTE.test(line)) made.push(h("blockquote", {}, blocks(take(QUOTE))));
    else {
      const from = at++;
      while (at < lines.length && lines[at].trim() && !starts(lines[at])) at++;
      made.push(h("p", {}, inline(lines.slice(from, at).join("\n"))));
    }
  }
  return made;
}

/** @param {string} text @returns {Child[]} */
function inline(text) {
  const found = text.match(INLINE);
  if (!found) return [text];
  const [whole, code, bold, star, under, label, url] = found;
  const start = /** @type {number} */ (found.index);
  return [text.slice(0, start), mark(), ...inline(text.slice(start + whole.length))];

  function mark() {
    if (code) return h("code", {}, code);
    if (bold) return h("strong", {}, inline(bold));
    if (label) return SAFE.test(url) ? h("a", { href: url, rel: "noopener noreferrer" }, inline(label)) : whole;
    return h("em", {}, inline(star ?? under));
  }
}
