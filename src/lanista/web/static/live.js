// What changes on the server shows here: one event stream, and everybody who shows something reads it again.

const RETRY = 1000; // ms between tries to connect again
const GAP = 250; // ms at least between two readings of the same thing

/** @type {Set<{name: string | null, changed: () => void}>} */
const watchers = new Set();
/** @type {Set<(state: "live" | "lost" | "connecting") => void>} */
const listeners = new Set();
/** @type {EventSource | null} */
let source = null;
/** @type {"live" | "lost" | "connecting"} */
let state = "connecting";

/** Connects, also again after the server was away. A hidden page gives its connection back. */
export function connect() {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
}

/** @param {(state: "live" | "lost" | "connecting") => void} listener called now and at each change */
export function onConnection(listener) {
  listeners.add(listener);
  listener(state);
}

/**
 * Runs `refresh` now and after each change, one at a time; what it throws goes to `failed`.
 * @param {AbortSignal} signal ends it
 * @param {string | null} name the experiment to watch, null for all
 * @param {() => Promise<void>} refresh
 * @param {(error: Error) => void} failed
 * @param {number} [gap] ms between two readings
 */
export function keepFresh(signal, name, refresh, failed, gap = GAP) {
  let dirty = false;
  let busy = false;
  const changed = async () => {
    dirty = true;
    if (busy) return;
    busy = true;
    while (dirty && !signal.aborted) {
      dirty = false;
      await refresh().catch((error) => signal.aborted || failed(error));
      await new Promise((resolve) => setTimeout(resolve, gap));
    }
    busy = false;
  };
  const watcher = { name, changed };
  watchers.add(watcher);
  signal.addEventListener("abort", () => watchers.delete(watcher));
  changed();
}

function open() {
  if (source) return;
  source = new EventSource("api/v1/events");
  source.addEventListener("open", () => {
    const away = state !== "live"; // at first too: something may have changed between the first reading and now
    tell("live");
    if (away) watchers.forEach((watcher) => watcher.changed());
  });
  const told = (/** @type {MessageEvent} */ event) => {
    const { experiment } = JSON.parse(event.data);
    watchers.forEach((watcher) => (watcher.name ?? experiment) === experiment && watcher.changed());
  };
  source.addEventListener("changed", told);
  source.addEventListener("removed", told);
  source.addEventListener("error", () => {
    close();
    tell("lost");
    setTimeout(() => document.hidden || open(), RETRY);
    // A server that was started anew may want another token: its page asks for it.
    fetch("./").then(({ status }) => status === 401 && location.reload(), () => {});
  });
}

function close() {
  source?.close();
  source = null;
  if (state === "live") state = "lost"; // whoever comes back reads everything again
}

/** @param {"live" | "lost"} now */
function tell(now) {
  state = now;
  listeners.forEach((listener) => listener(state));
}
