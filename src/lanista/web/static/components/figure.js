// One Plotly figure that the server drew; the browser only shows it.

import { h, put } from "../dom.js";
import { keepFresh } from "../live.js";
import { go, link } from "../router.js";
import { onTheme, theme } from "../theme.js";
import { failure } from "./bits.js";
import { plotlyFor } from "./plotly.js";

const GAP = 1000; // ms at least between two drawings of a figure that changes

const DOUBLE = 350; // ms after which a click is no part of a double click, which shows all of a figure

/** Has a click on a mark open its trial. @param {any} plot @param {string} name @param {AbortSignal} signal */
function openTrials(plot, name, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  plot.removeAllListeners("plotly_click");
  plot.on("plotly_click", (/** @type {any} */ { points: [point] }) => {
    const trial = point.customdata ?? point.data.meta; // a number for each mark, or for the whole line
    const second = waiting !== undefined;
    clearTimeout(waiting);
    waiting = undefined;
    if (second || trial === undefined) return;
    waiting = setTimeout(() => {
      waiting = undefined;
      if (!signal.aborted) go(link(["e", name, "t", trial]));
    }, DOUBLE);
  });
}

/**
 * A figure that stays fresh while it is on the screen; a click on a mark opens its trial.
 * @param {AbortSignal} signal
 * @param {string | null} name the experiment to watch, null for all
 * @param {string} label for those who cannot see it
 * @param {(theme: string, signal: AbortSignal) => Promise<any>} read asks the server for the figure
 * @returns {HTMLElement & {refresh: () => void}}
 */
export function figure(signal, name, label, read) {
  const plot = h("div", { class: "plot" });
  const element = h("figure", { class: "figure waiting", "aria-label": label }, plot);
  let visible = false;
  let stale = true;
  /** @type {any} */
  let drawer = null; // the Plotly that drew it last

  const draw = async () => {
    stale = true;
    if (!visible) return;
    stale = false;
    const [{ data, layout }] = await Promise.all([read(theme(), signal), plotlyFor()]);
    const Plotly = await plotlyFor(data);
    if (signal.aborted) return;
    if (drawer !== Plotly) drawer?.purge(plot);
    drawer = Plotly;
    if (element.classList.contains("broken")) put(plot);
    element.classList.remove("waiting", "broken");
    if (layout.height) plot.style.setProperty("--height", `${layout.height}px`);
    const fits = { ...layout, autosize: true, uirevision: label };
    await Plotly.react(plot, data, fits, { responsive: true, displaylogo: false, displayModeBar: "hover" });
    if (name !== null) openTrials(plot, name, signal);
  };
  const broken = (/** @type {Error} */ error) => {
    if (plot.classList.contains("js-plotly-plot") && !element.classList.contains("broken")) return;
    element.classList.remove("waiting");
    element.classList.add("broken");
    put(plot, failure(error, () => draw().catch(broken)));
  };
  element.refresh = () => draw().catch((error) => signal.aborted || broken(error));

  const watch = new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    if (visible && stale) element.refresh();
  }, { rootMargin: "200px" });
  watch.observe(element);
  keepFresh(signal, name, draw, broken, GAP);
  onTheme(signal, element.refresh);
  signal.addEventListener("abort", () => {
    watch.disconnect();
    drawer?.purge(plot);
  });
  return element;
}
