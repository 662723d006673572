// The 2-D Fourier spectrum of the logits: where on the grid of frequency pairs their energy sits.
(function () {
  'use strict';
  const T = window.Timeless;
  const DECADES = 6;

  T.figure('spectrum2d', {
    title: '2-D Fourier spectrum of the logits',
    caption: (s) =>
      `Energy of the logits on each pair of frequencies, k along a and k along b (0 … ${Math.floor(s.n / 2)}), added up over the answers, as a share of all energy without the constant; logarithmic over ${DECADES} decades.`,
    read: 'A function of a + b is built from waves of equal frequency along a and along b, so after grokking the energy sits in a few cells of the diagonal. A memorising network spreads it over the whole square. The first row and column are functions of one operand alone.',
    needs: T.needsFourier,
    build(parts, s) {
      const m = Math.floor(s.n / 2) + 1;
      const size = Math.min(parts.width, 520);
      const margin = 3.5 * T.letter();
      const cell = (size - margin - 8) / m;
      const wide = parts.width > size + 120;
      const canvas = T.canvas(parts.stage, parts.width, size + (wide ? 6 : 46));
      const left = margin;
      const heat = document.createElement('canvas');
      heat.width = heat.height = m;
      const pixels = heat.getContext('2d');
      const ramp = Array.from({ length: 256 }, (_, i) =>
        T.mix(T.colour('background'), T.colour('key_frequency'), (i / 255) ** 1.25)
          .match(/\d+/g)
          .map(Number),
      );
      const share = (v) => 10 ** ((v / 255 - 1) * DECADES);
      const diagonal = (step) => {
        const at = s.at('spectrum', step);
        let sum = 0;
        for (let k = 1; k < m; k++) sum += at[k * m + k] ? share(at[k * m + k]) : 0;
        return Math.min(1, sum);
      };
      const top = (step) =>
        Array.from(s.at('spectrum', step), (v, i) => ({ a: Math.floor(i / m), b: i % m, v }))
          .sort((x, y) => y.v - x.v)
          .slice(0, 16)
          .filter((x) => x.v);
      // From one part in 10^DECADES to all of the energy: vertical, next to the map, or horizontal, below it.
      function drawScale(ctx) {
        const length = wide ? 160 : cell * m,
          x0 = wide ? left + cell * m + 26 : left,
          y0 = wide ? 22 : size + 12;
        for (let i = 0; i < length; i++) {
          ctx.fillStyle = `rgb(${ramp[Math.round((i / (length - 1)) * 255)].join(',')})`;
          if (wide) ctx.fillRect(x0, y0 + length - i - 1, 12, 1.5);
          else ctx.fillRect(x0 + i, y0, 1.5, 10);
        }
        ctx.strokeStyle = T.colour('faint');
        ctx.strokeRect(x0 - 0.5, y0 - 0.5, wide ? 13 : length + 1, wide ? length + 1 : 11);
        ctx.fillStyle = T.colour('muted');
        for (let power = -DECADES; power <= 0; power += 2) {
          const at = (1 + power / DECADES) * length,
            text = power ? '10' + T.superscript(power) : '1';
          ctx.textAlign = wide ? 'left' : power ? (power === -DECADES ? 'left' : 'center') : 'right';
          if (wide) ctx.fillText(text, x0 + 20, y0 + length - at + 4);
          else ctx.fillText(text, x0 + at, y0 + 24);
        }
        ctx.textAlign = 'left';
        if (wide) ctx.fillText('share of energy', x0, 12);
      }
      return {
        update(state, step) {
          const at = s.at('spectrum', step);
          const image = pixels.createImageData(m, m);
          for (let i = 0; i < m * m; i++) {
            const row = m - 1 - Math.floor(i / m); // frequency 0 at the lower left
            const to = 4 * (row * m + (i % m));
            const [r, g, b] = ramp[at[i]];
            image.data[to] = r;
            image.data[to + 1] = g;
            image.data[to + 2] = b;
            image.data[to + 3] = 255;
          }
          pixels.putImageData(image, 0, 0);
          const { ctx } = canvas;
          canvas.clear();
          ctx.imageSmoothingEnabled = false;
          ctx.drawImage(heat, left, 6, cell * m, cell * m);
          ctx.strokeStyle = T.colour('faint');
          ctx.strokeRect(left - 0.5, 5.5, cell * m + 1, cell * m + 1);
          ctx.font = T.FONT;
          ctx.fillStyle = T.colour('muted');
          T.ticks([0, m - 1], 6).forEach((k) => {
            ctx.textAlign = 'center';
            ctx.fillText(String(k), left + (k + 0.5) * cell, size - margin + 22);
            ctx.textAlign = 'right';
            ctx.fillText(String(k), left - 6, 6 + (m - k - 0.5) * cell + 4);
          });
          ctx.textAlign = 'right';
          ctx.fillText('frequency along b', left + cell * m, size - 2);
          ctx.save();
          ctx.translate(left - 2.4 * T.letter(), 6);
          ctx.rotate(-Math.PI / 2);
          ctx.fillText('frequency along a', 0, 0);
          ctx.restore();
          drawScale(ctx);
          T.readout(ctx, `on the diagonal: ${T.percent(diagonal(step))}`, left, size - 2);
        },
        describe: (step) =>
          `At epoch ${s.steps[step]} ${T.percent(diagonal(step))} of the energy is on the diagonal; strongest: ${top(
            step,
          )
            .slice(0, 4)
            .map((x) => `(${x.a}, ${x.b})`)
            .join(', ')}.`,
        table: (step) => ({
          head: ['k along a', 'k along b', 'share of energy'],
          rows: top(step).map((x) => [String(x.a), String(x.b), share(x.v)]),
        }),
        data: (step) => ({ size: m, decades: DECADES, log_share_255: Array.from(s.at('spectrum', step)) }),
      };
    },
  });
})();
