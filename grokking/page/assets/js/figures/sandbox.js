// The energy well on show: the particles, the landscape of one of them, and live traces; or the run's own tokens,
// measured with the same three formulas.
(function () {
  'use strict';
  const T = window.Timeless;
  const B = T.sandbox;
  const TRIGGER = { decay: 1.2, moves: 750, coolest: 0.001 };

  T.figure('sandbox', {
    title: 'Energy well and crystallisation',
    caption: (s) =>
      T.state.particles === 'real' && s.circle
        ? `The ${s.n} token embeddings of the run, projected on the plane of k = ${s.circle} of the final model, moved by the clock; unit: their final mean radius.`
        : `${B.N} model particles, seed ${B.SEED}; positions and energy have no unit. Energy, order and entropy are computed from the positions by the formulas above.`,
    read: 'Each particle starts in a well of its own, far out: a memorised place. Noise shakes it. The curve at the upper right is the landscape of the ringed particle, on the ray through its well: while decay λ is small, a wall keeps it there; once λ is large the wall is gone and it rolls inward. There the common pull J lines all of them up: particle i finds its place i on a ring, and the noise dies away. Order Ψ goes from near 0 to near 1, the entropy S of the phase errors falls. The energy E is drawn for the λ of the slider over the whole time, so it does not jump when λ is moved. Decay above J = 1.4 lets the ring collapse: it can also be too strong. The model only illustrates the idea; the tokens of the run show the network itself.',
    needs: (s) =>
      T.state.particles === 'real'
        ? T.needsFourier(s) ||
          (s.circle ? null : 'This run has no circle; train one of add, sub, mul or div.')
        : null,
    rebuild: (state) => state.particles,
    provenance: () =>
      T.state.particles === 'real'
        ? T.provenance(T.current())
        : `A model with seed ${B.SEED}, κ = ${B.PHYSICS.beta}, A = ${B.PHYSICS.A}, w = ${B.PHYSICS.sigma}, J = ${B.PHYSICS.J}; it is not a run. The switch shows the tokens of a run.`,
    build(parts, s) {
      const real = T.state.particles === 'real' && Boolean(s.circle);
      const world = (B.world = B.world || B.fresh());
      const wide = !real && parts.width > 700;
      const size = wide ? Math.min(440, parts.width * 0.5) : Math.min(parts.width, 440);
      const box = T.html('div', { class: 'two' });
      parts.stage.append(box);
      const canvas = T.canvas(box, size, size);
      const side = real
        ? null
        : T.canvas(box, wide ? parts.width - size - 28 : parts.width, wide ? size : 400);
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
        drawParticles(canvas, w, real);
        if (side) T.drawLandscape(side, w);
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
      slider('noise', 'Noise τ', 0, 0.3, 0.001),
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
    function go(moves, cooling) {
      world.stop();
      const move = () => {
        if (cooling) world.noise += (TRIGGER.coolest - world.noise) * 0.006; // the noise dies away
        B.move(world);
      };
      if (T.reducedMotion()) {
        for (let i = 0; i < Math.min(moves, TRIGGER.moves); i++) move();
        refresh.forEach((f) => f());
        draw();
        return;
      }
      run.textContent = 'Pause';
      const end = world.moves + moves;
      const tick = () => {
        for (let i = 0; i < 3; i++) move();
        if (cooling) refresh.forEach((f) => f());
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
            go(TRIGGER.moves, true);
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

  function drawParticles(canvas, w, real) {
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
      ctx.fillStyle = T.colour('other_frequency');
      ctx.globalAlpha = 0.16; // the well, as wide as the force reaches
      ctx.beginPath();
      ctx.arc(x, y, B.PHYSICS.sigma * scale, 0, 7);
      ctx.fill();
      ctx.globalAlpha = 1;
      ctx.beginPath();
      ctx.arc(x, y, 1.2, 0, 7);
      ctx.fill();
    }
    for (let i = 0; i < w.n; i++) {
      const [x, y] = at(w.z, i);
      ctx.fillStyle = T.residue(((w.k * i) % w.n) / w.n);
      ctx.beginPath();
      ctx.arc(x, y, 4.2, 0, 7);
      ctx.fill();
    }
    if (real) return;
    ctx.strokeStyle = T.colour('ink');
    ctx.lineWidth = 1.6;
    ctx.beginPath();
    ctx.arc(...at(w.z, 0), 8, 0, 7);
    ctx.stroke();
  }
})();
