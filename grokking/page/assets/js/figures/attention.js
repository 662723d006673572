// Attention of the answer's position: a softmax over three scores, for every pair and head.
(function () {
  'use strict';
  const T = window.Timeless;

  T.figure('attention', {
    title: 'Attention',
    caption: (s) =>
      `How much the last position attends to a (weight of token a; b and the operation share the rest), for every pair of operands, per head. The network was trained at temperature ${s.config.attention_temperature}; the slider shows what another would make of the same scores.`,
    read: 'Each square is one head: a runs upwards, b to the right, dark blue means all attention on a, white none. A flat square means that the head attends to a equally for all pairs; stripes show that attention itself has become a wave of the operands. The numbers above are means over all pairs.',
    build(parts, s) {
      const p = s.p;
      const heads = s.shape.n_heads;
      const columns = Math.min(heads, parts.width > 720 ? 4 : 2);
      const cell = Math.min(300, (parts.width - 14 * (columns - 1)) / columns);
      const trained = s.config.attention_temperature;
      let temperature = trained;
      let shown = 0;
      const label = T.html('output', { text: T.show(trained) });
      const slider = T.html('input', {
        type: 'range',
        min: -2,
        max: 2,
        step: 0.1,
        value: 0,
        'aria-label': 'Temperature, logarithmic',
        oninput: () => {
          temperature = trained * 2 ** Number(slider.value);
          label.textContent = T.show(temperature, 2);
          draw();
        },
      });
      parts.tools.append(
        T.html('label', { class: 'slider' }, [T.html('span', { text: 'Temperature T' }), slider, label]),
      );
      const grid = T.html('div', { class: 'panels' });
      grid.style.gridTemplateColumns = `repeat(${columns}, ${cell}px)`;
      grid.style.justifyContent = 'center';
      parts.stage.append(grid);
      const panels = Array.from({ length: heads }, () => {
        const canvas = T.canvas(grid, cell, cell + 40);
        const heat = document.createElement('canvas');
        heat.width = heat.height = p;
        const ctx = heat.getContext('2d'),
          image = ctx.createImageData(p, p);
        return { canvas, heat, ctx, image, pixels: new Uint32Array(image.data.buffer) };
      });
      const ramp = new Uint32Array(
        new Uint8ClampedArray(
          Array.from({ length: 256 }, (_, i) => [
            ...T.mix(T.colour('background'), T.colour('mean'), i / 255)
              .match(/\d+/g)
              .map(Number),
            255,
          ]).flat(),
        ).buffer,
      );
      function pattern(step, h, each) {
        const score = s.at('scores', step).subarray(h * (2 * p + 1), (h + 1) * (2 * p + 1));
        const top = score.reduce((x, y) => Math.max(x, y), -Infinity);
        const exp = Float64Array.from(score, (v) => Math.exp(((v - top) * trained) / temperature));
        const own = exp[2 * p];
        const mean = [0, 0, 0];
        for (let a = 0; a < p; a++) {
          for (let b = 0; b < p; b++) {
            const sum = exp[a] + exp[p + b] + own;
            const wa = exp[a] / sum,
              wb = exp[p + b] / sum;
            mean[0] += wa;
            mean[1] += wb;
            if (each) each(a, b, wa);
          }
        }
        mean[0] /= p * p;
        mean[1] /= p * p;
        mean[2] = 1 - mean[0] - mean[1];
        return mean;
      }
      function draw() {
        const step = shown;
        panels.forEach(({ canvas, heat, ctx, image, pixels }, h) => {
          const mean = pattern(step, h, (a, b, wa) => {
            pixels[(p - 1 - a) * p + b] = ramp[Math.round(wa * 255)];
          });
          ctx.putImageData(image, 0, 0);
          canvas.clear();
          canvas.ctx.imageSmoothingEnabled = false;
          canvas.ctx.drawImage(heat, 1, 24, cell - 2, cell - 2);
          canvas.ctx.strokeStyle = T.colour('faint');
          canvas.ctx.strokeRect(0.5, 23.5, cell - 1, cell - 1);
          T.readout(canvas.ctx, `head ${h}`, 0, 14);
          T.readout(
            canvas.ctx,
            cell > 20 * T.letter()
              ? `a ${mean[0].toFixed(2)}  b ${mean[1].toFixed(2)}  ${s.operation} ${mean[2].toFixed(2)}`
              : `a ${mean[0].toFixed(2)}`,
            cell,
            14,
            'right',
          );
          canvas.ctx.fillStyle = T.colour('muted');
          canvas.ctx.textAlign = 'left';
          canvas.ctx.fillText('↑ a', 0, cell + 38);
          canvas.ctx.textAlign = 'right';
          canvas.ctx.fillText('b →', cell, cell + 38);
        });
      }
      return {
        update(state, step) {
          shown = step;
          draw();
        },
        describe: (step) =>
          `At epoch ${s.steps[step]}, mean attention: ` +
          panels
            .map((_, h) => {
              const m = pattern(step, h);
              return `head ${h} on a ${m[0].toFixed(2)}, on b ${m[1].toFixed(2)}`;
            })
            .join('; ') +
          '.',
        table: (step) => ({
          head: ['head', 'mean on a', 'mean on b', 'mean on the operation'],
          rows: panels.map((_, h) => [String(h), ...pattern(step, h)]),
        }),
        data: (step) => ({
          scores_by_head: panels.map((_, h) =>
            Array.from(s.at('scores', step).subarray(h * (2 * p + 1), (h + 1) * (2 * p + 1))),
          ),
          order: 'tokens at position 0, tokens at position 1, the operation',
        }),
      };
    },
  });
})();
