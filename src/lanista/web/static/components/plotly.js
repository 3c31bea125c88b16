// Plotly, in two sizes: the small one, which a browser has ready in an eighth of the time, and the one that draws all.

import { h } from "../dom.js";

const SMALL = ["scatter", "bar"]; // traces of our figures that the small one draws

/** @type {Map<string, Promise<any>>} */
const loaded = new Map();

/**
 * The smallest Plotly that draws these traces; without any the small one, for who sees a figure coming.
 * @param {{type: string}[]} [data]
 * @returns {Promise<any>}
 */
export function plotlyFor(data = []) {
  return load(data.every(({ type }) => SMALL.includes(type)) ? "vendor/plotly-basic.min.js" : "plotly.min.js");
}

/** @param {string} file */
function load(file) {
  const found = loaded.get(file) ?? new Promise((resolve, reject) => {
    const script = h("script", { src: `static/${file}` });
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => {
      loaded.delete(file);
      script.remove();
      reject(new Error("Plotly did not load. Is it installed? pip install 'lanista[ui]'"));
    };
    document.head.append(script);
  });
  loaded.set(file, found);
  return found;
}
