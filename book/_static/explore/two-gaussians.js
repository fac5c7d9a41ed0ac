/* Chapter 01: two Gaussians. The terms of KL(q‖p) dip below zero; with a term of zero area added, nowhere. */
"use strict";

{
  const { number, scale } = bookExplorer;
  const density = (x, mu, sigma) => Math.exp(-(((x - mu) / sigma) ** 2) / 2) / (sigma * Math.sqrt(2 * Math.PI));
  const logDensity = (x, mu, sigma) => -(((x - mu) / sigma) ** 2) / 2 - Math.log(sigma * Math.sqrt(2 * Math.PI));

  /* The two rows at x: q log(q/p), and q (r − 1 − log r) with r = p/q, which is the first plus p − q. */
  function rows(x, { mu, sigma }, { mu_p, sigma_p }) {
    const q = density(x, mu, sigma), p = density(x, mu_p, sigma_p);
    const term = q * (logDensity(x, mu, sigma) - logDensity(x, mu_p, sigma_p));
    return { q, p, term, lifted: term + p - q };
  }

  /* Areas by the trapezoid rule, whose error for curves like these is rounding; negative: the patches below zero. */
  function areas(state, data) {
    const reach = 12 * Math.max(state.sigma, data.sigma_p), step = Math.min(state.sigma, data.sigma_p) / 10;
    const from = Math.min(state.mu, data.mu_p) - reach, to = Math.max(state.mu, data.mu_p) + reach;
    const sum = { term: 0, lifted: 0, negative: 0, least: 0 };
    for (let x = from; x <= to; x += step) {
      const { term, lifted } = rows(x, state, data);
      sum.term += step * term;
      sum.lifted += step * lifted;
      sum.negative += step * Math.min(term, 0);
      sum.least = Math.min(sum.least, lifted);
    }
    return sum;
  }

  bookExplorer({
    name: "two-gaussians",
    title: "q and p, two Gaussians; the terms of KL(q‖p) with their negative patches; and the same area with no negative patch",
    controls: {
      mu: { label: "peak of q, μ", min: -3, max: 4, step: 0.01, value: (data) => data.mu },
      sigma: { label: "width of q, σ", min: 0.4, max: 2.5, step: 0.01, value: (data) => data.sigma },
    },
    ask: { question: "The grey curve dips below zero. Can its total?", answers: ["Yes, for some q", "No, for none"] },
    compute(state, data) {
      const ratio = state.sigma / data.sigma_p;
      const kl = -Math.log(ratio) + (ratio ** 2 + ((state.mu - data.mu_p) / data.sigma_p) ** 2) / 2 - 1 / 2;
      return { kl, ...areas(state, data) };
    },
    readouts: [
      { key: "term", label: "area of q·log(q/p)" },
      { key: "negative", label: "of it below zero" },
      { key: "lifted", label: "area of q·(r − 1 − log r)" },
      { key: "kl", label: "KL(q‖p), by its formula" },
    ],
    height: () => 420,
    draw(kit, state, values, data) {
      const x = scale([-4.5, 6], [8, kit.width - 8]);
      const grid = Array.from({ length: 241 }, (_, i) => -4.5 + i * 10.5 / 240), at = grid.map((t) => rows(t, state, data));
      const panel = (top, height, low, high) => scale([low, high], [top + height, top]);
      const peak = Math.max(...at.map((r) => Math.max(r.p, r.q))), density = panel(36, 110, 0, Math.max(0.4, peak)), most = Math.max(0.12, ...at.map((r) => r.lifted), ...at.map((r) => r.term));
      const least = Math.min(-0.08, ...at.map((r) => r.term)), upper = panel(170, 100, least, most), lower = panel(290, 100, least, most);
      const curve = (scale, key) => grid.map((t, i) => [x(t), scale(at[i][key])]);
      kit.line(curve(density, "p"), "p");
      kit.line(curve(density, "q"), "q dashed");
      kit.text(x(data.mu_p + 1.1 * data.sigma_p), density(0.19) - 6, "p", "p strong");
      kit.area(curve(upper, "term"), upper(0), "muted fill");
      kit.area(curve(upper, "term").map(([a, b]) => [a, Math.max(b, upper(0))]), upper(0), "caught fill solid");
      kit.line(curve(upper, "term"), "ink thin");
      kit.line([[x(-4.5), upper(0)], [x(6), upper(0)]], "muted");
      kit.area(curve(lower, "lifted"), lower(0), "gap fill");
      kit.area(curve(lower, "lifted"), lower(0), "gap hatch");
      kit.line(curve(lower, "lifted"), "ink thin");
      kit.line([[x(-4.5), lower(0)], [x(6), lower(0)]], "muted");
      kit.text(12, 182, `q·log(q/p): area ${number(values.term)}`, "strong");
      kit.text(12, 302, `q·(r − 1 − log r): area ${number(values.lifted)}`, "strong");
      kit.axis(x, 394, [-4, -2, 0, 2, 4, 6], "");
      const top = rows(state.mu, state, data).q, shoulder = rows(state.mu + state.sigma, state, data).q;
      kit.text(x(state.mu), density(top) - 14, "q", "q strong", "middle");
      kit.handle("peak", x(state.mu), density(top), (px) => ({ mu: x.invert(px) }));
      kit.handle("shoulder", x(state.mu + state.sigma), density(shoulder), (px) => ({ sigma: x.invert(px) - state.mu }));
    },
    says(state, values, guess) {
      const same = `Both areas are ${number(values.kl)} nats`;
      if (guess === null) return "Drag q by its peak and its shoulder, and try to sink the total.";
      return `${guess === 1 ? "Right: it" : "It"} cannot. ${same}: the second curve is the first plus p − q, whose area is zero, and it lies nowhere below zero. That is the proof.`;
    },
  });
}
