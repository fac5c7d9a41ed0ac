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

  /* Where q = p: the log-ratio is a parabola in x, or a line where the widths are equal. */
  function crossings({ mu, sigma }, { mu_p, sigma_p }) {
    const a = (sigma_p ** -2 - sigma ** -2) / 2, b = mu / sigma ** 2 - mu_p / sigma_p ** 2;
    const c = ((mu_p / sigma_p) ** 2 - (mu / sigma) ** 2) / 2 + Math.log(sigma_p / sigma);
    if (Math.abs(a) < 1e-12) return b === 0 ? [] : [-c / b];
    const root = b ** 2 - 4 * a * c;
    return root > 0 ? [(-b - Math.sqrt(root)) / (2 * a), (-b + Math.sqrt(root)) / (2 * a)] : [];
  }

  /* Simpson's rule on pieces no longer than a 200th of the narrower width, between the places where a sign may change. */
  function areas(state, data) {
    const reach = 10 * Math.max(state.sigma, data.sigma_p), step = Math.min(state.sigma, data.sigma_p) / 200;
    const ends = [Math.min(state.mu, data.mu_p) - reach, ...crossings(state, data), Math.max(state.mu, data.mu_p) + reach].sort((a, b) => a - b);
    const sum = { term: 0, lifted: 0, negative: 0, least: 0 };
    for (let i = 0; i + 1 < ends.length; i++) {
      const count = 2 * Math.ceil((ends[i + 1] - ends[i]) / step / 2), h = (ends[i + 1] - ends[i]) / count;
      let term = 0, lifted = 0;
      for (let k = 0; k <= count; k++) {
        const at = rows(ends[i] + k * h, state, data), weight = (k === 0 || k === count ? 1 : k % 2 ? 4 : 2) * h / 3;
        term += weight * at.term;
        lifted += weight * at.lifted;
        sum.least = Math.min(sum.least, at.lifted);
      }
      sum.term += term;
      sum.lifted += lifted;
      sum.negative += Math.min(term, 0);
    }
    return sum;
  }

  bookExplorer({
    name: "two-gaussians",
    title: "q and p, two Gaussians; the terms of KL(q‖p) with their negative patches; and the same area with no negative patch",
    controls: {
      mu: { label: "peak of q, μ", min: -2, max: 4, step: 0.01, value: (data) => data.mu },
      sigma: { label: "width of q, σ", min: 0.5, max: 1.6, step: 0.01, value: (data) => data.sigma },
    },
    ask: { question: "The curve q·log(q/p) dips below zero. Can its total?", answers: ["Yes, for some q", "No, for none"] },
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
    height: () => 440,
    draw(kit, state, values, data) {
      const [left, right] = [-6.5, 8.5], x = scale([left, right], [8, kit.width - 8]);
      const grid = Array.from({ length: 301 }, (_, i) => left + i * (right - left) / 300), at = grid.map((t) => rows(t, state, data));
      const panel = (top, height, low, high) => scale([low, high], [top + height, top]);
      const density = panel(30, 112, 0, 0.8), most = Math.max(0.12, ...at.map((r) => r.lifted), ...at.map((r) => r.term));
      const least = Math.min(-0.08, ...at.map((r) => r.term)), upper = panel(190, 96, least, most), lower = panel(316, 96, least, most);
      const curve = (scale, key) => grid.map((t, i) => [x(t), scale(at[i][key])]);
      kit.line(curve(density, "p"), "p");
      kit.line(curve(density, "q"), "q dashed");
      const side = data.mu_p + (state.mu > data.mu_p ? -1.2 : 1.2) * data.sigma_p;   // away from q
      kit.text(x(side), density(rows(side, state, data).p) - 8, "p", "p strong", "middle");
      kit.area(curve(upper, "term"), upper(0), "muted fill");
      kit.area(curve(upper, "term").map(([a, b]) => [a, Math.max(b, upper(0))]), upper(0), "caught fill solid");
      kit.line(curve(upper, "term"), "ink thin");
      kit.line([[x(left), upper(0)], [x(right), upper(0)]], "muted");
      kit.area(curve(lower, "lifted"), lower(0), "gap fill");
      kit.area(curve(lower, "lifted"), lower(0), "gap hatch");
      kit.line(curve(lower, "lifted"), "ink thin");
      kit.line([[x(left), lower(0)], [x(right), lower(0)]], "muted");
      kit.text(8, 182, `q·log(q/p): area ${number(values.term)}`, "strong");
      kit.text(8, 308, `q·(r − 1 − log r), r = p/q: area ${number(values.lifted)}`, "strong");
      kit.axis(x, 418, [-6, -4, -2, 0, 2, 4, 6, 8], "");
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
