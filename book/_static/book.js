/* The book's script, all of it: previews of equations, math that fits the screen, and keyboard access to what scrolls. */
"use strict";

/* ---- Previews: a link to #eq-NAME shows that equation while it is pointed at or has the focus; Escape closes. ---- */

const preview = Object.assign(document.createElement("div"), { id: "eq-preview", role: "tooltip", hidden: true });
let previewed = null;   // the link whose equation is shown
let timer = 0;          // a pending showing or hiding

const equationName = (link) => decodeURIComponent(link.hash).slice("#eq-".length);

async function showPreview(link) {
  hidePreview();
  previewed = link;
  const name = equationName(link);
  preview.replaceChildren(
    Object.assign(document.createElement("p"), { className: "eq-preview-name", textContent: `(${name})` }),
    Object.assign(document.createElement("div"), { className: "eq-preview-math", textContent: `\\[${window.bookEquations[name]}\\]` }));
  preview.style.visibility = "hidden";
  preview.hidden = false;
  await MathJax.startup.promise;
  await MathJax.typesetPromise([preview]);
  if (previewed !== link) return;
  fitMath([preview.querySelector(".eq-preview-math")]);
  placePreview(link);
  link.setAttribute("aria-describedby", preview.id);
  preview.style.visibility = "";
}

function placePreview(link) {
  const at = link.getClientRects()[0], size = preview.getBoundingClientRect(), margin = 8;
  const left = Math.min(Math.max(at.left, margin), document.documentElement.clientWidth - size.width - margin);
  const above = at.top - size.height - margin;
  preview.style.left = `${left + scrollX}px`;
  preview.style.top = `${(above > 60 ? above : at.bottom + margin) + scrollY}px`;
}

function hidePreview() {
  clearTimeout(timer);
  if (!previewed) return;
  previewed.removeAttribute("aria-describedby");
  previewed = null;
  preview.hidden = true;
  MathJax.typesetClear?.([preview]);
}

function soon(action, delay) {
  clearTimeout(timer);
  timer = setTimeout(action, delay);
}

function preparePreviews() {
  document.body.append(preview);
  preview.addEventListener("pointerenter", () => clearTimeout(timer));
  preview.addEventListener("pointerleave", () => soon(hidePreview, 200));
  for (const link of document.querySelectorAll("main a[href*='#eq-']:not(.eq-name, dt a)")) {
    if (!(equationName(link) in (window.bookEquations ?? {}))) continue;
    link.classList.add("eq-link");
    link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && soon(() => showPreview(link), 120));
    link.addEventListener("pointerleave", () => soon(hidePreview, 200));
    link.addEventListener("focus", () => link.matches(":focus-visible") && showPreview(link));
    link.addEventListener("blur", hidePreview);
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && hidePreview());
}

/* ---- Displays a little too wide for the screen are set smaller; far wider ones a little smaller, and they scroll. ---- */

const SMALLEST = 0.7, SCROLLING = 0.85;

function ratio(display) {   // of the room there is to the room it takes
  const container = display.querySelector("mjx-container"), math = container?.querySelector("mjx-math");
  return math ? (container.clientWidth + 1) / math.getBoundingClientRect().width : 1;
}

function tooLong(formula) {
  const math = formula.querySelector("mjx-math"), block = formula.closest("p, li, dd, div, h1, h2, h3, h4");
  return !formula.closest("table") && math?.getBoundingClientRect().width > block.clientWidth;
}

/* Measures all before it changes any: a browser lays the page out anew for each measurement after a change. */
function fitMath(formulas) {
  const displays = formulas.filter((formula) => formula.localName === "div"), inline = formulas.filter((formula) => formula.localName === "span");
  displays.forEach((display) => (display.style.fontSize = ""));
  const ratios = displays.map(ratio), long = inline.map(tooLong);
  displays.forEach((display, i) => {
    if (ratios[i] < 1) display.style.fontSize = `${100 * (0.99 * ratios[i] > SMALLEST ? 0.99 * ratios[i] : SCROLLING)}%`;
  });
  inline.forEach((formula, i) => reachable(formula, formula.classList.toggle("too-long", long[i])));
}

const reachable = (box, scrolls) => scrolls ? box.setAttribute("tabindex", "0") : box.removeAttribute("tabindex");

const all = (selector) => document.querySelectorAll(selector);

function fitAll() {
  fitMath([...all("main .math")]);
  const boxes = [...all("main div.math mjx-container, main pre, .pst-scrollable-table-container")];
  const scrolls = boxes.map((box) => box.scrollWidth > box.clientWidth + 1);
  boxes.forEach((box, i) => reachable(box, scrolls[i]));
}

/* ---- Start: after the page and its deferred scripts, and once more when the math stands. ---- */

addEventListener("load", async () => {
  document.querySelectorAll("details.page-links").forEach((menu) => {
    addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
    menu.addEventListener("keydown", (event) => event.key === "Escape" && (menu.open = false));
  });
  if (window.MathJax?.startup) {
    preparePreviews();
    await MathJax.startup.promise;
  }
  fitAll();
  all("main details").forEach((fold) => fold.addEventListener("toggle", fitAll));  // folded, nothing has a width
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;  // phones resize in height whenever their bars move
    width = innerWidth;
    hidePreview();
    fitAll();
  });
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target) target.scrollIntoView();   // typesetting may have moved it
  document.documentElement.dataset.ready = "true";  // for the tests
});
