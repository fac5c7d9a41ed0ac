/* Chapter 04: mean field on the 4-by-4 torus, a tap an update. The better bound has the worse marginals. */
"use strict";

{
  const { number, scale } = bookExplorer;
  const SITES = [...Array(16).keys()], NUDGED = 5, NUDGE = 0.1;
  const WIDE = 640, tileOf = (width) => Math.min(60, (width - 128) / 4);   // below WIDE the curve stands under the torus
  const name = (site) => `Row ${Math.floor(site / 4) + 1}, column ${site % 4 + 1}`;
  const black = (site) => (Math.floor(site / 4) + site) % 2 === 0;
  const right = (site) => site - site % 4 + (site + 1) % 4, below = (site) => (site + 4) % 16;
  const tied = (one, other) => right(one) === other || below(one) === other;
  const around = SITES.map((site) => SITES.filter((other) => tied(site, other) || tied(other, site)));

  const total = (list, term) => list.reduce((sum, item, i) => sum + term(item, i), 0);
  const xlogx = (x) => x > 0 ? x * Math.log(x) : 0;
  const entropy = (m) => -xlogx((1 + m) / 2) - xlogx((1 - m) / 2);
  const cross = (m, to) => total([1, -1], (s) => m === -s ? 0 : -(1 + s * m) / 2 * Math.log((1 + s * to) / 2));
  const kl = (m, to) => cross(m, to) - entropy(m);

  /* −J of the means (Ising-J), each tie met once; what a site hears; and its best mean, the others held (tanh). */
  const bound = (m, { beta, field }) =>
    total(m, (mean, i) => field * mean + beta * mean * (m[right(i)] + m[below(i)]) + entropy(mean));
  const hears = (m, { beta, field }, site) => field + beta * total(around[site], (other) => m[other]);
  const update = (m, state, site) => m.map((mean, i) => i === site ? Math.tanh(hears(m, state, site)) : mean);
  const inTurn = (m, state, sites = SITES) => sites.reduce((now, site) => update(now, state, site), m);
  const nudged = (m) => m.map((mean, i) => i === NUDGED ? Math.min(1, mean + NUDGE) : mean);
  const allAtOnce = (m, state) => SITES.map((site) => Math.tanh(hears(m, state, site)));

  /* Z is the trace of T⁴, T over the 16 states of a row (transfer). The exact mean, the same at every site, weighs the
     states of one row by the diagonal of T⁴. */
  const rows = SITES.map((bits) => [0, 1, 2, 3].map((c) => (bits >> c & 1) * 2 - 1));
  function exact({ beta, field }) {
    const own = rows.map((a) => total(a, (s, c) => beta * s * a[(c + 1) % 4] + field * s));
    const between = (a, b) => beta * total(a, (s, c) => s * b[c]);
    const T = rows.map((a, i) => rows.map((b, j) => Math.exp(own[i] / 2 + between(a, b) + own[j] / 2)));
    const squared = T.map((row) => T.map((column) => total(row, (t, k) => t * column[k])));   // T is symmetric
    const weights = squared.map((row) => total(row, (t) => t * t)), Z = total(weights, (weight) => weight);
    return { logZ: Math.log(Z), exact: total(weights, (weight, i) => weight * total(rows[i], (s) => s / 4)) / Z };
  }

  /* −J at each half sweep of the chapter's nudged run, black sites first; and the mean where it ends. */
  function nudgedRun(state, { nudge, sweeps }) {
    let m = SITES.map(() => nudge);
    const line = [bound(m, state)], colours = [SITES.filter(black), SITES.filter((site) => !black(site))];
    for (let half = 0; half < 2 * sweeps; half++) {
      m = inTurn(m, state, colours[half % 2]);
      line.push(bound(m, state));
    }
    return { line, end: m[0] };
  }

  const means = (state) => SITES.map((site) => state[`m${site}`]);
  const asState = (m) => Object.fromEntries(m.map((mean, site) => [`m${site}`, mean]));

  /* What the last step did, told only while the picture is what it led to; and where the guess was made. */
  const here = (state) => [state.step, state.beta, state.field].join();
  let last = { at: null }, answer = { guess: null };
  function step(state, kind, to, site = NUDGED) {
    const from = means(state), next = { ...asState(to), step: state.step + 1 };
    const lift = bound(to, state) - bound(from, state), diverged = total(from, (mean, i) => kl(mean, to[i]));
    last = { at: here({ ...state, ...next }), kind, site, from, to, lift, diverged };
    return next;
  }

  const none = (value) => Math.abs(value) < 5e-6;   // below the last digit shown
  const nats = (value) => none(value) ? "0" : number(value, Math.abs(value) < 0.01 ? 5 : 3);
  const moves = (lift) =>
    none(lift) ? "−J does not change" : `−J ${lift < 0 ? "falls" : "rises"} by ${nats(Math.abs(lift))} nats`;
  const told = {
    tap({ site, from, to, lift, diverged }, state) {
      const place = `${name(site)} hears ${number(hears(to, state, site), 2)} and`, mean = number(to[site], 2);
      if (to[site] === from[site]) return `${place} stays at ${mean}, its tanh.`;
      const way = `goes from ${number(from[site], 2)} to its tanh, ${mean}`;
      if (none(diverged) && number(from[site], 2) === mean)
        return `${place} is there already, to the digits shown: ${mean}, its tanh.`;
      return `${place} ${way}. ${moves(lift)}; KL(old‖new) is ${nats(diverged)}.`;
    },
    sweep: ({ lift, diverged }) => none(diverged) ? "Sixteen updates in turn: nothing changes, to five digits." :
      `Sixteen updates in turn: ${moves(lift)}, and their KL(old‖new) add up to ${nats(diverged)}.`,
    parallel: ({ lift, diverged }) => none(diverged) ? "All at once: nothing changes, to five digits." :
      `All at once, each from its neighbours’ old means: ${moves(lift)}, while the KL(old‖new) add up to ` +
      `${nats(diverged)}. (descent) counts on the others standing still.`,
    nudge: ({ to, lift }) =>
      `${name(NUDGED)} is nudged to ${number(to[NUDGED], 2)}; ${moves(lift)}. Update it, or a neighbour, or sweep.`,
    checkerboard: () =>
      "Black sites at 0.01, white ones at −0.01. Sweep a few times; or send all at once, a few times.",
  };

  /* Where the means stand. Near ties of ¼ they creep: only what is still is called a valley. */
  function standing(m, { field }, { exact, gap, best }) {
    const price = `gap is ${number(gap, 2)} nats`, alike = m.every((mean) => Math.abs(mean - m[0]) < 0.002);
    const move = Math.max(...m.map((mean, i) => Math.abs(mean - best[i]))), still = move < 1e-8;
    if (move > 0.0005) return `The ${price}.`;
    if (still && field === 0 && m.every((mean) => Math.abs(mean) < 0.0005))
      return `Nothing moves: tanh 0 = 0. Every marginal is right, and the ${price}.`;
    const rest = still ? "No site moves any more" : "Hardly any site moves";
    if (!alike) return `${rest}${still ? ", and they differ: one valley of several" : ""}. The ${price}.`;
    const at = `${rest}, all at ${number(m[0], 2)}`;
    if (still && m[0] * field < 0) return `${at}, against the field: a wrong valley. The ${price}.`;
    return `${at}, where the exact mean is ${number(exact, 2)}. The ${price}.`;
  }

  /* The answer is about the nudge from the undecided point; elsewhere it says so. */
  function answered(m, { beta, field }, right) {
    const gone = `${right ? "Right: it" : "It"} is gone`;
    if (field !== 0 || m.some((mean, i) => i !== NUDGED && mean !== 0))
      return `${gone}, if h = 0 and all other sites are undecided: the nudged site hears its neighbours, not itself, ` +
        "and tanh 0 = 0. Now this picture is elsewhere; “Start again” leads there.";
    return `${gone}. The nudged site hears its neighbours, not itself; they are all at 0, and tanh 0 = 0. ` +
      (beta > 0.25 ? "Update a neighbour first, or sweep, and at this β the rest will follow, sweep by sweep." :
        "At this β, not above ¼, a nudge that a neighbour heard dies out too.");
  }

  bookExplorer({
    name: "ising",
    title: "sixteen spins on a torus, with their means under q and the exact ones; the gauge; a nudged run",
    controls: {
      beta: { label: "strength of the ties, β", min: 0, max: 1, step: 0.01, value: (data) => data.beta },
      field: { label: "field at every site, h", min: -1, max: 1, step: 0.01, value: 0 },
      step: { hidden: true, min: 0, max: 1e9, value: 0 },
      ...Object.fromEntries(SITES.map((site) => [`m${site}`, { hidden: true, min: -1, max: 1, value: 0 }])),
    },
    ask: {
      question: "No field, all sites undecided. Nudge one, and update that same site first: what becomes of the nudge?",
      answers: ["It grows", "It stays", "It is gone"],
    },
    compute(state, data) {
      const m = means(state), value = bound(m, state), truth = exact(state), average = total(m, (mean) => mean / 16);
      const best = allAtOnce(m, state), run = nudgedRun(state, data);
      return { ...truth, bound: value, gap: truth.logZ - value, average, best, run };
    },
    readouts: [
      { key: "logZ", label: "log Z" },
      { key: "bound", label: "−J(q)" },
      { key: "gap", label: "gap, KL(q‖p)" },
      { key: "average", label: "average m", unit: "" },
      { key: "exact", label: "exact mean", unit: "" },
    ],
    height: (width) => width < WIDE ? 4 * tileOf(width) + 264 : 310,
    draw(kit, state, values, data) {
      const narrow = kit.width < WIDE, tile = tileOf(kit.width), side = tile - 3, top = 44;
      const m = means(state);
      kit.text(0, 14, "m of each site under q", "q strong");
      kit.text(0, 33, `exact mean ${number(values.exact, 2)}`, "p strong");
      for (const site of SITES) {   // each a small scale from −1 to 1
        const x = site % 4 * tile, y = top + Math.floor(site / 4) * tile, at = scale([-1, 1], [y + side, y]);
        const mean = number(m[site], 2), level = at(values.exact);
        kit.rect(x, y, side, side, "tile");
        kit.rect(x, at(0), side, at(m[site]) - at(0), "q fill solid");
        kit.line([[x, at(0)], [x + side, at(0)]], "muted");
        for (const edge of [x, x + side - 8]) kit.line([[edge, level], [edge + 8, level]], "p thick");
        kit.text(x + side / 2, at(m[site] < 0 ? 0.5 : -0.5) + 5, mean, "small", "middle");
        kit.button(`site${site}`, { x, y, width: side, height: side }, `${name(site)}, m = ${mean}: update it`,
          () => step(state, "tap", update(m, state, site), site));
      }
      if (last.at === here(state) && ["tap", "sweep", "parallel"].includes(last.kind)) {
        const change = none(last.lift) ? "−J as before" : `−J ${last.lift < 0 ? "−" : "+"}${nats(Math.abs(last.lift))}`;
        const both = none(last.diverged) ? "nothing changes" : `${change}, KL(old‖new) ${nats(last.diverged)}`;
        kit.text(0, top + 4 * tile + 18, both, "gap strong");
      }
      const low = 8, span = narrow ? { y: 0, height: top + 4 * tile - 20 } : { y: 20, height: 220 };
      const box = { x: 4 * tile + 20, width: 104, ...span };
      kit.gauge(box, { ceiling: values.logZ, line: values.bound, low });
      const beside = { x: box.x + 126, y: box.y + 22, height: box.height - 22 };
      const panel = narrow ? { x: 4, y: box.height + 90, height: 100 } : beside;
      const x = scale([0, data.sweeps], [panel.x, kit.width - 8]), foot = panel.y + panel.height;
      const y = scale([low, values.logZ], [foot, panel.y]);
      kit.text(x(0), panel.y - 26, "−J of the nudged run, under log Z", "q strong");
      kit.text(x(0), panel.y - 7, `m: ${data.nudge} → ${number(values.run.end, 2)} after ${data.sweeps} sweeps`, "q");
      kit.line([[x(0), panel.y], [x(data.sweeps), panel.y]], "ink");
      kit.line(values.run.line.map((value, half) => [x(half / 2), y(value)]), "q dashed");
      kit.axis(x, foot + 6, [0, 2, 4, 6, 8, 10], "its sweeps");
    },
    says(state, values, guess) {
      const at = here(state), standingNow = standing(means(state), state, values);
      if (answer.guess !== guess) answer = { guess, at };
      if (guess !== null && answer.at === at)
        return answered(means(state), state, guess === 2);
      if (last.at === at) return `${told[last.kind](last, state)} ${standingNow}`;
      return "Tap a site to update it. It hears h, plus β times the sum of its four neighbours’ m, " +
        `and takes the tanh. The gap is ${number(values.gap, 2)} nats.`;
    },
    actions: {
      "Nudge a site": (state) => step(state, "nudge", nudged(means(state))),
      "Sweep": (state) => step(state, "sweep", inTurn(means(state), state)),
      "All at once": (state) => step(state, "parallel", allAtOnce(means(state), state)),
      "Faint checkerboard": (state) => step(state, "checkerboard", SITES.map((site) => black(site) ? 0.01 : -0.01)),
      "All undecided": () => ({ ...asState(SITES.map(() => 0)), step: 0 }),
    },
  });
}
