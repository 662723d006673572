// The spectrum of W_E with a slider over every k, and the wave of that k against the embedding.
(function () {
  'use strict';
  const T = window.Timeless;

  T.figure('analyser', {
    title: 'Spectrum analyser',
    caption: (s) =>
      `Above: share of the embedding’s energy on each frequency k = 1 … ${Math.floor(s.n / 2)} (all shares add up to 1). Below: every token’s embedding along the cosine direction of the chosen k, in units of W_E, with the cosine that fits it.`,
    read: 'A tall bar means that the embedding varies along the tokens like a wave of that frequency. Pink bars are the key frequencies: those to which neurons of the final model belong. Choose any k with the slider, by clicking a bar, or with the arrow keys. For a key frequency the dots of a grokked network lie on the wave; for any other they do not, although the direction is fitted to them.',
    needs: T.needsFourier,
    build(parts, s) {
      const half = Math.floor(s.n / 2);
      const input = T.html('input', {
        type: 'range',
        min: 1,
        max: half,
        step: 1,
        id: 'frequency',
        'aria-label': 'Frequency k',
      });
      const label = T.html('output', { for: 'frequency', class: 'k' });
      const keys = T.html('div', { class: 'choice', role: 'group', 'aria-label': 'Key frequencies' }, [
        T.html('span', { class: 'choicelabel', text: s.keys.length ? 'Key' : 'No key frequency' }),
        ...s.keys.map((k) =>
          T.html('button', { type: 'button', text: String(k), onclick: () => T.set({ k }) }),
        ),
      ]);
      input.addEventListener('input', () => T.set({ k: Number(input.value) }));
      parts.tools.append(
        T.html('label', { class: 'slider' }, [T.html('span', { text: 'Frequency' }), input, label]),
        keys,
        T.viewChoice(),
      );
      let top = 0;
      s.array('share').forEach((v) => {
        top = Math.max(top, v);
      });
      const chart = T.chart(parts.stage, {
        width: parts.width,
        height: 230,
        x: { domain: [0.5, half + 0.5], label: 'frequency k' },
        y: { domain: [0, Math.min(1, top * 1.05)], label: 'share of energy' },
      });
      const wide = (chart.x(2) - chart.x(1)) * 0.72;
      const bars = Array.from({ length: half }, (_, i) =>
        T.svg('rect', {
          x: chart.x(i + 1) - wide / 2,
          width: Math.max(1, wide),
          class: 'bar ' + (s.keys.includes(i + 1) ? 'key' : 'other'),
        }),
      );
      chart.plot.append(...bars);
      const mark = T.svg('path', { class: 'mark' });
      chart.front.append(mark);
      chart.svg.style.cursor = 'pointer';
      chart.svg.addEventListener('click', (event) =>
        T.set({
          k: T.clamp(
            Math.round(chart.x.invert(event.clientX - chart.svg.getBoundingClientRect().left)),
            1,
            half,
          ),
        }),
      );
      const canvas = T.canvas(parts.stage, parts.width, 230);

      const wave = (step) => {
        const k = T.frequency(s);
        const d = s.shape.d_model;
        const values = T.embedding(s, step);
        const points = T.maths.project(values, s.n, d, T.maths.plane(values, s.n, d, k));
        const [row] = T.maths.rows(s.n, k);
        let along = 0,
          total = 0;
        for (let i = 0; i < s.n; i++) {
          along += row[i] * points[2 * i];
          total += points[2 * i] ** 2;
        }
        const unit = row[0]; // the row is a cosine times its value at index 0
        return { k, points, amplitude: along * unit, fit: total ? (along * along) / total : 0 };
      };
      return {
        update(state, step) {
          const shares = s.at('share', step);
          bars.forEach((bar, i) => {
            const y = chart.y(Math.max(0, shares[i]));
            bar.setAttribute('y', y);
            bar.setAttribute('height', Math.max(0, chart.inside.bottom - y));
          });
          const { k, points, amplitude, fit } = wave(step);
          bars.forEach((bar, i) => bar.classList.toggle('chosen', i + 1 === k));
          const x0 = chart.x(k),
            y0 = chart.y(shares[k - 1]) - 5;
          mark.setAttribute('d', `M${x0} ${y0}l-5 -8h10z`);
          input.value = k;
          label.textContent = `k = ${k}${s.keys.includes(k) ? ', key' : ''}: ${T.percent(shares[k - 1])} of the energy`;
          parts.tools.querySelectorAll('.choice').forEach((c) => c.refresh && c.refresh());
          keys
            .querySelectorAll('button')
            .forEach((b) => b.setAttribute('aria-pressed', String(Number(b.textContent) === k)));
          drawWave(canvas, s, k, points, amplitude, fit, state.view !== 'source', T.circles(s, k).reach);
        },
        describe(step) {
          const f = wave(step);
          return `At epoch ${s.steps[step]} frequency ${f.k} holds ${T.percent(s.at('share', step)[f.k - 1])} of the embedding’s energy; a cosine fits ${T.percent(f.fit)} of the tokens’ coordinate along it.`;
        },
        table(step) {
          return {
            head: ['k', 'share of energy', 'key'],
            rows: Array.from(s.at('share', step), (v, i) => [
              String(i + 1),
              v,
              s.keys.includes(i + 1) ? 'yes' : '',
            ]),
          };
        },
        data(step) {
          const f = wave(step);
          return {
            frequency_share: Array.from(s.at('share', step)),
            key_frequencies: s.keys,
            k: f.k,
            cosine_coordinate: Array.from(f.points).filter((_, i) => i % 2 === 0),
          };
        },
      };
    },
  });

  function drawWave(canvas, s, k, points, amplitude, fit, unfolded, reach) {
    const { ctx, width, height } = canvas;
    const left = 52,
      right = width - 14,
      top = 24,
      bottom = height - 34;
    const x = T.scale([0, s.n], [left, right]);
    const y = T.scale([-reach, reach], [bottom, top]);
    canvas.clear();
    ctx.strokeStyle = T.colour('faint');
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(left, y(0));
    ctx.lineTo(right, y(0));
    ctx.stroke();
    ctx.strokeStyle = T.colour('sine');
    ctx.lineWidth = 2;
    ctx.beginPath();
    const fine = unfolded ? 240 : 40 * k;
    for (let j = 0; j <= fine; j++) {
      const at = (j / fine) * s.n;
      const v = amplitude * Math.cos((2 * Math.PI * (unfolded ? 1 : k) * at) / s.n);
      if (j) ctx.lineTo(x(at), y(v));
      else ctx.moveTo(x(at), y(v));
    }
    ctx.stroke();
    for (let i = 0; i < s.n; i++) {
      const phase = (k * i) % s.n;
      ctx.fillStyle = T.residue(unfolded ? phase / s.n : i / s.n);
      ctx.beginPath();
      ctx.arc(x(unfolded ? phase : i), y(points[2 * i]), 3, 0, 7);
      ctx.fill();
    }
    T.readout(ctx, `wave of k = ${k} against W_E: it fits ${T.percent(fit)}`, left, 14);
    ctx.fillStyle = T.colour('muted');
    ctx.textAlign = 'right';
    T.ticks([-reach, reach], 4).forEach((v) => ctx.fillText(T.tickText(v), left - 7, y(v) + 4));
    ctx.textAlign = 'center';
    T.ticks([0, s.n], Math.min(8, width / 90)).forEach((v) => ctx.fillText(T.tickText(v), x(v), bottom + 16));
    ctx.textAlign = 'right';
    const index =
      s.group === 'additive'
        ? 'x'
        : T.answerLabel(s)
            .replace(`(${s.symbol})`, '(x)')
            .replace(/ mod .*/, '');
    ctx.fillText(unfolded ? `${k} · ${index} mod ${s.n}` : `token index ${index}`, right, height - 3);
  }
})();
