// Light or dark: what the system says, unless the reader chose otherwise.

const KEY = "lanista-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
/** @type {EventTarget} */
const changes = new EventTarget();

/** @returns {"light" | "dark"} */
export function theme() {
  const chosen = localStorage.getItem(KEY);
  return chosen === "dark" || (chosen !== "light" && dark.matches) ? "dark" : "light";
}

/** Puts the theme on the page and keeps it there. */
export function start() {
  dark.addEventListener("change", apply);
  apply();
}

/** The other one from now on; what the system says is not kept. */
export function toggle() {
  const next = theme() === "dark" ? "light" : "dark";
  if ((next === "dark") === dark.matches) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  apply();
}

/** @param {AbortSignal} signal @param {() => void} listener */
export function onTheme(signal, listener) {
  changes.addEventListener("change", listener, { signal });
}

function apply() {
  document.documentElement.dataset.theme = theme();
  changes.dispatchEvent(new Event("change"));
}
