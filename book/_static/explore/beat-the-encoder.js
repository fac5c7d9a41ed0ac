/* Chapter 11: beat the encoder. q, an upright ellipse on the plane of latents, is dragged; its −J rises towards log p(x). */
"use strict";

{
  const { number, scale } = bookExplorer;
  const WIDE = 7.5;   // in widths of q: beyond it a Gaussian holds 1e-13

  /* log p(x, z) at the points of the notebook's plane, each worked out when it is first needed. */
  class Table {
    constructor(x, decoder, plane) {
      const [W, b, V, c] = ["0.weight", "0.bias", "2.weight", "2.bias"].map((name) => Float64Array.from(decoder[name].flat()));
      Object.assign(this, { x, plane, W, b, V, c, hidden: new Float64Array(b.length), known: new Float64Array(plane.length ** 2).fill(NaN) });
    }

    /* Equation (Bernoulli), on the logits of a layer of tanh and a linear one, and the prior. */
    logJoint(z1, z2) {
      const { x, W, b, V, c, hidden } = this, n = hidden.length;
      for (let j = 0; j < n; j++) hidden[j] = Math.tanh(W[2 * j] * z1 + W[2 * j + 1] * z2 + b[j]);
      let sum = -(z1 * z1 + z2 * z2) / 2 - Math.log(2 * Math.PI);
      for (let i = 0; i < c.length; i++) {
        let logit = c[i];
        for (let j = 0; j < n; j++) logit += V[i * n + j] * hidden[j];
        sum += x[i] * logit - Math.max(logit, 0) - Math.log1p(Math.exp(-Math.abs(logit)));
      }
      return sum;
    }

    at(i, j) {
      const k = i * this.plane.length + j;
      if (Number.isNaN(this.known[k])) this.known[k] = this.logJoint(this.plane[i], this.plane[j]);
      return this.known[k];
    }
  }

  /* N(m, s²) at the plane's points, times their spacing; what is further off than WIDE widths is left out. -> [[index, weight], ...] */
  function row(plane, m, s) {
    const spacing = plane[1] - plane[0], norm = spacing / (s * Math.sqrt(2 * Math.PI)), kept = [];
    plane.forEach((z, i) => Math.abs(z - m) < WIDE * s && kept.push([i, norm * Math.exp(-(((z - m) / s) ** 2) / 2)]));
    return kept;
  }

  /* −J: the mean of log p(x, z), a row times the table times a column, and q's entropy. */
  function minusJ(table, { m1, s1, m2, s2 }) {
    const column = row(table.plane, m2, s2);
    let mean = 0;
    for (const [i, w] of row(table.plane, m1, s1)) for (const [j, v] of column) mean += w * v * table.at(i, j);
    return mean + Math.log(s1) + Math.log(s2) + Math.log(2 * Math.PI * Math.E);
  }

  const tables = new Map();   // one for each image that was looked at
  function tableOf(image, { images, decoder, reach, points }) {
    const plane = Array.from({ length: points }, (_, i) => -reach + i * 2 * reach / (points - 1));
    if (!tables.has(image)) tables.set(image, new Table(images[image].x, decoder, plane));
    return tables.get(image);
  }

  const asState = ([m1, s1, m2, s2]) => ({ m1, s1, m2, s2 });
  const start = (key) => ({ images }) => asState(images[0].encoder)[key];

  /* What the picture of an image shows: its posterior and both ellipses at two widths, with room for handles. */
  function windowOf({ most, encoder, best }) {
    const spans = [0, 1].map((axis) => {
      const seen = most.flat().map((p) => p[axis]);
      for (const q of [encoder, best]) for (const sign of [-2, 2]) seen.push(q[2 * axis] + sign * q[2 * axis + 1]);
      return [Math.min(...seen), Math.max(...seen)];
    });
    const half = 0.6 * Math.max(...spans.map(([from, to]) => to - from)) + 0.1;
    return spans.map(([from, to]) => [(from + to) / 2 - half, (from + to) / 2 + half]);
  }

  /* The limits of the sliders: q's centre and, from the middle, its two widths stay in the picture. */
  const limitsOf = (axis) => ({
    min: ({ image }, { images }) => Math.ceil(100 * windowOf(images[image])[axis][0]) / 100,
    max: ({ image }, { images }) => Math.floor(100 * windowOf(images[image])[axis][1]) / 100,
  });
  function widest({ image }, { images }) {
    const [from, to] = windowOf(images[image])[0];
    return Math.floor(100 * Math.min(0.6, (to - from) / 4)) / 100;
  }

  /* Round places in an interval, at most four of them. */
  function ticksOf([from, to]) {
    const step = [0.1, 0.2, 0.5, 1, 2].find((one) => (to - from) / one < 4), first = Math.ceil(from / step);
    return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => Number(((first + i) * step).toFixed(1)));
  }

  const STEM = 26;   // pixels from an edge of the ellipse to its handle, so that a small one can be grasped
  const LEFT = 34;   // room for the numbers of the upright axis
  const sideOf = (width) => Math.max(100, width < 560 ? width - LEFT - 4 : Math.min(width - LEFT - 250, 414));

  bookExplorer({
    name: "beat-the-encoder",
    title: "q as an upright ellipse to drag over one image's posterior, and its −J between the encoder's and log p(x)",
    controls: {
      image: {
        label: "image", options: ({ images }) => images.map(({ name, log_px, elbo }, i) => [i, `${name}: gap ${number(log_px - elbo, 1)}`]), value: 0,
        anew: true, then: (image, { images }) => asState(images[image].encoder),
      },
      m1: { label: "centre, m₁", ...limitsOf(0), step: 0.01, value: start("m1") },
      m2: { label: "centre, m₂", ...limitsOf(1), step: 0.01, value: start("m2") },
      s1: { label: "width, s₁", min: 0.06, max: widest, step: 0.01, value: start("s1") },
      s2: { label: "width, s₂", min: 0.06, max: widest, step: 0.01, value: start("s2") },
    },
    ask: { question: "The ellipse is the trained encoder's q for this image. Can you raise −J by hand?", answers: ["Yes", "No"] },
    compute(state, data) {
      const { log_px, elbo, top } = data.images[state.image], minus_J = minusJ(tableOf(state.image, data), state);
      return { minus_J, elbo, log_px, top, recovered: minus_J - elbo, missing: log_px - minus_J, amortisation: top - elbo, approximation: log_px - top };
    },
    readouts: [
      { key: "minus_J", label: "−J, the ELBO, of your q" },
      { key: "elbo", label: "−J, the ELBO, of the encoder's q" },
      { key: "log_px", label: "log p(x)" },
      { key: "recovered", label: "recovered of the encoder's gap" },
      { key: "missing", label: "still missing, KL(q‖p(z|x))" },
    ],
    actions: {
      "As the encoder says": ({ image }, values, { images }) => asState(images[image].encoder),
      "The best there is": ({ image }, values, { images }) => asState(images[image].best),
    },
    height: (width) => sideOf(width) + (width < 560 ? 282 : 68),
    draw(kit, state, values, { images }) {
      const { m1, s1, m2, s2 } = state, narrow = kit.width < 560, side = sideOf(kit.width), image = images[state.image];
      const [across, up] = windowOf(image), x = scale(across, [LEFT, LEFT + side]), y = scale(up, [side, 0]), unit = x(1) - x(0);
      const inside = (pixel, from = 0) => Math.min(Math.max(pixel, from + 10), from + side - 10), at = ([a, b]) => [x(a), y(b)];
      kit.add("clipPath", { id: "beat-the-encoder-window" }).append(kit.rect(LEFT, 0, side, side, ""));
      const window = kit.add("g", { "clip-path": "url(#beat-the-encoder-window)" });
      const ellipse = ([a, w, b, v], widths, classes) =>
        window.append(kit.add("ellipse", { cx: x(a), cy: y(b), rx: widths * w * unit, ry: widths * v * unit, class: classes }));
      const outline = (part, classes) => window.append(kit.add("polygon", { points: part.map(at).join(" "), class: classes }));
      for (const part of image.most) outline(part, "p fill"), outline(part, "line p thin");
      for (const part of image.half) outline(part, "line p");
      ellipse(image.encoder, 2, "line thick faint");
      for (const widths of [1, 2]) ellipse([m1, s1, m2, s2], widths, "line q dashed");
      kit.rect(LEFT, 0, side, side, "line muted");
      this.axes(kit, x, y, across, up, side);
      this.legend(kit, narrow ? 4 : LEFT, side + 44);
      this.picture(kit, narrow ? 4 : LEFT + side + 30, narrow ? side + 98 : 2, 84, image.x);
      this.nats(kit, narrow ? { x: 140, y: side + 80, width: 104, height: 180 } : { x: LEFT + side + 64, y: 104, width: 104, height: side - 124 }, values);
      const right = inside(x(m1 + 2 * s1) + STEM, LEFT), top = inside(y(m2 + 2 * s2) - STEM), [centre, middle] = [inside(x(m1), LEFT), inside(y(m2))];
      kit.line([[centre, middle], [right, middle]], "q thin");
      kit.line([[centre, middle], [centre, top]], "q thin");
      kit.handle("right", right, middle, (px) => ({ s1: (x.invert(inside(px, LEFT) - STEM) - m1) / 2 }));
      kit.handle("top", centre, top, (px, py) => ({ s2: (y.invert(inside(py) + STEM) - m2) / 2 }));
      kit.handle("centre", centre, middle, (px, py) => ({ m1: x.invert(inside(px, LEFT)), m2: y.invert(inside(py)) }));
    },
    axes(kit, x, y, across, up, side) {
      const shown = (tick) => number(tick, Number.isInteger(tick) ? 0 : 1);
      for (const tick of ticksOf(across).filter((one) => x(one) < LEFT + side - 24)) {   // there and above stand the names
        kit.line([[x(tick), side], [x(tick), side + 4]], "muted");
        kit.text(x(tick), side + 18, shown(tick), "muted small", "middle");
      }
      for (const tick of ticksOf(up).filter((one) => y(one) > 24)) {
        kit.line([[LEFT - 4, y(tick)], [LEFT, y(tick)]], "muted");
        kit.text(LEFT - 7, y(tick) + 4, shown(tick), "muted small", "end");
      }
      kit.text(LEFT + side, side + 18, "z₁", "muted", "end");
      kit.text(LEFT - 7, 11, "z₂", "muted", "end");
    },
    legend(kit, x, y) {
      for (const [left, down, line, name, classes] of [[0, 0, "p", "p(z|x)", "p strong"], [92, 0, "q dashed", "q, at one and two widths", "q strong"],
        [0, 20, "thick faint", "the encoder's q, at two widths", "muted"]]) {
        kit.line([[x + left, y + down - 4], [x + left + 22, y + down - 4]], line);
        kit.text(x + left + 28, y + down, name, classes);
      }
    },
    /* The gauge. Its scale is one of three, by the encoder's gap, so that a wide gap looks wide; ticks count nats below log p(x). */
    nats(kit, box, { log_px, minus_J, elbo, top }) {
      const [span, step] = [[1, 0.2], [5, 1], [25, 5]].find(([most]) => 1.2 * (log_px - elbo) < most);
      const at = kit.gauge(box, {
        ceiling: log_px, line: minus_J, low: log_px - span, ceilingName: "log p(x)", lineName: "−J(q)",
        marks: !kit.revealed ? [{ value: elbo, name: "encoder" }] : top - elbo < 0.1 * span
          ? [{ value: elbo, name: "encoder, best" }, { value: top, name: "" }]   // two names would cover each other
          : [{ value: elbo, name: "encoder" }, { value: top, name: "best q" }],
      });
      for (let below = 0; below < span + step / 2; below += step) {
        kit.line([[box.x - 4, at(log_px - below)], [box.x, at(log_px - below)]], "muted");
        kit.text(box.x - 7, at(log_px - below) + 4, number(-below, step < 1 ? 1 : 0), "muted small", "end");
      }
      kit.text(box.x - 7, at(log_px - span) + 18, "nats", "muted small", "end");
      const middle = (at(log_px) + Math.min(at(minus_J), at(log_px - span))) / 2;
      if (at(minus_J) - at(log_px) > 24) kit.text(box.x + box.width / 2, middle + 5, `gap ${number(log_px - minus_J, 2)}`, "gap strong halo", "middle");
    },
    picture(kit, x, y, size, pixels) {
      pixels.forEach((on, i) => on && kit.rect(x + (i % 8) * size / 8, y + Math.floor(i / 8) * size / 8, size / 8, size / 8, "ink fill solid"));
      kit.rect(x, y, size, size, "line muted");
    },
    says(state, { minus_J, top, recovered, amortisation, approximation }, guess) {
      if (guess === null) return "Blue: the posterior p(z|x), half of it inside the thick line, nine tenths inside the thin one. "
        + "Drag q by its centre, its widths by the knobs beyond its edges, and watch −J.";
      const parts = `The best q that was found gains ${number(amortisation, 2)} nats: amortisation, the encoder's fault. `
        + `The ${number(approximation, 2)} still missing there are approximation, the fault of the shape.`;
      if (top - minus_J < 1e-6) return `This is the best q that was found, ${number(recovered, 2)} nats above a trained network. ${parts}`;
      if (recovered > 0.005) return `${guess === 0 ? "Yes" : "It can be done"}: you are ${number(recovered, 2)} nats above a trained network, `
        + `${top - minus_J < 0.01 ? "within 0.01" : number(top - minus_J, 2) + " short"} of the best q. ${parts}`;
      return `${guess === 0 ? "Then do" : "Try all the same"}: get its line over the encoder's mark. ${parts}`;
    },
  });
}
