/* The frame that every explorer stands in: a picture to drag, a labelled range input for each thing that moves, a
   question before, the numbers, and a sentence after. An explorer is one call of `bookExplorer({...})` in a file named
   after it; its data are the record that the notebook's cell left in the page.

     name       as in figures.explorer(name, ...); the page holds <div class="explorer" data-explorer="name">
     title      what the picture shows, for readers who cannot see it
     controls   {key: {label, min, max, step, value, text?, of?}}   value may be a function of the data; text(value) shows it;
                                                               of: whose colour it has, "q" unless said;
                                                               min and max may be functions of (state, data),
                                                               where state holds the controls above it
                {key: {label, options: [[value, text], ...], value, then?, anew?}}   for a choice; options may be a function
                                                               of the data; then: (value, data) -> what else changes
                                                               with it; anew: another choice is another question
                {key: {hidden: true, min, max, value}}   moved in the picture only, by buttons there; the link carries it
     ask        {question, answers: [text, ...]}
     compute    (state, data) -> values: every number that is shown, by name
     readouts   [{key, label, unit?, digits?, guessed?}]: which values, under which names; guessed: not before a guess
     height     (width, state) -> the picture's height, both in CSS pixels
     draw       (kit, state, values, data): see Kit below; kit.revealed says whether a guess was made
     says       (state, values, guess, data) -> the sentence after; guess: index of the answer, or null
     actions    {label: (state, values, data) -> what changes}   buttons, under the picture
     late       [label, ...]: the actions that are not there before a guess

   State lives in the query string, name.key=value, so that a link shows what its sender saw. */
"use strict";

{
  const SVG = "http://www.w3.org/2000/svg";

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  function makeButton(label, act, attributes = {}) {
    const button = make("button", { type: "button", ...attributes }, label);
    button.addEventListener("click", () => act(button));
    return button;
  }

  function makeSvg(tag, attributes = {}, text) {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  /* A number as the book prints it: a true minus sign, none before zero. */
  function number(value, digits = 3) {
    if (value === Infinity || value === -Infinity) return value > 0 ? "∞" : "−∞";
    const text = Math.abs(value).toFixed(digits);
    return value < 0 && Number(text) !== 0 ? `−${text}` : text;
  }

  /* A straight scale from one interval to another; scale.invert goes back. */
  function scale([from, to], [start, end]) {
    const map = (x) => start + (x - from) / (to - from) * (end - start);
    map.invert = (y) => from + (y - start) / (end - start) * (to - from);
    return map;
  }

  /* What an explorer draws with. Coordinates are CSS pixels. Classes give the colours (book.css): p, q, gap, ink, muted;
     "fill" fills with the colour, "hatch" hatches, "dashed" and "thick" say how a line is drawn, "strong" makes text bold. */
  class Kit {
    constructor(frame) { Object.assign(this, { frame, svg: frame.svg, layer: frame.layer, used: new Set() }); }
    get width() { return this.frame.width; }
    get height() { return this.frame.height; }
    get revealed() { return this.frame.guess !== null; }
    add(tag, attributes, text) {
      const element = makeSvg(tag, attributes, text);
      this.layer.append(element);
      return element;
    }
    line(points, classes = "ink") { return this.add("polyline", { points: points.map((p) => p.join()).join(" "), class: `line ${classes}` }); }
    area(points, base, classes) {
      const first = points[0], last = points[points.length - 1];
      return this.add("polygon", { points: [...points, [last[0], base], [first[0], base]].map((p) => p.join()).join(" "), class: classes });
    }
    rect(x, y, width, height, classes) {
      return this.add("rect", { x: Math.min(x, x + width), y: Math.min(y, y + height), width: Math.abs(width), height: Math.abs(height), class: classes });
    }
    text(x, y, text, classes = "", anchor = "start") { return this.add("text", { x, y, class: classes, "text-anchor": anchor }, text); }
    axis(x, y, ticks, label, text = String) {   // a horizontal axis: x is a scale, y where it stands
      const [left, right] = [ticks[0], ticks[ticks.length - 1]].map(x);
      this.line([[left, y], [right, y]], "muted");
      for (const tick of ticks) this.text(x(tick), y + 16, text(tick).replace("-", "−"), "muted small", "middle");
      if (label) this.text(right, y + 32, label, "muted small", "end");
    }
    /* The gauge: a ceiling, a line below it, the gap filled. box: {x, y, width, height}; ceiling, line: nats; low: the nats at
       the box's foot. Names are shown with their values; with the ceiling hidden only the line stands, and `hidden` may be what is said instead. */
    gauge({ x, y, width, height }, { ceiling, line, low, high = ceiling, hidden = false, ceilingName = "log Z", lineName = "−J(q)", digits = 2, marks = [] }) {
      const at = scale([low, high], [y + height, y + 22]), bottom = y + height;
      const inside = Math.min(at(line), bottom), right = x + width;
      if (!hidden) {
        this.rect(x + 0.2 * width, at(ceiling), 0.6 * width, inside - at(ceiling), "gap fill");
        this.rect(x + 0.2 * width, at(ceiling), 0.6 * width, inside - at(ceiling), "gap hatch");
        this.line([[x, at(ceiling)], [right, at(ceiling)]], "ink thick");
        this.text(x, at(ceiling) - 7, `${ceilingName} ${number(ceiling, digits)}`, "strong");
      } else this.text(x, y + 14, hidden === true ? `${ceilingName}: make a guess` : hidden, "muted");
      for (const mark of marks) {
        this.line([[x + 0.1 * width, at(mark.value)], [right - 0.1 * width, at(mark.value)]], "muted");
        this.text(right + 5, at(mark.value) + 4, mark.name, "muted small");
      }
      this.line([[x, inside], [right, inside]], "q dashed thick");
      this.text(x, inside + 17, line < low ? `${lineName} ${number(line, digits)} ↓` : `${lineName} ${number(line, digits)}`, "q strong");
      return at;
    }
    /* A handle that is dragged. key: stays the same between drawings; move: (x, y) -> what changes in the state. */
    handle(key, x, y, move, classes = "q") {
      let handle = this.frame.handles.get(key);
      if (!handle) {
        handle = { element: makeSvg("g", { class: `handle ${classes}`, "data-handle": key }) };
        handle.element.append(makeSvg("circle", { r: 22, class: "reach" }), makeSvg("circle", { r: 9, class: "grip" }));
        this.frame.handles.set(key, handle);
        this.frame.handleLayer.append(handle.element);
        this.frame.draggable(handle);
      }
      handle.move = move;
      handle.element.setAttribute("transform", `translate(${x} ${y})`);
      this.used.add(key);
    }
    /* A part of the picture that is pressed, by pointer or keyboard, and stays between drawings. label: what it is and what
       pressing it does; act: () -> what changes. */
    button(key, box, label, act) {
      let button = this.frame.handles.get(key);
      if (!button) {
        button = { element: makeSvg("rect", { class: "press", rx: 3, role: "button", tabindex: 0, "data-press": key }) };
        button.element.addEventListener("click", () => this.frame.change(button.act()));
        button.element.addEventListener("keydown", (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          this.frame.change(button.act());
        });
        this.frame.handles.set(key, button);
        this.frame.handleLayer.append(button.element);
        this.svg.setAttribute("role", "group");   // what is in an image cannot be reached
      }
      button.act = act;
      for (const [name, value] of Object.entries({ ...box, "aria-label": label })) button.element.setAttribute(name, value);
      this.used.add(key);
    }
  }

  class Frame {
    constructor(root, plan) {
      this.root = root;
      this.plan = plan;
      this.data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
      this.guess = null;
      this.handles = new Map();
      this.start = {};
      for (const [key, control] of Object.entries(plan.controls))
        this.start[key] = typeof control.value === "function" ? control.value(this.data) : control.value;
      this.state = { ...this.start };
      this.take(this.fromLink());
      this.build();
      new ResizeObserver(() => this.root.clientWidth && this.root.clientWidth !== this.room && this.draw()).observe(root);
      this.draw();
    }

    build() {
      const { plan, root } = this, id = `explorer-${plan.name}`;
      this.svg = makeSvg("svg", { role: "img", "aria-label": plan.title });
      const hatch = makeSvg("pattern", { id: `${id}-hatch`, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
      hatch.append(makeSvg("path", { d: "M0 0v7", class: "hatching" }));
      this.svg.style.setProperty("--hatch", `url(#${id}-hatch)`);
      const defs = makeSvg("defs");
      defs.append(hatch);
      this.layer = makeSvg("g", { class: "picture" });
      this.handleLayer = makeSvg("g", { class: "handles" });
      this.svg.append(defs, this.layer, this.handleLayer);
      this.said = make("p", { class: "explorer-says", role: "status" });
      this.readouts = make("dl", { class: "explorer-readouts simple" });   // simple: the theme indents other lists
      this.outputs = plan.readouts.map(({ key, label }) => {
        const value = make("dd", { "data-key": key });
        this.readouts.append(make("div", {}, make("dt", {}, label), value));
        return value;
      });
      const live = make("div", { class: "explorer-live", role: "group", "aria-label": `Explorer: ${plan.title}` },
        this.question(), this.svg, this.actions(), this.controls(), this.readouts, this.said, this.buttons());
      root.append(live);
      root.classList.add("is-live");
    }

    question() {
      const { question, answers } = this.plan.ask;
      this.answers = answers.map((text, index) => makeButton(text, () => {
        this.guess = index;
        this.answers.forEach((other, i) => other.setAttribute("aria-pressed", String(i === index)));
        this.draw();
      }, { "aria-pressed": "false" }));
      return make("div", { class: "explorer-ask", role: "group", "aria-label": "Your guess" }, make("p", {}, question), ...this.answers);
    }

    controls() {
      const box = make("div", { class: "explorer-controls" });
      this.inputs = {};
      for (const [key, control] of Object.entries(this.plan.controls)) {
        if (control.hidden) continue;
        const id = `explorer-${this.plan.name}-${key}`, shown = make("output", { for: id });
        let input;
        if (control.options) {
          input = make("select", { id, "data-key": key });
          for (const [value, text] of this.options(key)) input.append(make("option", { value }, text));
          input.addEventListener("change", () => this.choose(key, Number(input.value)));
        } else {
          input = make("input", { id, type: "range", "data-key": key, class: control.of ?? "q", step: control.step });
          input.addEventListener("input", () => this.change({ [key]: Number(input.value) }));
        }
        this.inputs[key] = { input, shown };
        box.append(make("label", { for: id }, control.label), input, shown);
      }
      return box;
    }

    actions() {   // next to the picture, so that a phone shows what they do
      const buttons = Object.entries(this.plan.actions ?? {}).map(
        ([label, act]) => makeButton(label, () => this.change(act(this.state, this.values, this.data))));
      this.late = buttons.filter((element) => this.plan.late?.includes(element.textContent));
      return buttons.length ? make("p", { class: "explorer-actions" }, ...buttons) : "";
    }

    buttons() {
      const again = makeButton("Start again", () => { this.forget(); this.change(this.start); });
      const copy = makeButton("Copy link", async (element) => {
        const link = Object.assign(this.link(), { hash: this.root.id }).href;
        try {
          await navigator.clipboard.writeText(link);
          element.textContent = "Copied";
        } catch {
          prompt("The link to this picture:", link);   // no clipboard, as on a page that is a file
        }
        setTimeout(() => (element.textContent = "Copy link"), 2000);
      });
      return make("p", { class: "explorer-actions" }, again, copy);
    }

    /* Pointer events, the same for mouse, pen and finger; the handle keeps the pointer until it is let go. */
    draggable(handle) {
      const { element } = handle;
      let offset = null;
      const place = (event) => {
        const box = this.svg.getBoundingClientRect();
        return [(event.clientX - box.left) * this.width / box.width, (event.clientY - box.top) * this.height / box.height];
      };
      element.addEventListener("pointerdown", (event) => {
        const [x, y] = place(event), { e, f } = element.transform.baseVal.consolidate().matrix;
        offset = [e - x, f - y];
        element.setPointerCapture(event.pointerId);
        event.preventDefault();
      });
      element.addEventListener("pointermove", (event) => {
        if (!offset) return;
        const [x, y] = place(event);
        this.change(handle.move(x + offset[0], y + offset[1]));
      });
      for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) element.addEventListener(end, () => (offset = null));
    }

    /* Takes in what changed, within the limits of the controls, and draws before the next frame. */
    change(some) {
      this.take(some ?? {});
      this.root.dataset.drawing = "true";
      this.pending ??= requestAnimationFrame(() => {
        this.pending = null;
        this.draw();
      });
      clearTimeout(this.linking);
      this.linking = setTimeout(() => this.keepLink(), 250);
    }

    /* In the order of the controls, since a limit may depend on a control above it. */
    take(some) {
      for (const [key, value] of Object.entries(some)) if (key in this.state) this.state[key] = value;
      for (const [key, value] of Object.entries(this.state)) this.state[key] = this.within(key, value);
    }

    within(key, value) {
      if (!Number.isFinite(value)) value = this.start[key];
      if (this.plan.controls[key].options) return this.options(key).some(([one]) => Number(one) === value) ? value : this.start[key];
      const [min, max] = this.limits(key);
      return Math.min(max, Math.max(min, value));
    }

    limits(key) {
      const { min, max } = this.plan.controls[key];
      return [min, max].map((limit) => (typeof limit === "function" ? limit(this.state, this.data) : limit));
    }

    /* A choice by the reader's hand. */
    choose(key, value) {
      const { then, anew } = this.plan.controls[key];
      if (anew) this.forget();
      this.change({ [key]: value, ...then?.(value, this.data) });
    }

    /* Takes the reader's guess back. */
    forget() {
      this.guess = null;
      for (const answer of this.answers) answer.setAttribute("aria-pressed", "false");
    }

    options(key) {
      const { options } = this.plan.controls[key];
      return typeof options === "function" ? options(this.data) : options;
    }

    draw() {
      const { plan, state, data } = this;
      this.values = plan.compute(state, data);
      this.room = this.root.clientWidth;
      this.width = Math.max(240, this.svg.getBoundingClientRect().width || 640);   // inside its padding; 0 where it is not shown
      this.height = plan.height(this.width, state);
      this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
      this.svg.style.height = `${this.height}px`;
      this.layer.replaceChildren();
      const kit = new Kit(this);
      plan.draw(kit, state, this.values, data);
      for (const [key, handle] of this.handles) handle.element.style.display = kit.used.has(key) ? "" : "none";
      for (const [key, { input, shown }] of Object.entries(this.inputs)) {
        const { options, text, step } = plan.controls[key];
        if (!options) [input.min, input.max] = this.limits(key);
        input.value = state[key];
        shown.textContent = options ? "" : (text ?? ((value) => number(value, step < 0.1 ? 2 : step < 1 ? 1 : 0)))(state[key]);
      }
      plan.readouts.forEach(({ key, unit = "nats", digits = 3, guessed = false }, i) => {
        this.outputs[i].parentElement.hidden = guessed && !kit.revealed;
        this.outputs[i].textContent = `${number(this.values[key], digits)} ${unit}`.trim();
        this.outputs[i].dataset.value = String(this.values[key]);
      });
      for (const element of this.late) element.hidden = !kit.revealed;
      const sentence = plan.says(state, this.values, this.guess, data);
      if (this.said.textContent !== sentence) this.said.textContent = sentence;
      delete this.root.dataset.drawing;
    }

    fromLink() {
      const found = {}, query = new URLSearchParams(location.search);
      for (const key of Object.keys(this.plan.controls)) {
        const text = query.get(`${this.plan.name}.${key}`);
        if (text !== null && text.trim() !== "") found[key] = Number(text);
      }
      return found;
    }

    link() {
      const link = new URL(location.href);
      for (const [key, value] of Object.entries(this.state)) {
        const name = `${this.plan.name}.${key}`;
        if (value === this.start[key]) link.searchParams.delete(name);
        else link.searchParams.set(name, String(value));
      }
      return link;
    }

    keepLink() {
      try {
        history.replaceState(history.state, "", this.link());
      } catch { /* a page that is a file may not */ }
    }
  }

  /* Makes an explorer live wherever the page has a place for it. */
  window.bookExplorer = (plan) => {
    for (const root of document.querySelectorAll(`.explorer[data-explorer="${plan.name}"]`)) root.explorer = new Frame(root, plan);
  };
  Object.assign(window.bookExplorer, { number, scale });   // nothing in an explorer moves by itself
}
