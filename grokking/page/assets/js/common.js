// What several figures share: why a run cannot show something, embeddings on a circle, point clouds.
(function () {
  'use strict';
  const T = window.Timeless;

  T.needsFourier = (s) =>
    s.has('share') && s.keys
      ? null
      : `The task ${s.operation} has no cyclic group, so no Fourier figure. Give the page a run of add, sub, mul or div: grokking train --task add --run_name add`;
  T.needsProgress = (s) =>
    s.progress
      ? null
      : `Not measured for this run yet. grokking measure RUN_DIR measures it; then build the page again. (${s.no_progress})`;

  // The axis of every chart of accuracies.
  T.accuracyAxis = (label) => ({
    domain: [0, 1.02],
    label,
    ticks: [0, 0.25, 0.5, 0.75, 1],
    format: (v) => Math.round(100 * v) + ' %',
  });

  // The frequency on show: the reader's choice, else the run's circle.
  T.frequency = (s) =>
    T.state.k >= 1 && T.state.k <= Math.floor((s.n || 2) / 2) ? T.state.k : s.circle || 1;

  // W_E of the group's members in group order, centred: kept for the step last asked for.
  T.embedding = function (s, step) {
    if (!s.kept || s.kept.step !== step)
      s.kept = { step, values: T.maths.centred(s.at('W_E', step), s.members, s.shape.d_model) };
    return s.kept.values;
  };

  const ROOM = 1.3;
  // Circle coordinates of every step at frequency k, and the reach of fixed axes that fit the final model.
  T.circles = function (s, k) {
    s.circleCache = s.circleCache || {};
    if (!s.circleCache[k]) {
      const d = s.shape.d_model;
      const points = s.steps.map((_, step) => {
        const values = T.maths.centred(s.at('W_E', step), s.members, d);
        return T.maths.project(values, s.n, d, T.maths.plane(values, s.n, d, k));
      });
      const last = points[points.length - 1];
      let reach = 0;
      for (let i = 0; i < last.length; i += 2)
        reach = Math.max(reach, ROOM * Math.hypot(last[i], last[i + 1]));
      s.circleCache[k] = { points, reach };
    }
    return s.circleCache[k];
  };

  // Group indices in the order of their phase k·x mod n.
  T.phaseOrder = (n, k) => [...Array(n).keys()].sort((x, y) => ((k * x) % n) - ((k * y) % n) || x - y);

  // "(a + b) mod 113", or "log₂(a · b) mod 112".
  const SUB = '₀₁₂₃₄₅₆₇₈₉';
  T.answerLabel = (s, factor) => {
    const inner =
      s.group === 'additive'
        ? `(${s.symbol})`
        : `log${[...String(s.generator)].map((c) => SUB[c]).join('')}(${s.symbol})`;
    return `${factor ? factor + ' · ' : ''}${inner} mod ${s.n}`;
  };

  // Tokens of a circle on a canvas. turn(i) colours group index i; order joins them.
  // From point to point, the first one ringed.
  function drawPath(ctx, points, size) {
    ctx.strokeStyle = T.colour('ink');
    ctx.lineWidth = 1.6;
    ctx.beginPath();
    points.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.stroke();
    points.forEach(([x, y]) => {
      ctx.beginPath();
      ctx.arc(x, y, size + 3, 0, 7);
      ctx.stroke();
    });
  }
  T.drawCircle = function (canvas, points, reach, options) {
    const { ctx, width, height } = canvas;
    const n = points.length / 2;
    const scale = (Math.min(width, height) / 2 - (options.labels ? 26 : 12)) / (reach || 1);
    // Tokens beyond the axes lie on their edge, hollow.
    const out = (i) => Math.max(1, Math.hypot(points[2 * i], points[2 * i + 1]) / (reach || 1));
    const at = (i) => [
      width / 2 + (points[2 * i] / out(i)) * scale,
      height / 2 - (points[2 * i + 1] / out(i)) * scale,
    ];
    canvas.clear();
    ctx.lineWidth = 1;
    ctx.strokeStyle = T.colour('faint');
    ctx.beginPath();
    ctx.moveTo(10, height / 2);
    ctx.lineTo(width - 10, height / 2);
    ctx.moveTo(width / 2, 10);
    ctx.lineTo(width / 2, height - 10);
    ctx.stroke();
    if (options.order) {
      ctx.strokeStyle = T.colour('other_frequency');
      ctx.globalAlpha = 0.45;
      ctx.beginPath();
      options.order.concat(options.order[0]).forEach((i, at_) => {
        const [x, y] = at(i);
        if (at_) ctx.lineTo(x, y);
        else ctx.moveTo(x, y);
      });
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
    const size = T.clamp(Math.min(width, height) / 90, 2.4, 6);
    for (let i = 0; i < n; i++) {
      const [x, y] = at(i);
      ctx.fillStyle = ctx.strokeStyle = T.residue(options.turn(i));
      ctx.beginPath();
      ctx.arc(x, y, size, 0, 7);
      if (out(i) > 1) ctx.stroke();
      else ctx.fill();
    }
    if (options.path) drawPath(ctx, options.path.map(at), size);
    if (options.labels) {
      ctx.font = T.FONT;
      ctx.fillStyle = T.colour('muted');
      ctx.textAlign = 'center';
      ctx.textBaseline = 'middle';
      const polar = Array.from({ length: n }, (_, i) => {
        const [x, y] = at(i);
        return [Math.hypot(x - width / 2, y - height / 2), Math.atan2(y - height / 2, x - width / 2)];
      });
      options.labels.forEach(([i, text]) => {
        const angle = polar[i][1]; // beyond all dots in that direction
        const r =
          Math.max(...polar.filter(([, other]) => Math.cos(other - angle) > 0.985).map(([far]) => far)) + 15;
        ctx.fillText(text, width / 2 + r * Math.cos(angle), height / 2 + r * Math.sin(angle));
      });
    }
  };
  // Number fields for operands, which set the state and are marked where no such operand exists.
  T.operands = function (s, names) {
    const fields = {};
    names.forEach((name) => {
      const input = T.html('input', {
        type: 'number',
        min: 0,
        max: s.p - 1,
        'aria-label': `Operand ${name}`,
        'data-operand': name,
      });
      input.addEventListener('input', () => {
        const v = Math.round(Number(input.value));
        const ok =
          input.value !== '' && v >= 0 && v < s.p && !(name === 'b' && s.operation === 'div' && v === 0);
        input.setAttribute('aria-invalid', String(!ok));
        if (ok) T.set({ [name]: v });
      });
      fields[name] = input;
    });
    fields.refresh = () =>
      names.forEach((name) => {
        if (document.activeElement !== fields[name]) fields[name].value = T.clamp(T.state[name], 0, s.p - 1);
      });
    return fields;
  };
  T.toggleFrequency = (k) =>
    T.set({ off: T.state.off.includes(k) ? T.state.off.filter((x) => x !== k) : [...T.state.off, k] });

  T.readout = (ctx, text, x, y, align) => {
    ctx.font = T.FONT;
    ctx.textAlign = align || 'left';
    ctx.textBaseline = 'alphabetic';
    ctx.fillStyle = T.colour('ink');
    ctx.fillText(text, x, y);
  };
  T.lossDomain = (lists) => {
    const values = lists.flat().filter((v) => v > 0);
    if (!values.length) return [0.1, 1];
    return [
      Math.max(1e-9, 10 ** Math.floor(Math.log10(Math.min(...values)))),
      10 ** Math.ceil(Math.log10(Math.max(...values))),
    ];
  };
  T.viewChoice = () =>
    T.choice('View', 'view', [
      ['unfolded', 'unfolded'],
      ['source', 'counting order'],
    ]);
})();
