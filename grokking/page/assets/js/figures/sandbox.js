// The energy well: particles that hold on to memorised places until decay pulls them into a crystal,
// and the run's own tokens measured with the same three formulas.
//
// Everything is a function of the seed, the sliders and the number of moves made: nothing is timed.
(function () {
  'use strict';
  const T = window.Timeless;
  const B = (T.sandbox = { BINS: 36, SEED: 20230117, N: 113, K: 1 });
  const START = { decay: 0, noise: 0.006, step: 0.05 };
  // At λ = 0 the wells hold every particle (their pull reaches A/(σ√e) = 2.0); above λ = 1.05 they hold none; from
  // λ = J on, nothing keeps a ring up. In between its radius is √((J − λ)/β).
  const PHYSICS = { beta: 0.2, A: 1, sigma: 0.3, J: 1.4 };
  const TRIGGER = { decay: 1.2, moves: 750 };

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
    return { n: B.N, k: B.K, z: anchors.slice(), anchors, random, moves: 0, ...START };
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

  T.figure('sandbox', {
    title: 'Energy well and crystallisation',
    caption: (s) =>
      T.state.particles === 'real' && s.circle
        ? `The ${s.n} token embeddings of the run, projected on the plane of k = ${s.circle} of the final model, moved by the clock; unit: their final mean radius.`
        : `${B.N} model particles, seed ${B.SEED}; positions and energy have no unit. Energy, order and entropy are computed from the positions by the formulas above.`,
    read: 'Each particle starts in a well of its own, far out: a memorised place. L2 decay pulls all of them inward; once it is stronger than the wells, they fall, and the common pull J lines them up: particle i finds its place i on a ring, whose rotation is not prescribed. Order Ψ goes from near 0 to near 1, the entropy of the phase errors falls. More decay than J = 1.4 lets the ring collapse: decay can also be too strong. If you switch to the tokens of a run, the clock moves them and decay is zero in the energy. The model only illustrates the idea; the tokens show the network itself.',
    needs: (s) =>
      T.state.particles === 'real'
        ? T.needsFourier(s) ||
          (s.circle ? null : 'This run has no circle; train one of add, sub, mul or div.')
        : null,
    rebuild: (state) => state.particles,
    provenance: () =>
      T.state.particles === 'real'
        ? T.provenance(T.current())
        : `A model with seed ${B.SEED}, β = ${PHYSICS.beta}, A = ${PHYSICS.A}, σ = ${PHYSICS.sigma}, J = ${PHYSICS.J}; it is not a run. The switch shows the tokens of a run.`,
    build(parts, s) {
      const real = T.state.particles === 'real' && Boolean(s.circle);
      const world = (B.world = B.world || B.fresh());
      const canvas = T.canvas(parts.stage, Math.min(parts.width, 480), Math.min(parts.width, 480));
      const reading = T.html('p', { class: 'reading', 'aria-hidden': 'true' });
      const which = T.choice('Particles', 'particles', [
        ['model', 'the model'],
        ['real', 'the run’s tokens'],
      ]);
      parts.stage.append(reading);
      parts.tools.append(which);
      const now = (step) => (real ? B.real(s, step) : world);
      const numbers = (step) => {
        const w = now(step);
        return B.measure(w.z, w.anchors, w.n, w.k, w.decay);
      };
      const draw = (step) => {
        const w = now(step);
        drawParticles(canvas, w);
        const m = numbers(step);
        reading.textContent =
          `E ${m.energy.toFixed(3).replace('-', '−')}   Ψ ${m.order.toFixed(3)}   S ${m.entropy.toFixed(3)}` +
          (real ? '' : `   moves ${w.moves}`);
      };
      if (!real) modelControls(parts, world, () => draw(0));
      return {
        update(state, step) {
          which.refresh();
          draw(step);
        },
        describe(step) {
          const m = numbers(step);
          return `Energy ${m.energy.toFixed(3).replace('-', '−')}, order parameter ${m.order.toFixed(3)}, entropy ${m.entropy.toFixed(3)}.`;
        },
        table(step) {
          const w = now(step);
          return {
            head: ['particle', 'x', 'y'],
            rows: Array.from({ length: w.n }, (_, i) => [String(i), w.z[2 * i], w.z[2 * i + 1]]),
          };
        },
        data: (step) => B.snapshot(now(step)),
      };
    },
  });
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

  function modelControls(parts, world, draw) {
    if (world.stop) world.stop();
    const slider = (name, text, min, max, by) => {
      const out = T.html('output', { text: world[name].toFixed(3) });
      const input = T.html('input', {
        type: 'range',
        min,
        max,
        step: by,
        value: world[name],
        'data-physics': name,
        'aria-label': text,
        oninput: () => {
          world[name] = Number(input.value);
          out.textContent = world[name].toFixed(3);
          draw();
        },
      });
      parts.tools.append(T.html('label', { class: 'slider' }, [T.html('span', { text }), input, out]));
      return () => {
        input.value = world[name];
        out.textContent = world[name].toFixed(3);
      };
    };
    const refresh = [
      slider('decay', 'L2 decay λ', 0, 2, 0.01),
      slider('noise', 'Noise τ', 0, 0.3, 0.005),
      slider('step', 'Step size η', 0.005, 0.1, 0.005),
    ];
    let frame = 0;
    const run = T.html('button', {
      type: 'button',
      text: 'Run',
      onclick: () => (frame ? world.stop() : go(Infinity)),
    });
    world.stop = () => {
      cancelAnimationFrame(frame);
      frame = 0;
      run.textContent = 'Run';
    };
    // Three moves a picture; with reduced motion, all of them at once and one picture.
    function go(moves) {
      world.stop();
      if (T.reducedMotion()) {
        for (let i = 0; i < Math.min(moves, TRIGGER.moves); i++) B.move(world);
        draw();
        return;
      }
      run.textContent = 'Pause';
      const end = world.moves + moves;
      const tick = () => {
        for (let i = 0; i < 3; i++) B.move(world);
        draw();
        if (world.moves >= end) world.stop();
        else frame = requestAnimationFrame(tick);
      };
      frame = requestAnimationFrame(tick);
    }
    parts.tools.append(
      T.html('div', { class: 'choice' }, [
        run,
        T.html('button', {
          type: 'button',
          class: 'strong',
          text: 'Trigger phase transition',
          onclick: () => {
            world.decay = TRIGGER.decay;
            refresh.forEach((f) => f());
            go(TRIGGER.moves);
          },
        }),
        T.html('button', {
          type: 'button',
          text: 'Reset',
          onclick: () => {
            world.stop();
            Object.assign(world, B.fresh());
            refresh.forEach((f) => f());
            draw();
          },
        }),
      ]),
    );
  }

  function drawParticles(canvas, w) {
    const { ctx, width, height } = canvas;
    let reach = 2.2;
    for (let i = 0; i < w.n; i++)
      reach = Math.max(reach, 1.05 * Math.hypot(w.anchors[2 * i], w.anchors[2 * i + 1]));
    const scale = Math.min(width, height) / 2 / reach;
    const at = (list, i) => [width / 2 + list[2 * i] * scale, height / 2 - list[2 * i + 1] * scale];
    canvas.clear();
    ctx.strokeStyle = T.colour('faint');
    for (const r of [1, 2]) {
      ctx.beginPath();
      ctx.arc(width / 2, height / 2, r * scale, 0, 7);
      ctx.stroke();
    }
    for (let i = 0; i < w.n; i++) {
      const [x, y] = at(w.anchors, i);
      ctx.beginPath();
      ctx.arc(x, y, 1.2, 0, 7);
      ctx.fillStyle = T.colour('other_frequency');
      ctx.fill();
    }
    for (let i = 0; i < w.n; i++) {
      const [x, y] = at(w.z, i);
      ctx.fillStyle = T.residue(((w.k * i) % w.n) / w.n);
      ctx.beginPath();
      ctx.arc(x, y, 4.2, 0, 7);
      ctx.fill();
    }
  }
})();
