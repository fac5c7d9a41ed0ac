/* MathJax's settings, and the order in which it sets a page: what is in view first, then the rest a few formulas at a
   time, so that the page answers its reader in between. MathJax.startup.promise waits for the last. */
"use strict";

const SLICE = 40;   // milliseconds of setting at a time
const FONTS = { "MJXTEX": "Main-Regular", "MJXTEX-I": "Math-Italic", "MJXTEX-S1": "Size1-Regular", "MJXTEX-S2": "Size2-Regular" };
const FOLDER = document.currentScript.src.replace(/[^/]*$/, "mathjax/output/chtml/fonts/woff-v2/");

/* The fonts of nearly every formula come before the first one is set, else all that stands would move when they do. */
const fonts = Promise.allSettled(Object.entries(FONTS).map(([name, file]) => {
  const font = new FontFace(name, `url("${FOLDER}MathJax_${file}.woff")`);
  document.fonts.add(font);
  return font.load();
}));

function inView(element) {
  const box = element.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}

async function setPage() {
  await fonts;
  const formulas = [...document.querySelectorAll(".math")], seen = formulas.map(inView);
  const waiting = [...formulas.filter((_, i) => seen[i]), ...formulas.filter((_, i) => !seen[i])];
  for (let count = 20; waiting.length; ) {
    const start = performance.now(), slice = waiting.splice(0, count);
    await MathJax.typesetPromise(slice);
    fitMath(slice);
    const took = performance.now() - start;
    count = Math.max(16, Math.min(2 * count, Math.round(count * SLICE / took)));
    await new Promise((next) => setTimeout(next));
  }
}

window.MathJax = {
  loader: { load: ["core", "input/tex", "output/chtml", "a11y/assistive-mml"] },   // all but its menu
  tex: { packages: { "[-]": ["noundefined"] } },   // an unknown macro is an error that the tests see, not red text
  startup: { typeset: false, pageReady: setPage },
};
