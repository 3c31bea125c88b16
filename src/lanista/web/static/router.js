// Where the reader is: the hash of the URL holds all of the view's state, so links, reloads and "back" just work.

/**
 * @typedef {{path: string[], query: URLSearchParams}} Route
 */

/** @returns {Route} */
export function here() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

/** Names as one value of the query; they may hold commas. @param {Iterable<string>} names */
export const joined = (names) => [...names].map(encodeURIComponent).join(",");

/** The names that `joined` has joined. @param {string | null} text */
export const parted = (text) => (text ?? "").split(",").filter(Boolean).map(decoded);

/** Text as it stands where it was not written by a link of ours. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The link to a place: link(["e", "digits", "trials"], {filter: "lr < 1"}).
 *  @param {(string | number)[]} path @param {Record<string, any>} [query] */
export function link(path, query = {}) {
  const set = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const tail = set.length ? `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}` : "";
  return `#/${path.map(encodeURIComponent).join("/")}${tail}`;
}

/** @param {string} to */
export function go(to) {
  location.hash = to;
}

/** Writes the state of the view into the URL, without a new page.
 *  @param {Record<string, any>} changes an empty value takes the name out */
export function remember(changes) {
  const { path, query } = here();
  const values = { ...Object.fromEntries(query), ...changes };
  history.replaceState(null, "", link(path, values));
}

/**
 * Calls `show` for the place of the URL, now and whenever it changes; `signal` aborts when the reader leaves it.
 * @param {(route: Route, signal: AbortSignal) => void} show
 */
export function start(show) {
  let stay = new AbortController();
  const open = () => {
    stay.abort();
    stay = new AbortController();
    show(here(), stay.signal);
  };
  addEventListener("hashchange", open);
  open();
}
