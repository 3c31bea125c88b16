// The frame of the page: the bar at the top, the keys that work everywhere, and which page a place of the URL shows.

import { button, failure, keepAges } from "./components/bits.js";
import { openDialog } from "./components/dialog.js";
import { h, put } from "./dom.js";
import { connect, onConnection } from "./live.js";
import { compare } from "./pages/compare.js";
import { experiment } from "./pages/experiment.js";
import { experiments } from "./pages/experiments.js";
import { trial } from "./pages/trial.js";
import { go, link, start as startRouter } from "./router.js";
import { listen, shortcut, shortcuts } from "./shortcuts.js";
import { onTheme, start as startTheme, theme, toggle } from "./theme.js";

/**
 * A page fills `root`; what it begins ends with `signal`.
 * @typedef {(root: HTMLElement, route: import("./router.js").Route, signal: AbortSignal) => void} Page
 */

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const crumbs = h("nav", { class: "crumbs", "aria-label": "Where you are" });

/** @param {import("./router.js").Route} route @returns {Page} */
function pageOf({ path: [kind, name, what] }) {
  if (!kind) return experiments;
  if (kind === "compare") return compare;
  if (kind === "e" && name) return what === "t" ? trial : experiment;
  return (root) => put(root, failure(new Error("There is no such page.")), h("a", { href: "#/" }, "All experiments"));
}

/** @param {import("./router.js").Route} route */
function showCrumbs({ path: [kind, name, what, number] }) {
  const parts = [h("a", { href: "#/", class: "brand" }, h("img", { src: "static/icon.svg", alt: "", width: 22, height: 22 }), "Lanista")];
  if (kind === "compare") parts.push(h("span", {}, "Compare"));
  if (kind === "e") parts.push(h("a", { href: link(["e", name, "overview"]) }, name));
  if (what === "t") parts.push(h("span", {}, `Trial ${number}`));
  put(crumbs, parts);
  document.title = [what === "t" && `Trial ${number}`, name, "Lanista"].filter(Boolean).join(" · ");
}

function showHelp() {
  const rows = shortcuts().map(([key, says]) => h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, says)));
  openDialog("Keys", h("table", { class: "keys" }, h("tbody", {}, rows)));
}

function topBar() {
  const status = h("span", { class: "connection", role: "status" });
  onConnection((state) => {
    status.dataset.state = state;
    const says = { live: "live", lost: "connection lost, trying again", connecting: "connecting" }[state];
    put(status, h("span", { class: "pulse", "aria-hidden": "true" }), says);
  });
  const scheme = button("", toggle, { class: "quiet icon", id: "theme" });
  const name = () => {
    put(scheme, theme() === "dark" ? "☀" : "☾");
    scheme.setAttribute("aria-label", theme() === "dark" ? "Light theme" : "Dark theme");
  };
  onTheme(new AbortController().signal, name);
  name();
  const help = button("?", showHelp, { class: "quiet icon", "aria-label": "Keys" });
  put(/** @type {HTMLElement} */ (document.getElementById("top")), crumbs, status, scheme, help);
}

startTheme();
topBar();
shortcut(null, "?", "show these keys", showHelp);
shortcut(null, "t", "light or dark", toggle);
shortcut(null, "h", "all experiments", () => go("#/"));
listen();
connect();
keepAges();
document.getElementById("skip")?.addEventListener("click", (event) => {
  event.preventDefault(); // the hash of the URL is the router's
  main.focus();
});
startRouter((route, signal) => {
  showCrumbs(route);
  put(main);
  scrollTo(0, 0);
  pageOf(route)(main, route, signal);
});
