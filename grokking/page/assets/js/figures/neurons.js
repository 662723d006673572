// One neuron against the answer, and six of them: activations, their means, the best sine of the moment.
(function () {
  'use strict';
  const T = window.Timeless;
  const ROOM = 1.25; // height of the axis over the final model's largest activation

  // Where answer s lies on the axis: its phase when unfolded, itself as in the source.
  const place = (s, k, answer) => (T.state.view === 'source' ? answer : (((k * answer) % s.n) + s.n) % s.n);
  const sine = (fit, k, n, answer) => {
    const angle = (2 * Math.PI * k * answer) / n;
    return fit[0] + fit[1] * Math.cos(angle) + fit[2] * Math.sin(angle);
  };

  function numbers(s, step, i) {
    const m = s.neurons.length;
    const S = s.arrays.samples.shape[2];
    const own = s.at('own', step)[i];
    return {
      k: own || s.neuron_frequencies[i], // a dead neuron has no frequency of its own
      last: s.neuron_frequencies[i],
      fit: s.at('sines', step).subarray(4 * i, 4 * i + 4),
      means: s.at('means', step).subarray(i * s.n, (i + 1) * s.n),
      samples: s.at('samples', step).subarray(i * S, (i + 1) * S),
      m,
      S,
    };
  }
  function reach(s, i) {
    s.reaches = s.reaches || {};
    if (s.reaches[i] === undefined) {
      let top = 0;
      numbers(s, s.steps.length - 1, i).samples.forEach((v) => {
        top = Math.max(top, v);
      });
      s.reaches[i] = ROOM * top || 1;
    }
    return s.reaches[i];
  }
  const r2Text = (fit) => (fit[3] < 0 ? 'dead here' : 'R² ' + T.show(fit[3]));
  const kText = ({ k, last, fit }) =>
    fit[3] < 0 ? `k = ${last} in the end` : k === last ? `k = ${k}` : `k = ${k} now, ${last} in the end`;

  function draw(canvas, s, step, i, small) {
    const { ctx, width, height } = canvas;
    const facts = numbers(s, step, i);
    const { k, fit, means, samples, S } = facts;
    const left = small ? 6 : 44,
      right = width - 8,
      top = small ? 20 : 24,
      bottom = height - (small ? 8 : 32);
    const x = T.scale([0, s.n], [left, right]);
    const y = T.scale([-0.03 * reach(s, i), reach(s, i)], [bottom, top]);
    canvas.clear();
    ctx.strokeStyle = T.colour('faint');
    ctx.beginPath();
    ctx.moveTo(left, y(0));
    ctx.lineTo(right, y(0));
    ctx.stroke();
    const per = S / s.n;
    ctx.fillStyle = T.colour('samples');
    ctx.globalAlpha = small ? 0.34 : 0.5;
    const dot = small ? 1.5 : 2.8;
    ctx.beginPath(); // all dots as one shape: far less work than one by one
    for (let j = 0; j < S; j++) {
      const answer = Math.floor(j / per);
      ctx.rect(
        x(place(s, k, answer) + ((j % per) / per - 0.4) * 0.7) - dot / 2,
        y(Math.min(samples[j], reach(s, i))) - dot / 2,
        dot,
        dot,
      );
    }
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.strokeStyle = T.colour('sine');
    ctx.lineWidth = small ? 1.6 : 2.4;
    ctx.beginPath();
    const fine = T.state.view === 'source' ? 40 * k : 240; // drawn on a fine grid, not through whole answers
    for (let j = 0; j <= fine; j++) {
      const at = (j / fine) * s.n;
      const value = T.state.view === 'source' ? sine(fit, k, s.n, at) : sine(fit, 1, s.n, at);
      if (j) ctx.lineTo(x(at), y(value));
      else ctx.moveTo(x(at), y(value));
    }
    ctx.stroke();
    ctx.fillStyle = T.colour('mean');
    ctx.beginPath();
    for (let answer = 0; answer < s.n; answer++) {
      const at = [x(place(s, k, answer)), y(Math.min(means[answer], reach(s, i)))],
        radius = small ? 1.7 : 3.1;
      ctx.moveTo(at[0] + radius, at[1]);
      ctx.arc(...at, radius, 0, 2 * Math.PI);
    }
    ctx.fill();
    const narrow = right - left < (small ? 230 : 30 * T.letter());
    T.readout(
      ctx,
      small
        ? narrow
          ? `k = ${k}`
          : `neuron ${s.neurons[i]}`
        : narrow
          ? kText(facts)
          : `activation of neuron ${s.neurons[i]}`,
      left,
      14,
    );
    T.readout(
      ctx,
      narrow ? r2Text(fit) : `${small ? `k = ${k}` : kText(facts)}   ${r2Text(fit)}`,
      right,
      14,
      'right',
    );
    if (small) return;
    ctx.fillStyle = T.colour('muted');
    ctx.textAlign = 'right';
    T.ticks([0, reach(s, i)], 4).forEach((v) => ctx.fillText(T.tickText(v), left - 6, y(v) + 4));
    ctx.textAlign = 'center';
    T.ticks([0, s.n], Math.min(8, width / 80)).forEach((v) => ctx.fillText(T.tickText(v), x(v), bottom + 16));
    ctx.textAlign = 'right';
    ctx.fillText(T.answerLabel(s, T.state.view === 'source' ? '' : k), right, height - 2);
  }

  const common = {
    read: 'Green dots are single activations (pairs of operands spread evenly over each answer), blue dots their mean over all pairs with that answer, orange is the least-squares sine at the frequency that fits these means best at this step; it can differ from the one that the neuron has in the end. R² is the share of the means’ energy that this sine holds. The map shows the same neuron for every pair: stripes along the diagonal that are cut where the other factor changes its sign. The axis fits the final model; larger values at other steps are drawn on its upper edge. Unfolded puts the answers in the order of their phase, so a wave that turns k times becomes one period.',
    needs: (s) =>
      T.needsFourier(s) ||
      (s.neurons.length
        ? null
        : 'Every neuron of the final model is dead, so there is none to show. Train another run: grokking train --preset quick'),
  };
  const legend = () =>
    T.legend([
      ['samples', 'single pairs', 'dots'],
      ['mean', 'mean by answer', 'dots'],
      ['sine', 'best sine'],
    ]);

  T.figure('neuron', {
    ...common,
    title: 'One neuron learns a sine',
    caption: (s) =>
      `Activation of one MLP neuron against the answer, ${T.count(s.arrays.samples.shape[2])} of the ${T.count(s.n * s.n)} pairs as dots, means over all pairs${T.hasNeuronMap(s) ? '; and for every pair (a, b), darkest at the largest value of the axis' : ''}. Activation has no unit.`,
    build(parts, s) {
      const mapped = T.hasNeuronMap(s);
      const wide = mapped && parts.width > 600;
      const height = Math.min(420, Math.max(260, parts.width * (wide ? 0.42 : 0.45)));
      const box = T.html('div', { class: 'two' });
      parts.stage.append(box);
      const canvas = T.canvas(box, wide ? parts.width - height - 30 : parts.width, height);
      const map = mapped && T.canvas(box, Math.min(height, parts.width) - 16, Math.min(height, parts.width));
      const view = T.viewChoice();
      const pick = T.choice(
        'Neuron',
        'neuron',
        s.neurons.map((j, i) => [i, `${j} (k = ${s.neuron_frequencies[i]})`]),
      );
      parts.tools.append(view, pick, legend());
      const i = () => T.clamp(T.state.neuron, 0, s.neurons.length - 1);
      return {
        update(state, step) {
          draw(canvas, s, step, i(), false);
          if (map)
            T.drawPairs(
              map,
              s,
              T.neuronMap(s, step, i()),
              reach(s, i()),
              'samples',
              'the same for every pair',
            );
          view.refresh();
          pick.refresh();
        },
        describe(step) {
          const f = numbers(s, step, i());
          return `Neuron ${s.neurons[i()]} at epoch ${s.steps[step]}: ${r2Text(f.fit)} for a sine of its best frequency, ${kText(f)}.`;
        },
        table(step) {
          const f = numbers(s, step, i());
          return {
            head: ['answer index s', 'mean activation', 'sine'],
            rows: Array.from(f.means, (v, a) => [String(a), v, sine(f.fit, f.k, s.n, a)]),
          };
        },
        data(step) {
          const f = numbers(s, step, i());
          return {
            neuron: s.neurons[i()],
            k: f.k,
            k_in_the_end: f.last,
            offset_cosine_sine_r2: Array.from(f.fit),
            means: Array.from(f.means),
            samples: Array.from(f.samples),
            pairs: Array.from(s.array('pairs')),
          };
        },
      };
    },
  });

  T.figure('six', {
    ...common,
    title: 'Six neurons, several frequencies',
    caption:
      'The neurons of the final model that a sine fits best, spread over its key frequencies; every panel has its own fixed height. Below: how well one sine fits each live neuron of the layer.',
    build(parts, s) {
      const columns = parts.width > 760 ? 3 : parts.width > 330 ? 2 : 1;
      const cell = (parts.width - 14 * (columns - 1)) / columns;
      const grid = T.html('div', { class: 'panels' });
      grid.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
      parts.stage.append(grid);
      const canvases = s.neurons.map(() => T.canvas(grid, cell, Math.max(130, cell * 0.52)));
      const bars = T.canvas(parts.stage, parts.width, 96);
      const view = T.viewChoice();
      parts.tools.append(view, legend());
      const bins = (step) => {
        const counts = new Array(25).fill(0);
        let dead = 0;
        s.at('r2', step).forEach((v) => {
          if (v < 0) dead++;
          else counts[Math.min(24, Math.floor(v * 25))]++;
        });
        return { counts, dead };
      };
      return {
        update(state, step) {
          canvases.forEach((canvas, i) => draw(canvas, s, step, i, true));
          const { counts, dead } = bins(step);
          const { ctx, width } = bars;
          bars.clear();
          const x = T.scale([0, 1], [8, width - 8]);
          const y = T.scale([0, s.shape.d_mlp], [74, 20]);
          ctx.fillStyle = T.colour('mean');
          counts.forEach((c, i) => ctx.fillRect(x(i / 25) + 1, y(c), x(0.04) - x(0) - 2, 74 - y(c)));
          ctx.strokeStyle = T.colour('faint');
          ctx.beginPath();
          ctx.moveTo(8, 74.5);
          ctx.lineTo(width - 8, 74.5);
          ctx.stroke();
          const mean = T.show(s.at_steps.fourier_strength[step]);
          T.readout(
            ctx,
            width > 560
              ? `R² of all ${s.shape.d_mlp - dead} live neurons, mean (Fourier strength) ${mean}, ${dead} dead`
              : `R² of ${s.shape.d_mlp - dead} live neurons, mean ${mean}`,
            8,
            13,
          );
          ctx.fillStyle = T.colour('muted');
          [0, 0.5, 1].forEach((v) => {
            ctx.textAlign = v === 0 ? 'left' : v === 1 ? 'right' : 'center';
            ctx.fillText(String(v), x(v), 91);
          });
          view.refresh();
        },
        describe(step) {
          return (
            `At epoch ${s.steps[step]}: ` +
            s.neurons
              .map((j, i) => {
                const f = numbers(s, step, i);
                return `neuron ${j}, k ${f.k}, ${r2Text(f.fit)}`;
              })
              .join('; ') +
            `. Fourier strength ${T.show(s.at_steps.fourier_strength[step])}.`
          );
        },
        table(step) {
          return {
            head: ['neuron', 'k', 'offset', 'cosine', 'sine', 'R²'],
            rows: s.neurons.map((j, i) => {
              const f = numbers(s, step, i);
              return [String(j), String(f.k), f.fit[0], f.fit[1], f.fit[2], f.fit[3] < 0 ? 'dead' : f.fit[3]];
            }),
          };
        },
        data(step) {
          return {
            neurons: s.neurons,
            frequencies: s.neuron_frequencies,
            means: Array.from(s.at('means', step)),
            r2_of_all: Array.from(s.at('r2', step), (v) => (v < 0 ? null : v)),
          };
        },
      };
    },
  });
})();
