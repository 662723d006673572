// The physics of the energy well: particles that hold on to memorised places until decay pulls them into a crystal.
//
// Everything is a function of the seed, the sliders and the number of moves made: nothing is timed.
(function () {
  'use strict';
  const T = window.Timeless;
  const B = (T.sandbox = { BINS: 36, SEED: 20230117, N: 113, K: 1 });
  const START = { decay: 0, noise: 0.02, step: 0.05 };
  // At λ = 0 the wells hold every particle (their pull reaches A/(σ√e) = 2.0); above λ = 1.05 they hold none; from
  // λ = J on, nothing keeps a ring up. In between its radius is √((J − λ)/β).
  const PHYSICS = (B.PHYSICS = { beta: 0.2, A: 1, sigma: 0.3, J: 1.4 });

  // mulberry32: a small generator, the same numbers on every machine.
  B.generator = function (seed) {
    let a = seed >>> 0;
    return () => {
      a = (a + 0x6d2b79f5) | 0;
      let t = Math.imul(a ^ (a >>> 15), 1 | a);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  };
  const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

  B.fresh = function () {
    const random = B.generator(B.SEED);
    const anchors = new Float64Array(2 * B.N);
    for (let i = 0; i < B.N; i++) {
      // memorised places: far out, anywhere around
      const r = 1.4 + 0.5 * random(),
        angle = 2 * Math.PI * random();
      anchors[2 * i] = r * Math.cos(angle);
      anchors[2 * i + 1] = r * Math.sin(angle);
    }
    return { n: B.N, k: B.K, z: anchors.slice(), anchors, random, moves: 0, trace: [], ...START };
  };

  // M of the formula, as [re, im].
  B.magnet = function (z, n, k) {
    let re = 0,
      im = 0;
    for (let i = 0; i < n; i++) {
      const phase = (2 * Math.PI * ((k * i) % n)) / n,
        c = Math.cos(phase),
        s = Math.sin(phase);
      re += (z[2 * i] * c + z[2 * i + 1] * s) / n;
      im += (z[2 * i + 1] * c - z[2 * i] * s) / n;
    }
    return [re, im];
  };

  // Energy, order parameter and entropy of positions z [2n] with anchors [2n]: the printed formulas.
  B.measure = function (z, anchors, n, k, decay) {
    const { beta, A, sigma, J } = PHYSICS;
    const [re, im] = B.magnet(z, n, k);
    let energy = (-J / 2) * (re * re + im * im),
      cos = 0,
      sin = 0;
    const bins = new Float64Array(B.BINS);
    for (let i = 0; i < n; i++) {
      const x = z[2 * i],
        y = z[2 * i + 1],
        r2 = x * x + y * y;
      const away = (x - anchors[2 * i]) ** 2 + (y - anchors[2 * i + 1]) ** 2;
      energy += ((decay / 2) * r2 + (beta / 4) * r2 * r2 - A * Math.exp(-away / (2 * sigma * sigma))) / n;
      const turn = Math.atan2(y, x) / (2 * Math.PI) - ((k * i) % n) / n;
      cos += Math.cos(2 * Math.PI * turn) / n;
      sin += Math.sin(2 * Math.PI * turn) / n;
      bins[Math.min(B.BINS - 1, Math.floor((turn - Math.floor(turn)) * B.BINS))] += 1 / n;
    }
    let entropy = 0;
    bins.forEach((q) => {
      if (q > 0) entropy -= (q * Math.log(q)) / Math.log(B.BINS);
    });
    return { energy, order: Math.hypot(cos, sin), entropy };
  };

  B.move = function (world) {
    const { beta, A, sigma, J } = PHYSICS;
    const { z, anchors, n, k, decay, noise, step } = world;
    const [re, im] = B.magnet(z, n, k);
    const kick = Math.sqrt(2 * step * noise);
    for (let i = 0; i < n; i++) {
      const x = z[2 * i],
        y = z[2 * i + 1],
        r2 = x * x + y * y;
      const dx = x - anchors[2 * i],
        dy = y - anchors[2 * i + 1];
      const well = (A / (sigma * sigma)) * Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
      const phase = (2 * Math.PI * ((k * i) % n)) / n,
        c = Math.cos(phase),
        s = Math.sin(phase);
      z[2 * i] +=
        -step * ((decay + beta * r2) * x + well * dx - J * (re * c - im * s)) + kick * normal(world.random);
      z[2 * i + 1] +=
        -step * ((decay + beta * r2) * y + well * dy - J * (re * s + im * c)) + kick * normal(world.random);
    }
    world.moves++;
    if (world.moves % 3 === 0) B.note(world);
  };

  // The trace keeps the energy without λ and what λ multiplies, so that the whole of it can be drawn for the λ of the
  // slider: when λ changes nothing jumps, and for one λ the energy can only fall, but for the noise.
  const LONGEST = 800;
  B.note = function (w) {
    const { energy, order, entropy } = B.measure(w.z, w.anchors, w.n, w.k, 0);
    const half = w.z.reduce((sum, x) => sum + x * x, 0) / (2 * w.n);
    w.trace.push({ moves: w.moves, energy, half, order, entropy });
    if (w.trace.length > LONGEST) w.trace = w.trace.filter((_, i) => i % 2 === 0);
  };
  B.energyOf = (point, decay) => point.energy + decay * point.half;

  // What a particle feels at distance r from the centre, on the ray through its anchor at distance m: decay, its well,
  // and the pull of the others, of strength |M|.
  B.potential = function (r, m, decay, pull) {
    const { beta, A, sigma, J } = PHYSICS;
    const well = A * Math.exp(-((r - m) ** 2) / (2 * sigma * sigma));
    return (decay / 2) * r * r + (beta / 4) * r ** 4 - well - J * pull * r;
  };

  // The run's tokens on the final model's plane, scaled so that their final mean radius is 1; each one's
  // anchor is where it began.
  B.real = function (s, step) {
    if (!s.sandboxPlane) {
      const d = s.shape.d_model,
        last = s.steps.length - 1;
      const values = (at) => T.maths.centred(s.at('W_E', at), s.members, d);
      const plane = T.maths.plane(values(last), s.n, d, s.circle);
      const points = s.steps.map((_, at) => T.maths.project(values(at), s.n, d, plane));
      let radius = 0;
      for (let i = 0; i < s.n; i++) radius += Math.hypot(points[last][2 * i], points[last][2 * i + 1]) / s.n;
      points.forEach((z) => {
        for (let i = 0; i < z.length; i++) z[i] /= radius || 1;
      });
      s.sandboxPlane = points;
    }
    return { n: s.n, k: s.circle, z: s.sandboxPlane[step], anchors: s.sandboxPlane[0], decay: 0 };
  };

  B.snapshot = (w) => ({
    n: w.n,
    k: w.k,
    decay: w.decay,
    ...PHYSICS,
    bins: B.BINS,
    positions: Array.from(w.z),
    anchors: Array.from(w.anchors),
    moves: w.moves,
    ...B.measure(w.z, w.anchors, w.n, w.k, w.decay),
  });
})();
