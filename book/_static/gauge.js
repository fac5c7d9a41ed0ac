/* The gauge beside an equation: pointing at log Z, −J or KL in it lights the ceiling, the line or the gap of a small
   picture, and pointing at the picture lights the term. By mouse and by touch on the terms; by keyboard from a button
   beside the equation; Escape closes. lit.py says which equations and which terms. */
"use strict";

{
  const SAYS = {
    ceiling: "the ceiling: q does not move it",
    gap: "the gap: never less than nothing",
    line: "the line: a better q raises it",
  };
  const PICTURE = `<svg viewBox="0 0 72 108" width="72" height="108" aria-hidden="true">
    <pattern id="gauge-hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0v8"/></pattern>
    <g data-part="gap"><rect class="fill" x="10" y="18" width="52" height="72"/><rect x="10" y="18" width="52" height="72" fill="url(#gauge-hatch)"/></g>
    <g data-part="line"><rect class="reach" x="4" y="81" width="64" height="18"/><path d="M4 90h64"/></g>
    <g data-part="ceiling"><rect class="reach" y="9" width="72" height="18"/><path d="M0 18h72"/></g>
  </svg>`;
  const ICON = `<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="M1 3h14"/><path d="M2 13h12"/><path d="M4 6v4M8 6v4M12 6v4"/></svg>`;

  const gauge = Object.assign(document.createElement("div"), { className: "gauge", hidden: true });
  gauge.setAttribute("role", "group");
  gauge.innerHTML = PICTURE + Object.keys(SAYS).map(
    (part) => `<button type="button" data-part="${part}"><b></b><span>${SAYS[part]}</span></button>`).join("");

  let beside = null;   // the equation whose gauge is open
  let timer = 0;       // a pending opening or closing

  const nameOf = (display) => display.id.slice("eq-".length);
  const buttonOf = (display) => display.querySelector(".gauge-button");

  function soon(action, delay) {
    clearTimeout(timer);
    timer = setTimeout(action, delay);
  }

  function open(display, part = "") {
    clearTimeout(timer);
    if (beside !== display) {
      close();
      beside = display;
      for (const button of gauge.querySelectorAll("button"))
        button.firstChild.textContent = display.dataset[button.dataset.part];
      gauge.setAttribute("aria-label", `The gauge of (${nameOf(display)})`);
      buttonOf(display).after(gauge);
      buttonOf(display).setAttribute("aria-expanded", "true");
      gauge.hidden = false;
      const room = display.getBoundingClientRect().top - gauge.offsetHeight;
      gauge.classList.toggle("below", room < 70);   // the header takes some
    }
    light(part);
  }

  function light(part) {
    gauge.dataset.lit = beside.dataset.lit = part;
  }

  function close() {
    clearTimeout(timer);
    if (!beside) return;
    if (gauge.contains(document.activeElement)) buttonOf(beside).focus();
    buttonOf(beside).setAttribute("aria-expanded", "false");
    delete beside.dataset.lit;
    gauge.hidden = true;
    beside = null;
  }

  /* The part of the gauge that an element stands for: a term of the equation, or a part of the picture. */
  function partOf(element) {
    const term = element.closest("[class*='term-'], [data-part]");
    return term && (term.dataset.part ?? /term-(\w+)/.exec(term.getAttribute("class"))[1]);
  }

  function prepare(display) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "gauge-button", innerHTML: ICON });
    button.setAttribute("aria-label", `Show the terms of (${nameOf(display)}) in the gauge`);
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => beside === display ? close() : open(display));
    display.append(button);
    display.addEventListener("pointerover", ({ target, pointerType }) => {
      if (pointerType !== "mouse") return;   // a finger points by tapping
      const part = partOf(target);
      if (beside === display) clearTimeout(timer);
      if (part) soon(() => open(display, part), beside === display ? 0 : 120);
      else if (beside === display) light("");
    });
    display.addEventListener("pointerleave", ({ pointerType }) => {
      if (pointerType === "mouse" && !gauge.contains(document.activeElement)) soon(close, 300);
    });
    display.addEventListener("click", ({ target }) => {
      const part = partOf(target);
      if (part) open(display, part);
    });
    display.addEventListener("focusin", ({ target }) => target.dataset.part && light(target.dataset.part));
    display.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !display.contains(relatedTarget) && beside === display) close();
    });
  }

  document.querySelectorAll("div.math[data-ceiling]").forEach(prepare);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && close());
  document.addEventListener("pointerdown", ({ target }) => beside && !beside.contains(target) && close());
}
