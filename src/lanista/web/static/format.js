// Numbers, times and values as people read them.

/** A number with at most six digits that count. @param {number | null | undefined} value */
export function number(value) {
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(4).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(6)));
}

/** The value of a parameter: numbers short, lists with commas. @param {any} value @returns {string} */
export function short(value) {
  if (typeof value === "number") return number(value);
  if (Array.isArray(value)) return value.map(short).join(", ") || "none";
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Seconds, such as "4.2 s" or "1:02:03". @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.95) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.5) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

const AGES = /** @type {[number, string][]} */ ([[86400, "day"], [3600, "hour"], [60, "minute"]]);

/** How long ago, such as "3 minutes ago". @param {number | null | undefined} time seconds since the epoch */
export function ago(time) {
  if (!time) return "–";
  const age = Date.now() / 1000 - time;
  for (const [size, unit] of AGES) {
    const count = Math.floor(age / size);
    if (count) return `${count} ${unit}${count > 1 ? "s" : ""} ago`;
  }
  return age < 5 ? "just now" : `${Math.floor(age)} s ago`;
}

/** Date and time in the reader's own zone. @param {number | null | undefined} time seconds since the epoch */
export function moment(time) {
  if (!time) return "–";
  return new Date(time * 1000).toLocaleString("sv", { dateStyle: "short", timeStyle: "medium" });
}

/** How long a trial ran so far. @param {{state: string, seconds: number | null, started: number | null}} trial */
export function elapsed({ state, seconds, started }) {
  return state === "running" && started ? Math.max(0, Date.now() / 1000 - started) : seconds;
}

/** Bytes, such as "1.2 MB". @param {number} size */
export function bytes(size) {
  const step = Math.min(4, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${Number((size / 1000 ** step).toPrecision(3))} ${["B", "kB", "MB", "GB", "TB"][step]}`;
}

/** "1 trial", "2 trials". @param {number} count @param {string} noun @param {string} [many] */
export function counted(count, noun, many = `${noun}s`) {
  return `${number(count)} ${count === 1 ? noun : many}`;
}
