// The REST face of the server, one function a request. What the server sends is described in its OpenAPI document.

/**
 * @typedef {{name: string, direction: "min" | "max"}} Metric
 * @typedef {{limit: string, used: number, total: number, unit: string}} Progress
 * @typedef {{owner: string, host: string, pid: number, alive: boolean, workers?: number}} Owner
 * @typedef {{name: string, state: string, metrics: Metric[], trials: number, counts: Record<string, number>,
 *   best: {number: number, value: number} | null, created: number, updated: number, owners: Owner[], tags: string[],
 *   note: string, binding: Progress | null, spark: number[]}} Summary
 * @typedef {Summary & {space: {parameters: Record<string, any>, constraints?: any[]}, searcher: string,
 *   scheduler: string, searcher_says: any, limits: Record<string, any>, progress: Progress[],
 *   parameters: {name: string, kind: string}[], resizable: boolean, define: boolean, seed: number | null, store: string, figures: string[], columns: string[]}} Detail
 * @typedef {{number: number, state: string, value: number | null, values: Record<string, number>,
 *   params: Record<string, any>, metrics: Record<string, number>, steps: number, seconds: number | null, started: number | null, ended: number | null,
 *   owner: string, origin: string, parent: any, reason: string, tags: string[], note: string}} Row
 * @typedef {Row & {notes: Record<string, any>, checkpoints: any[], artifacts: any[], lineage: number[], children: number[],
 *   error: {type: string, message: string, traceback: string} | null, events: any[]}} Trial
 * @typedef {{seq: number, time: number, kind: string, text: string, number: number | null}} Entry
 */

/** What the server refuses, in its own words. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status 0: the server did not answer @param {string} [code] */
  constructor(message, status, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const ROOT = "api/v1";

/**
 * @param {string} method
 * @param {string} path below the root
 * @param {any} [body]
 * @param {AbortSignal} [signal]
 */
async function request(method, path, body, signal) {
  const headers = method === "GET" ? {} : { "Content-Type": "application/json", "X-Lanista": "1" };
  const options = { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) };
  let response;
  try {
    response = await fetch(`${ROOT}/${path}`, /** @type {RequestInit} */ (options));
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("The server does not answer. Is `lanista ui` still running?", 0);
  }
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.ok) return answer;
  if (response.status === 401) location.reload(); // there the server asks for the token
  throw new ApiError(answer?.error?.message ?? `The server answered ${response.status}.`, response.status,
    answer?.error?.code);
}

/** @param {string} name @param {string} [rest] */
const of = (name, rest = "") => `experiments/${encodeURIComponent(name)}${rest}`;

/** A query string of what is set. @param {Record<string, any>} values */
export function query(values) {
  const set = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return set.length ? `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}` : "";
}

/** The parameters that a trial may have, each once: options may have children of the same name.
 *  @param {Detail} detail @returns {{name: string, kind: string}[]} */
export function parametersOf({ parameters }) {
  const varied = parameters.filter(({ kind }) => kind !== "constant");
  return [...new Map(varied.map((one) => [one.name, one])).values()];
}

export const api = {
  /** @param {AbortSignal} [signal] @returns {Promise<Summary[]>} */
  experiments: async (signal) => (await request("GET", "experiments", undefined, signal)).experiments,

  /** @param {string} name @param {AbortSignal} [signal] @returns {Promise<Detail>} */
  experiment: (name, signal) => request("GET", of(name), undefined, signal),

  /** @param {string} name */
  remove: (name) => request("DELETE", of(name)),

  /** @param {string} name @param {Record<string, any>} wanted offset, limit, sort, filter @param {AbortSignal} [signal]
   *  @returns {Promise<{total: number, matched: number, trials: Row[]}>} */
  trials: (name, wanted, signal) => request("GET", of(name, `/trials${query(wanted)}`), undefined, signal),

  /** Where the trials can be downloaded. @param {string} name @param {"csv" | "json"} format
   *  @param {Record<string, any>} wanted filter, sort, numbers */
  download: (name, format, wanted) => `${ROOT}/${of(name, `/trials.${format}${query(wanted)}`)}`,

  /** @param {string} name @param {number} number @param {AbortSignal} [signal] @returns {Promise<Trial>} */
  trial: (name, number, signal) => request("GET", of(name, `/trials/${number}`), undefined, signal),

  /** @param {string} name @param {number} number @param {{offset: number, limit?: number}} part @param {AbortSignal} [signal]
   *  @returns {Promise<{text: string, start: number, next: number, size: number}>} */
  output: (name, number, part, signal) =>
    request("GET", of(name, `/trials/${number}/log${query(part)}`), undefined, signal),

  /** Where a file of a trial can be downloaded. @param {string} name @param {number} number @param {string} file */
  artifact: (name, number, file) =>
    `${ROOT}/${of(name, `/trials/${number}/artifacts/${file.split("/").map(encodeURIComponent).join("/")}`)}`,

  /** @param {string} name @param {string} figure @param {Record<string, any>} options @param {AbortSignal} [signal] */
  figure: (name, figure, options, signal) =>
    request("GET", of(name, `/figures/${figure}${query(options)}`), undefined, signal),

  /** @param {string[]} names @param {Record<string, any>} options @param {AbortSignal} [signal] */
  compare: (names, options, signal) =>
    request("GET", `compare?${new URLSearchParams([...names.map((name) => ["names", name]), ...Object.entries(options)])}`, undefined, signal),

  /** @param {string} name @param {number} limit @param {AbortSignal} [signal] @returns {Promise<Entry[]>} */
  log: async (name, limit, signal) =>
    (await request("GET", of(name, `/log${query({ limit })}`), undefined, signal)).events,

  /** @param {string} name @param {"stop" | "stop_now" | "pause" | "resume"} command */
  command: (name, command) => request("POST", of(name, "/command"), { command }),

  /** @param {string} name @param {number} number @param {"stop" | "retry"} command */
  trialCommand: (name, number, command) => request("POST", of(name, `/trials/${number}/command`), { command }),

  /** @param {string} name @param {Record<string, any>} limits */
  limits: (name, limits) => request("POST", of(name, "/limits"), limits),

  /** @param {string} name @param {Record<string, any>} params */
  enqueue: (name, params) => request("POST", of(name, "/enqueue"), { params, again: true }),

  /** @param {string} name @param {number | null} number of a trial, or null @param {{note?: string, tags?: string[]}} remarks */
  note: (name, number, remarks) =>
    request("PUT", of(name, number === null ? "/note" : `/trials/${number}/note`), remarks),
};
