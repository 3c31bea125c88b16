// Keys that do things. Each part of the page registers its own for as long as it is shown; "?" lists them.

/** @type {Map<string, {says: string, act: () => void}>} */
const keys = new Map();

/**
 * @param {AbortSignal | null} signal takes the key back; null: it is always there
 * @param {string} key as `KeyboardEvent.key` has it
 * @param {string} says what it does
 * @param {() => void} act
 */
export function shortcut(signal, key, says, act) {
  const entry = { says, act };
  keys.set(key, entry);
  signal?.addEventListener("abort", () => keys.get(key) === entry && keys.delete(key));
}

/** All keys that do something now. @returns {[string, string][]} */
export function shortcuts() {
  return [...keys].map(([key, { says }]) => [key, says]);
}

/** Listens from now on; keys typed into a field or below a dialog are left alone. */
export function listen() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (/** @type {Element} */ (event.target).closest("input:not([type=checkbox]), textarea, select")) return;
    const entry = keys.get(event.key);
    if (!entry) return;
    event.preventDefault();
    entry.act();
  });
}
