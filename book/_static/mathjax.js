/* MathJax's settings, and the order in which it sets a page: what is in view first, then the rest a few formulas at a
   time, so that the page answers its reader in between. MathJax.startup.promise waits for the last. */
"use strict";

const SLICE = 40;   // milliseconds of setting at a time
const FONTS = ["MJXZERO", "MJXTEX", "MJXTEX-I", "MJXTEX-A", "MJXTEX-C", "MJXTEX-S1", "MJXTEX-S2"];   // of nearly every formula

/* Before the first formula is set, else all that stands would move when they come. */
async function loadFonts() {
  await MathJax.typesetPromise([]);   // which says where they are
  await Promise.allSettled(FONTS.map((font) => document.fonts.load(`1em ${font}`)));
}

function inView(element) {
  const box = element.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}

/* An equation whose terms light up is set with its terms marked (lit.py). */
function markTerms() {
  for (const display of document.querySelectorAll("[data-tex]")) {
    const formula = [...display.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    formula.data = `\\[${display.dataset.tex}\\]`;
  }
}

async function setPage() {
  markTerms();
  await loadFonts();
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
  chtml: { adaptiveCSS: false },   // the whole style at once: rules that came late would move what stands
  startup: { typeset: false, pageReady: setPage },
};
