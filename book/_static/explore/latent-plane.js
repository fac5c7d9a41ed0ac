/* Chapter 10: the latent plane. A ring on it is decoded; contours of one image's posterior; after a guess, the encoder's q. */
"use strict";

{
  const { number, scale } = bookExplorer;
  const REACH = 3.6, STEP = 0.8;               // the plane goes from -REACH to REACH; one decoded digit for each STEP
  const PRIOR_90 = Math.sqrt(-2 * Math.log(0.1));   // the radius that holds 90 % of the prior

  /* The decoder: a layer of tanh, then a linear one. z: two numbers -> 64 logits */
  function decode(z, decoder) {
    const [W, b, V, c] = ["0.weight", "0.bias", "2.weight", "2.bias"].map((name) => decoder[name]);
    const hidden = W.map((row, j) => Math.tanh(row[0] * z[0] + row[1] * z[1] + b[j]));
    return V.map((row, i) => row.reduce((sum, v, j) => sum + v * hidden[j], c[i]));
  }

  const softplus = (l) => Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l)));
  const sigmoid = (l) => 1 / (1 + Math.exp(-l));
  const logLik = (x, logits) => logits.reduce((sum, l, i) => sum + x[i] * l - softplus(l), 0);   // equation (Bernoulli)

  const sideOf = (width) => Math.max(100, width < 560 ? width - 26 : Math.min(width - 272, 414));   // of the plane, in pixels

  /* An 8 by 8 picture as rectangles. shade: 64 numbers from 0 to 1 */
  function picture(kit, x, y, size, shade, name) {
    const side = size / 8;
    shade.forEach((s, i) => {
      kit.rect(x + (i % 8) * side, y + Math.floor(i / 8) * side, side, side, "ink fill solid").setAttribute("opacity", s.toFixed(3));
    });
    kit.rect(x, y, size, size, "line muted");
    kit.text(x, y - 6, name, "small");
  }

  /* What the decoder draws all over the plane, as three paths of squares, one over the other: the darker the surer. */
  function sheet(kit, x, y, decoder) {
    const paths = [0.3, 0.55, 0.8].map((limit) => ({ limit, squares: [] })), side = (x(STEP) - x(0)) / 9;
    for (let i = 0; i < 81; i++) {
      const z = [(i % 9 - 4) * STEP, (4 - Math.floor(i / 9)) * STEP];
      decode(z, decoder).map(sigmoid).forEach((s, k) => {
        const corner = `M${(x(z[0]) + (k % 8 - 4) * side).toFixed(1)} ${(y(z[1]) + (Math.floor(k / 8) - 4) * side).toFixed(1)}`;
        for (const path of paths) if (s > path.limit) path.squares.push(`${corner}h${side}v${side}h${-side}z`);
      });
    }
    const group = kit.add("g");
    group.append(...paths.map((path) => kit.add("path", { d: path.squares.join(""), class: "ink fill sheet" })));
    return group;
  }

  let kept = {};   // the sheet last drawn, and how large: it is the same for every place of the ring

  bookExplorer({
    name: "latent-plane",
    title: "the plane of latents with a ring to drag, what the decoder draws there, one image's posterior, and its evidence",
    controls: {
      image: {
        label: "image", options: (data) => data.images.map(({ name }, i) => [i, name]), value: 0,
        anew: true, then: (image, { images }) => ({ z1: images[image].top[0], z2: images[image].top[1] }),
      },
      z1: { label: "ring, z₁", min: -REACH, max: REACH, step: 0.01, value: (data) => data.images[0].top[0] },
      z2: { label: "ring, z₂", min: -REACH, max: REACH, step: 0.01, value: (data) => data.images[0].top[1] },
    },
    ask: {
      question: "In blue: the latents that this image may have come from. The encoder never saw it in training. Where will it put its q, "
        + "and how much of the patch will q's two widths hold?",
      answers: ["On the blue patch (over 50 % of it)", "Partly on it (15 to 50 %)", "Beside it (under 15 %)"],
    },
    compute({ image, z1, z2 }, { decoder, images }) {
      const { x, mu, top, log_px, elbo, cover } = images[image], logits = decode([z1, z2], decoder);
      const log_lik = logLik(x, logits), log_prior = -(z1 ** 2 + z2 ** 2) / 2 - Math.log(2 * Math.PI), log_joint = log_lik + log_prior;
      const at_mu = logLik(x, decode(mu, decoder)), at_top = logLik(x, decode(top, decoder));
      return { logits, log_lik, log_prior, log_joint, log_px, log_post: log_joint - log_px, elbo, gap: log_px - elbo, cover, at_mu, at_top };
    },
    readouts: [
      { key: "log_lik", label: "log p(x|z) at the ring" },
      { key: "log_prior", label: "log p(z) there" },
      { key: "log_joint", label: "log p(x, z), their sum" },
      { key: "log_px", label: "log p(x), over the whole plane" },
      { key: "log_post", label: "log p(z|x), the sum less log p(x)" },
    ],
    actions: {
      "To the posterior's top": ({ image }, values, { images }) => ({ z1: images[image].top[0], z2: images[image].top[1] }),
      "To the encoder's μ": ({ image }, values, { images }) => ({ z1: images[image].mu[0], z2: images[image].mu[1] }),
    },
    late: ["To the encoder's μ"],
    height: (width) => sideOf(width) + (width < 560 ? 282 : 28),
    draw(kit, { image, z1, z2 }, values, { decoder, images }) {
      const narrow = kit.width < 560, side = sideOf(kit.width);
      const x = scale([-REACH, REACH], [24, 24 + side]), y = scale([-REACH, REACH], [side, 0]), at = ([a, b]) => [x(a), y(b)];
      const { x: pixels, mu, sigma, half, most } = images[image];
      if (kept.side !== side) kept = { side, sheet: sheet(kit, x, y, decoder) };
      kit.layer.append(kept.sheet);
      kit.add("circle", { cx: x(0), cy: y(0), r: x(PRIOR_90) - x(0), class: "line muted dashed" });
      kit.text(x(0), y(-PRIOR_90) + 15, "the prior's 90 %", "small halo", "middle");
      const outline = (part, classes) => kit.add("polygon", { points: part.map(at).join(" "), class: classes });
      for (const part of most) outline(part, "p fill"), kit.line(part.map(at), "p thin");
      for (const part of half) outline(part, "line p");
      kit.axis(x, side + 4, [-3, -2, -1, 0, 1, 2, 3], "");
      for (const tick of [-3, -2, -1, 0, 1, 2, 3]) kit.text(18, y(tick) + 4, String(tick).replace("-", "−"), "muted small", "end");
      kit.text(24 + side, side + 20, "z₁", "muted", "end");
      kit.text(18, 11, "z₂", "muted", "end");
      const unit = x(1) - x(0);
      if (kit.revealed) for (const widths of [1, 2])
        kit.add("ellipse", { cx: x(mu[0]), cy: y(mu[1]), rx: widths * sigma[0] * unit, ry: widths * sigma[1] * unit, class: "line q dashed" });

      const shades = values.logits.map(sigmoid), column = side + 50;
      if (narrow) {
        picture(kit, 24, side + 54, 96, pixels, "the image x");
        picture(kit, 24, side + 176, 96, shades, "decoded at the ring");
        this.nats(kit, { x: 150, y: side + 40, width: 76, height: 214 }, values);
      } else {
        picture(kit, column, 18, 84, pixels, "the image x");
        picture(kit, column + 100, 18, 84, shades, "decoded at the ring");
        this.nats(kit, { x: column, y: 124, width: 80, height: side - 136 }, values);
      }
      kit.handle("ring", x(z1), y(z2), (px, py) => ({ z1: x.invert(px), z2: y.invert(py) }), "ink ring");
    },

    /* The gauge of this image, and beside it where log p(x|z) stands at the ring. */
    nats(kit, box, { log_px, log_lik, elbo }) {
      const low = Math.min(elbo, log_px - 12) - 4, high = log_px + 7, right = box.x + box.width;
      const at = scale([low, high], [box.y + box.height, box.y + 22]), mark = Math.min(Math.max(log_lik, low), high);
      if (kit.revealed) kit.gauge(box, { ceiling: log_px, line: elbo, low, high, ceilingName: "log p(x)", lineName: "ELBO", digits: 1 });
      else {
        kit.line([[box.x, at(log_px)], [right, at(log_px)]], "ink thick");
        kit.text(box.x, at(log_px) - 7, `log p(x) ${number(log_px, 1)}`, "strong");
      }
      kit.line([[right + 32, at(mark)], [right + 46, at(mark) - 6], [right + 46, at(mark) + 6], [right + 32, at(mark)]], "p");
      kit.text(right + 50, at(mark) - 2, "log p(x|z)", "p small");
      kit.text(right + 50, at(mark) + 13, `${number(log_lik, 1)}${log_lik < low ? " ↓" : ""}`, "p strong");
    },
    says(state, { cover, at_mu, at_top, gap }, guess, { images }) {
      if (guess === null) return "Half of the posterior lies inside the thick line, nine tenths inside the thin one. Drag the ring: "
        + "wherever its log p(x|z) stands above log p(x), this image has made the point likelier than the prior had it.";
      const answer = cover > 0.5 ? 0 : cover > 0.15 ? 1 : 2, where = ["On the patch", "Partly on it", "Beside it"][answer];
      const gaps = images.map(({ log_px, elbo }) => log_px - elbo);
      const others = gap >= Math.max(...gaps) ? "better" : gap <= Math.min(...gaps) ? "worse" : "better or worse";
      const costs = `At its centre log p(x|z) is ${number(at_mu, 1)}, at the posterior's top ${number(at_top, 1)}; the gap is ${number(gap, 2)} nats.`;
      return `${guess === answer ? "Yes, " + where.toLowerCase() : where}: q's two widths, dashed, hold ${number(100 * cover, 0)} % of the posterior `
        + `(86 % if q were the posterior). ${costs} Other images fare ${others}: choose one.`;
    },
  });
}
