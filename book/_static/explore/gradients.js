/* Chapter 08: what forty draws say about the slope of E f in μ, by the path and by the score, and how a baseline b
   changes the second: its variance is a parabola in b, with the bottom at b* = E[f ε²], and the mean of f is elsewhere. */
"use strict";

{
  const { number, scale } = bookExplorer;

  const REACH = 3.05, SHOULDER = 1.5;   // z is shown from −REACH to REACH; the handle of σ is at μ + SHOULDER σ

  /* The two functions. moments: E f, its slope in μ, the variance of f′(z), E[f ε²] and E[f² ε²] under N(μ, σ²).
     rise: the heights shown of f; limits: of b; reach: the gradients shown are −reach to reach. */
  const FUNCTIONS = [{
    name: "z²", f: (z) => z * z, slope: (z) => 2 * z, rise: [-1.2, 9.4], ticks: [0, 2, 4, 6, 8], limits: [-1, 4], reach: 10, marks: [-8, 0, 8],
    moments: (mu, sigma) => ({
      mean: mu ** 2 + sigma ** 2, truth: 2 * mu, path: 4 * sigma ** 2, best: mu ** 2 + 3 * sigma ** 2,
      square: mu ** 4 + 18 * mu ** 2 * sigma ** 2 + 15 * sigma ** 4,
    }),
  }, {
    name: "sin 4z", f: (z) => Math.sin(4 * z), slope: (z) => 4 * Math.cos(4 * z), rise: [-1.5, 1.5], ticks: [-1, 0, 1], limits: [-1.2, 1.2], reach: 7, marks: [-5, 0, 5],
    moments(mu, sigma) {
      const k = 4, once = Math.exp(-((k * sigma) ** 2) / 2), twice = Math.exp(-2 * (k * sigma) ** 2) * Math.cos(2 * k * mu);
      const mean = once * Math.sin(k * mu), truth = k * once * Math.cos(k * mu);
      return {
        mean, truth, path: k ** 2 / 2 * (1 + twice) - truth ** 2, best: (1 - (k * sigma) ** 2) * mean,
        square: (1 - (1 - 4 * (k * sigma) ** 2) * twice) / 2,
      };
    },
  }];

  /* Variance of one draw of (f − b) ε/σ: E[(f − b)² ε²]/σ² less the square of its mean. */
  const shake = ({ square, best, truth }, sigma, b) => (square - 2 * b * best + b ** 2) / sigma ** 2 - truth ** 2;
  const meanOf = (f, [mu, sigma]) => FUNCTIONS[f].moments(mu, sigma).mean;
  const clip = (value, [low, high]) => Math.min(high, Math.max(low, value));

  /* Writes a label at the first of the spots [x, y, anchor] that covers the fewest of the points, and adds it to them. */
  function label(kit, text, width, [left, right], spots, points, classes = "small halo") {
    const all = spots.map(([x, y, anchor]) => ({ y, from: anchor === "end" ? x - width : x }));
    const inside = all.filter(({ from }) => from >= left && from + width <= right);
    const boxes = inside.length ? inside : all.map(({ y, from }) => ({ y, from: clip(from, [left, right - width]) }));
    const covered = ({ from, y }) => points.filter(([px, py]) => px > from - 3 && px < from + width + 3 && py > y - 12 && py < y + 4).length;
    const best = boxes.reduce((one, other) => (covered(other) < covered(one) ? other : one));
    kit.text(best.from, best.y, text, classes);
    for (let i = 0; i <= 12; i += 1) for (let j = 0; j < 4; j += 1) points.push([best.from + i / 12 * width, best.y - 4 * j]);
  }
  const around = (x, y) => [[8, 4, "start"], [-8, 4, "end"], [8, -7, "start"], [8, 16, "start"], [-8, -7, "end"], [-8, 16, "end"], [8, -20, "start"], [8, 29, "start"], [-8, -20, "end"], [-8, 29, "end"]]
    .map(([dx, dy, anchor]) => [x + dx, y + dy, anchor]);

  /* One estimator: at the left what each draw says, over its z; at the right the same as a histogram, with the true slope through
     both and one standard deviation to each side of it. */
  function row(kit, { x, z, y, span, side, marks }, draws, truth, variance, name) {
    const [top, bottom] = [y(span[1]), y(span[0])], [left, right] = [x(-REACH), x(REACH)], sd = Math.sqrt(variance);
    kit.text(left - 22, top - 9, name, "strong");
    kit.text(side[1], top - 9, `spread ±${number(sd, 2)}`, "strong", "end");
    for (const mark of marks) kit.text(left - 6, y(mark) + 4, number(mark, 0), "muted small", "end");
    kit.line([[left, y(0)], [right, y(0)]], "muted faint");
    const bins = new Array(25).fill(0), at = scale(span, [0, bins.length]);
    draws.forEach((draw, i) => {
      const inside = clip(draw, span), beyond = draw !== inside;
      kit.line([[x(z[i]), y(0)], [x(z[i]), y(inside)]], "q thin faint");
      if (beyond) kit.add("path", { d: `M${x(z[i]) - 4} ${y(inside) + (draw > 0 ? 6 : -6)}h8l-4 ${draw > 0 ? -7 : 7}z`, class: "q fill solid" });
      else kit.add("circle", { cx: x(z[i]), cy: y(draw), r: 2.2, class: "q fill solid" });
      if (!beyond) bins[Math.min(bins.length - 1, Math.floor(at(draw)))] += 1;
    });
    const longest = Math.max(...bins), step = (bottom - top) / bins.length, room = side[1] - side[0] - 52;
    bins.forEach((count, i) => kit.rect(side[0] + 10, bottom - (i + 1) * step, count / longest * room, step, "q fill"));
    const above = draws.filter((draw) => draw > span[1]).length, below = draws.filter((draw) => draw < span[0]).length;
    if (above) kit.text(side[0] + 12, top + 9, `${above} ↑`, "q small halo");
    if (below) kit.text(side[0] + 12, bottom - 1, `${below} ↓`, "q small halo");
    kit.line([[side[0] + 3, y(clip(truth - sd, span))], [side[0] + 3, y(clip(truth + sd, span))]], "ink thick");
    kit.line([[left, y(truth)], [side[1], y(truth)]], "ink thin");
    kit.text(side[1], y(truth) - 5, "true", "small", "end");
    kit.text(side[1], y(truth) + 15, number(truth, 2), "small", "end");
  }

  bookExplorer({
    name: "gradients",
    title: "a function f, a Gaussian q below it, and what forty draws of q say about the slope of the mean of f: by the path, and by the score with a baseline; beside f, the variance of the score against the baseline",
    controls: {
      f: { label: "payoff f", options: FUNCTIONS.map(({ name }, i) => [i, name]), value: 0, then: (f, { starts }) => ({ mu: starts[f][0], sigma: starts[f][1], b: meanOf(f, starts[f]) }) },
      mu: { label: "middle of q, μ", min: -0.8, max: 0.8, step: 0.01, value: ({ starts }) => starts[0][0] },
      sigma: { label: "width of q, σ", min: 0.2, max: 1, step: 0.01, value: ({ starts }) => starts[0][1] },
      b: { label: "baseline, b", min: ({ f }) => FUNCTIONS[f].limits[0], max: ({ f }) => FUNCTIONS[f].limits[1], step: 0.01, value: ({ starts }) => meanOf(0, starts[0]) },
    },
    ask: {
      question: "Is the mean of f the best baseline for the score gradient?",
      answers: ["Yes", "No, but it always beats none", "No, and it can be worse than none"],
    },
    compute({ f, mu, sigma, b }, { eps }) {
      const moments = FUNCTIONS[f].moments(mu, sigma), z = eps.map((e) => mu + sigma * e);
      return {
        ...moments, z, score: shake(moments, sigma, b), least: shake(moments, sigma, moments.best),
        atMean: shake(moments, sigma, moments.mean), atNone: shake(moments, sigma, 0),
        byPath: z.map(FUNCTIONS[f].slope), byScore: eps.map((e, i) => (FUNCTIONS[f].f(z[i]) - b) * e / sigma),
      };
    },
    readouts: [
      { key: "truth", label: "true slope of E f in μ", unit: "" },
      { key: "path", label: "variance of a draw, pathwise", unit: "" },
      { key: "score", label: "variance of a draw, score with b", unit: "" },
      { key: "mean", label: "mean of f", unit: "" },
      { key: "best", label: "best baseline, b*", unit: "" },
    ],
    actions: {
      "b = mean of f": (state, { mean }) => ({ b: mean }),
      "b = b*": (state, { best }) => ({ b: best }),
      "b = 0": () => ({ b: 0 }),
    },
    height: () => 534,
    draw(kit, { f, mu, sigma, b }, values, { eps }) {
      const { rise, ticks, reach, marks, f: payoff, name } = FUNCTIONS[f], split = Math.round(0.61 * kit.width);
      const x = scale([-REACH, REACH], [26, split]), side = [split + 16, kit.width - 8], y = scale(rise, [188, 22]);
      const grid = Array.from({ length: 245 }, (_, i) => -REACH + i / 40);

      kit.text(4, 12, `f(z) = ${name}`, "strong");
      for (const tick of ticks) kit.text(x(-REACH) - 6, y(tick) + 4, number(tick, 0), "muted small", "end");
      kit.line(grid.map((t) => [x(t), y(payoff(t))]), "ink");
      for (const t of values.z) kit.add("circle", { cx: x(t), cy: y(payoff(t)), r: 3, class: "q fill solid" });

      const v = scale([0, 16], side), shown = (variance) => v(clip(variance, [0, 16]));
      kit.axis(v, 192, [0, 4, 8, 12, 16], "variance of a draw");
      const heights = Array.from({ length: 161 }, (_, i) => rise[0] + i / 160 * (rise[1] - rise[0]));
      const parabola = heights.map((h) => [v(shake(values, sigma, h)), y(h)]).filter(([across]) => across <= side[1]);
      const bar = [shown(values.least), y(b) - 6, shown(values.score) - shown(values.least), 12], cut = values.score > 16;
      kit.rect(...bar, "gap fill");
      kit.rect(...bar, "gap hatch");
      if (cut) kit.add("path", { d: `M${side[1]} ${y(b) - 9}v18l8 -9z`, class: "gap fill solid" });
      kit.line(parabola, "ink");
      kit.line([[v(values.path), 22], [v(values.path), 192]], "ink thin");
      kit.text(clip(v(values.path), [side[0] + 24, side[1] - 26]), 14, "pathwise", "small", "middle");

      const points = [...parabola];   // what labels keep away from
      for (let down = 22; down < 192; down += 3) points.push([v(values.path), down]);
      for (let across = bar[0]; across <= bar[0] + bar[2]; across += 3) for (const down of [-5, 0, 5]) points.push([across, y(b) + down]);
      const spots = [[values.mean, values.atMean, "mean", 29], [values.best, values.least, "b*", 14]];
      if (!cut) spots.push([b, values.score, "b", 10]);
      for (const [height, variance] of spots) points.push([shown(variance), y(height)]);
      for (const [height, variance] of spots.slice(0, 2)) kit.line([[x(-REACH), y(height)], [shown(variance), y(height)]], "muted");
      for (const [height, variance] of spots) kit.add("circle", { cx: shown(variance), cy: y(height), r: 3.5, class: "dot" });
      const box = [side[0] - 4, side[1] + 8];
      if (cut) label(kit, number(values.score, 2), 38, box, [-10, 20, 4, -22, 32].map((down) => [side[1], y(b) + down, "end"]).filter(([, down]) => down < 190), points, "gap strong halo");
      const groups = [];   // dots on one another have one label
      for (const [height, variance, name, width] of spots) {
        const [across, down] = [shown(variance), y(height)], group = groups.find((one) => Math.hypot(one.across - across, one.down - down) < 6);
        if (group) Object.assign(group, { name: `${group.name}, ${name}`, width: group.width + width + 6 });
        else groups.push({ across, down, name, width });
      }
      for (const { across, down, name, width } of groups) label(kit, name, width, box, around(across, down), points);
      const ends = [parabola[parabola.length - 1], parabola[0]];
      label(kit, "score", 33, box, ends.flatMap(([across, down]) => [[across, down - 6, "end"], ...around(across, down)]).filter(([, down]) => down > 28 && down < 190), points);
      kit.line([[x(-REACH), y(b)], [split + 8, y(b)]], "ink");
      kit.text(split + 8, y(b) - 14, "b", "strong halo", "middle");
      kit.handle("baseline", split + 8, y(b), (px, py) => ({ b: y.invert(py) }), "ink");

      const density = (t) => 246 - 15 / sigma * Math.exp(-(((t - mu) / sigma) ** 2) / 2) * 0.62;
      kit.area(grid.map((t) => [x(t), density(t)]), 246, "q fill");
      kit.line(grid.map((t) => [x(t), density(t)]), "q dashed");
      kit.text(x(mu - 2.3 * sigma), 241, "q", "q strong", "end");
      kit.handle("peak", x(mu), density(mu), (px) => ({ mu: x.invert(px) }));
      kit.handle("shoulder", x(mu + SHOULDER * sigma), density(mu + SHOULDER * sigma), (px) => ({ sigma: (x.invert(px) - mu) / SHOULDER }));

      const panel = (bottom) => ({ x, z: values.z, y: scale([-reach, reach], [bottom, bottom - 92]), span: [-reach, reach], side, marks });
      row(kit, panel(368), values.byPath, values.truth, values.path, "pathwise: f′(z)");
      row(kit, panel(490), values.byScore, values.truth, values.score, "score: (f(z) − b)·ε/σ");
      kit.axis(x, 498, [-2, -1, 0, 1, 2], "z");
    },
    says({ f, sigma }, values, guess) {
      if (guess === null) {
        return "Top right, the upright line is the variance of the path, and the curve that of the score at each b. Drag b up and down to make the purple bar vanish: it is what a baseline costs over the best one. "
          + (f === 0 ? "Then choose sin 4z and try the mean of f and 0." : "Then try the mean of f and 0.");
      }
      const verdict = ["It is not, and it can be worse than none.", "It does not always beat none.", "Right."][guess];
      const counts = "the draws with a large ε shake most and count most, and ";
      const both = Math.max(Math.abs(values.mean), Math.abs(values.best)), zero = both < 1e-9 ? "0" : "nearly 0";
      const why = f === 0
        ? `${counts}their payoff is large on average, so b* = μ² + 3σ² lies above the mean, μ² + σ²`
        : both < 0.005 ? `b* = (1 − 16σ²)·(mean of f), and here both are ${zero}`
        : `${counts}they lie beyond the crest or valley that makes the mean, so b* = (1 − 16σ²)·(mean of f) is ${sigma > 0.25 ? "on the other side of 0" : "nearer to 0"}`;
      const [atMean, atNone] = [values.atMean, values.atNone].map((variance) => number(variance, 2));
      const close = Math.abs(values.atMean - values.atNone) < 0.01 * values.atNone;
      const compared = close ? "about the same as" : values.atMean > values.atNone ? "worse than" : "better than";
      const numbers = atMean === atNone ? "Here the mean changes nothing" : `Here the mean gives ${atMean}, ${compared} ${atNone} with none`;
      const path = values.score < values.path ? "the score shakes less than the path" : "the path shakes less than the score";
      return `${verdict} For ${FUNCTIONS[f].name}, ${why}. ${numbers}; and ${path}.${f === 0 ? " Choose sin 4z, where it is worse." : ""}`;
    },
  });
}
