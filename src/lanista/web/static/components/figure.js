// One Plotly figure that the server drew; the browser only shows it.

import { h, put } from "../dom.js";
import { keepFresh } from "../live.js";
import { onTheme, theme } from "../theme.js";
import { failure } from "./bits.js";

const GAP = 1000; // ms at least between two drawings of a figure that changes

/** @type {Promise<any> | null} */
let plotly = null;

/** Plotly itself, loaded when the first figure is shown. */
function load() {
  plotly ??= new Promise((resolve, reject) => {
    const script = h("script", { src: "static/plotly.min.js" });
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => {
      plotly = null;
      script.remove();
      reject(new Error("Plotly did not load. Is it installed? pip install 'lanista[ui]'"));
    };
    document.head.append(script);
  });
  return plotly;
}

/**
 * A figure that stays fresh while it is on the screen.
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

  const draw = async () => {
    stale = true;
    if (!visible) return;
    stale = false;
    const [Plotly, { data, layout }] = await Promise.all([load(), read(theme(), signal)]);
    if (signal.aborted) return;
    if (element.classList.contains("broken")) put(plot);
    element.classList.remove("waiting", "broken");
    if (layout.height) plot.style.setProperty("--height", `${layout.height}px`);
    const fits = { ...layout, autosize: true, uirevision: label };
    await Plotly.react(plot, data, fits, { responsive: true, displaylogo: false, displayModeBar: "hover" });
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
    /** @type {any} */ (window).Plotly?.purge(plot);
  });
  return element;
}
