/* Chapter 02: p̃ with two bumps, and one Gaussian q. On one bump the curve log p̃ − log q is flat where q looks, and its
   mean, −J(q), is log 2 short of log Z; over both bumps it is further short, the more so the further they stand apart. */
"use strict";

{
  const { number, scale } = bookExplorer;
  const LOG_2PI = Math.log(2 * Math.PI), BUMP = 0.5;   // the width of a bump
  const logNormal = (x, m, s) => -(((x - m) / s) ** 2) / 2 - Math.log(s) - LOG_2PI / 2;
  const logAddExp = (u, v) => Math.max(u, v) + Math.log1p(Math.exp(-Math.abs(u - v)));

  /* What can be evaluated, p̃, and what cannot outside a toy: p, with densities for bumps, and log Z. */
  const logPTilde = (x, { a, c }) => Math.log(c) + logAddExp(-2 * (x - a) ** 2, -2 * (x + a) ** 2);
  const logP = (x, { a }) => logAddExp(logNormal(x, a, BUMP), logNormal(x, -a, BUMP)) - Math.LN2;
  const logZ = ({ c }) => Math.log(c) + LOG_2PI / 2;
  const logQ = (x, { m, s }) => logNormal(x, m, s);
  const curve = (x, state) => logPTilde(x, state) - logQ(x, state);

  /* The mean of f under q by the trapezoid rule, nine widths each way; for curves as smooth as these its error is rounding. */
  function expect(state, f) {
    const step = 0.025, count = Math.ceil(9 * state.s / step);
    let sum = 0;
    for (let i = -count; i <= count; i++) {
      const x = state.m + i * step;
      sum += step * Math.exp(logQ(x, state)) * f(x);
    }
    return sum;
  }

  const gap = (state) => expect(state, (x) => logQ(x, state) - logP(x, state));
  const costs = (state, where) => expect(state, (x) => (where(Math.abs(x)) ? logQ(x, state) - logP(x, state) : 0));   // a part of the gap
  const onOne = ({ a }) => ({ m: a, s: BUMP });

  /* The best q that is centred between the bumps, by golden section; kept until the bumps move. */
  let found = {};
  function overBoth({ a }) {
    if (found.a === a) return found.q;
    const ratio = (Math.sqrt(5) - 1) / 2, cost = (s) => gap({ m: 0, s, a });
    let [low, high] = [0.3, 3];
    while (high - low > 1e-5) {
      const [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
      if (cost(left) < cost(right)) high = right;
      else low = left;
    }
    found = { a, q: { m: 0, s: (low + high) / 2 } };
    return found.q;
  }

  /* The parts of a curve between two heights, each with the step that leaves them. */
  function within(points, top, bottom) {
    const inside = (point) => point && point[1] > top && point[1] < bottom, parts = [[]];
    points.forEach(([x, y], i) => {
      if (points.slice(Math.max(i - 1, 0), i + 2).some(inside)) parts.at(-1).push([x, Math.min(bottom, Math.max(top, y))]);
      else parts.push([]);
    });
    return parts.filter((part) => part.length);
  }

  /* Across the gauge's bar where −J(q) lies below the frame: the bar is longer than it is drawn. */
  function breakBar(kit, { x, y, width, height }) {
    const edge = (y) => Array.from({ length: 9 }, (_, i) => [x + (0.16 + 0.085 * i) * width, y + (i % 2 ? 4 : -4)]);
    const upper = edge(y + height - 26), lower = edge(y + height - 19);
    kit.add("polygon", { points: [...upper, ...lower.toReversed()].map((p) => p.join()).join(" ") }).style.fill = "var(--surface)";
    for (const line of [upper, lower]) kit.line(line, "gap");
  }

  const toStep = (value) => Math.round(value * 100) / 100;   // as the sliders go

  bookExplorer({
    name: "double-well",
    title: "p̃ with two bumps and one Gaussian q; below, the curve log p̃ − log q, its mean −J(q) as a dashed line, and how far that is from log Z",
    controls: {
      m: { label: "mean of q, m", min: -3.2, max: 3.2, step: 0.01, value: (data) => data.m },
      s: { label: "width of q, s", min: 0.3, max: 3, step: 0.01, value: (data) => data.s },
      a: { label: "the bumps stand at ±a", min: 1, max: 3, step: 0.01, value: (data) => data.a, of: "p" },
      c: { label: "scale of p̃, c", min: 0.2, max: 1.5, step: 0.01, value: (data) => data.c, of: "p" },
    },
    ask: { question: "Which q comes nearer to log Z: on one bump, or over both?", answers: ["One bump", "Both"] },
    compute(state) {
      const minusJ = expect(state, (x) => curve(x, state));
      const spread = Math.sqrt(expect(state, (x) => (curve(x, state) - minusJ) ** 2));
      const { a } = state, one = gap({ ...onOne(state), a }), both = gap({ ...overBoth(state), a });
      const valley = costs(state, (x) => x < a - 2 * BUMP), tails = costs(state, (x) => x > a + 2 * BUMP);
      return { minusJ, spread, logZ: logZ(state), kl: gap(state), one, both, valley, tails };
    },
    readouts: [
      { key: "minusJ", label: "−J(q), the mean of the curve under q" },
      { key: "spread", label: "its standard deviation under q" },
      { key: "logZ", label: "log Z", guessed: true },
      { key: "kl", label: "KL(q‖p), the gap", guessed: true },
    ],
    height: () => 470,
    draw(kit, state, values) {
      const side = kit.width < 500 ? 104 : 120, left = 26, right = kit.width - side - 12;
      const x = scale([-4.5, 4.5], [left, right]), density = scale([0, 1.55], [150, 10]);
      const grid = Array.from({ length: Math.ceil(kit.width - left) }, (_, i) => x.invert(left + i));
      const along = (f, y, xs = grid) => xs.map((t) => [x(t), y(f(t))]);
      const q = (t) => Math.exp(logQ(t, state)), pTilde = (t) => Math.exp(logPTilde(t, state));

      kit.area(along(pTilde, density), density(0), "p fill");
      kit.line(along(pTilde, density), "p");
      kit.line(along(q, density), "q dashed");
      kit.line([[left, density(0)], [kit.width, density(0)]], "muted");
      for (const t of [-4, -2, 0, 2, 4, 6, 8]) if (x(t) < kit.width - 4) kit.text(x(t), density(0) + 16, number(t, 0), "muted small", "middle");

      const box = { x: right + 12, y: 196, width: side, height: 230 }, bottom = box.y + box.height;
      const at = kit.gauge(box, { ceiling: values.logZ, line: values.minusJ, low: -6, high: 3.4, hidden: !kit.revealed && "log Z: ?" });
      const shadow = scale([0, q(state.m)], [bottom, bottom - 40]), plot = grid.filter((t) => t <= 4.5);
      kit.text(left, box.y + 10, "log p̃ − log q", "strong");
      for (const nats of [2, 0, -2, -4]) kit.text(left - 8, at(nats) + 4, number(nats, 0), "muted small", "end");
      kit.area(along(q, shadow, plot), bottom, "q fill");
      if (kit.revealed) kit.line([[left, at(values.logZ)], [box.x, at(values.logZ)]], "ink thick");
      for (const part of within(along((t) => curve(t, state), at, plot), at(3.4), bottom)) kit.line(part, "ink");
      if (values.minusJ > -6) kit.line([[left, at(values.minusJ)], [box.x, at(values.minusJ)]], "q dashed");
      if (kit.revealed && values.minusJ < -6) breakBar(kit, box);
      kit.axis(x, bottom + 8, [-4, -2, 0, 2, 4], "x");

      const away = state.m < 0 ? 1 : -1, top = away * state.a, shoulder = state.m + state.s;   // p̃ is held where q is not
      kit.text(x(top) + 10 * away, density(pTilde(top)) - 9, "p̃", "p strong halo", away > 0 ? "start" : "end");
      kit.text(x(shoulder) + 10, density(q(shoulder)) - 9, "q", "q strong halo");
      kit.handle("bump", x(top), density(pTilde(top)), (px, py) => ({ a: toStep(away * x.invert(px)), c: toStep(density.invert(py)) }), "p");
      kit.handle("peak", x(state.m), density(q(state.m)), (px) => ({ m: toStep(x.invert(px)) }));
      kit.handle("shoulder", x(shoulder), density(q(shoulder)), (px) => ({ s: toStep(x.invert(px) - state.m) }));
    },
    says({ a, c }, { spread, kl, one, both, valley, tails }, guess, data) {
      const flat = spread < 0.05, scaled = Math.abs(c - data.c) > 0.005;
      const pays = [valley > kl / 3 && "the valley", tails > kl / 3 && "the tails"].filter(Boolean).join(" and ");
      if (guess === null) return `${flat ? "Where q looks, the curve is flat, as if q were p: it looks like success. " : ""}Drag q to raise the dashed line; make a guess to see log Z.`;
      const said = guess === (one < both ? 0 : 1) ? ", as you said" : "";
      return [
        `${one < both ? "One bump" : "Both"}${said}. At ±${number(a, 2)} sitting on one as N(a, ¼) costs ${number(one)} nats, covering both ${number(both)} at best.`,
        flat ? "The curve is flat, and log 2 too low: nothing that q sees says so." : "",
        pays && `Here q pays for ${pays}, where p̃ has died out.`,
        scaled ? `The scale moves log Z and the line alike, by ${number(Math.log(c / data.c))}: the gap stays.` : "",
        a === data.a && !scaled ? "Now pull the bumps apart." : "",
      ].filter(Boolean).join(" ");
    },
    actions: {
      "Put q on one bump": onOne,
      "Stretch q over both": overBoth,
    },
  });
}
