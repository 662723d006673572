// Multiplication: the embedding's spectrum in additive and in discrete-log order, for any primitive root.
(function () {
  'use strict';
  const T = window.Timeless;
  const LONGEST = 9; // doublings, then from 1 again
  const find = () =>
    (
      T.page.subjects.find((s) => s.id === T.state.run && s.group === 'multiplicative') ||
      T.page.subjects.find((s) => s.group === 'multiplicative') ||
      {}
    ).id || null;

  // The key frequencies in logarithms to another root γ: with log_g x = t · log_γ x, frequency k becomes k·t.
  T.renamedKeys = function (s, root) {
    const { powers } = T.maths.powers(s.p, s.generator);
    const t = powers.indexOf(root);
    return s.keys.map((k) => {
      const at = (k * t) % s.n;
      return Math.min(at, s.n - at);
    });
  };

  T.figure('multiplication', {
    title: 'Multiplication adds logarithms',
    caption: (s) =>
      `Share of the embedding’s energy per frequency, and the circle of its largest share, for a·b mod ${s.p}: tokens in the order 0, 1, 2 … (period ${s.p}) or in the order of their discrete logarithm (without 0, which has none; period ${s.p - 1}). Pink: the key frequencies. Gini 0 is an even spectrum, 1 a single frequency.`,
    read: 'In additive order the spectrum of a multiplication network is dense, as if nothing had been learnt. Put the tokens in the order of their discrete logarithm, and the same weights show a few frequencies and a circle. The choice of the primitive root γ only renames the frequencies: the bars change places, the Gini coefficient stays. The order “additive”, shown for comparison, uses no root, and the key frequencies, which are frequencies of logarithms, have no place in it.',
    source: find,
    needs: (s) =>
      s.group === 'multiplicative'
        ? null
        : 'No run of multiplication was given. grokking train --task mul --run_name mul makes one; give its folder to grokking page as well.',
    build(parts, s) {
      const roots = T.maths.primitiveRoots(s.p);
      const order = T.choice('Order of tokens', 'order', [
        ['log', 'discrete logarithm'],
        ['additive', 'additive'],
      ]);
      const select = T.html(
        'select',
        { 'aria-label': 'Primitive root', onchange: () => T.set({ root: Number(select.value) }) },
        roots.map((r) => T.html('option', { value: r, text: `γ = ${r}` })),
      );
      let doublings = 0;
      const double = T.html('button', {
        type: 'button',
        text: 'Double',
        onclick: () => {
          doublings = (doublings + 1) % LONGEST;
          draw();
        },
      });
      parts.tools.append(
        order,
        T.html('label', { class: 'slider' }, [T.html('span', { text: 'Primitive root' }), select]),
        double,
      );
      const two = T.html('div', { class: 'two' });
      const left = T.html('div', {}),
        right = T.html('div', {});
      two.append(left, right);
      parts.stage.append(two);
      const wide = parts.width > 760;
      const half = Math.floor(s.p / 2);
      const chart = T.chart(left, {
        width: wide ? parts.width - 350 : parts.width,
        height: 300,
        x: { domain: [0.5, half + 0.5], label: 'frequency k' },
        y: {
          domain: [0, Math.min(1, 1.15 * s.array('share').reduce((x, y) => Math.max(x, y), 0))],
          label: 'share of energy',
        },
      });
      const thick = (chart.x(2) - chart.x(1)) * 0.72;
      const bars = Array.from({ length: half }, (_, i) =>
        T.svg('rect', { class: 'bar other', x: chart.x(i + 1) - thick / 2, width: Math.max(1, thick) }),
      );
      chart.plot.append(...bars);
      const canvas = T.canvas(right, 300, 300);
      const reading = T.html('p', { class: 'reading', 'aria-hidden': 'true' });
      parts.stage.append(reading);
      const root = () => (roots.includes(T.state.root) ? T.state.root : s.generator);
      const byOrder = {};
      function facts(step) {
        const g = T.state.order === 'log' ? root() : 0;
        const name = g + '/' + step;
        if (!byOrder[name]) {
          const tokens = g ? T.maths.powers(s.p, g).powers : Array.from({ length: s.p }, (_, i) => i);
          const d = s.shape.d_model;
          const values = T.maths.centred(s.at('W_E', step), tokens, d);
          const shares = T.maths.shares(values, tokens.length, d);
          let k = 1;
          shares.forEach((v, i) => {
            if (2 * (i + 1) < tokens.length && v > shares[k - 1]) k = i + 1;
          });
          const points = T.maths.project(
            values,
            tokens.length,
            d,
            T.maths.plane(values, tokens.length, d, k),
          );
          const keys = g ? T.renamedKeys(s, g) : [];
          byOrder[name] = { tokens, shares, k, points, keys, gini: T.maths.gini(shares.map(Math.sqrt)) };
        }
        return byOrder[name];
      }
      let shown = 0;
      // The circle, with the powers of 2 as far as the reader has doubled.
      function draw() {
        const f = facts(shown);
        const n = f.tokens.length;
        let reach = 0;
        for (let i = 0; i < n; i++) reach = Math.max(reach, Math.hypot(f.points[2 * i], f.points[2 * i + 1]));
        const path = Array.from({ length: doublings + 1 }, (_, i) => 2 ** i % s.p);
        const places = path.map((x) => f.tokens.indexOf(x));
        T.drawCircle(canvas, f.points, reach, {
          order: T.phaseOrder(n, f.k),
          turn: (i) => ((f.k * i) % n) / n,
          path: places,
          labels: places.map((i, j) => [i, String(path[j])]),
        });
        reading.textContent = `${T.state.order === 'log' ? `discrete-log order, γ = ${root()}` : 'counting order'}   largest share k = ${f.k} (${T.percent(f.shares[f.k - 1])})   Gini ${T.show(f.gini)}   circularity ${T.show(T.maths.circularity(f.points))}${doublings ? '   ' + path.join(' → ') : ''}`;
      }
      return {
        update(state, step) {
          const f = facts(step);
          order.refresh();
          select.value = root();
          select.disabled = state.order !== 'log';
          bars.forEach((bar, i) => {
            const y = Math.max(chart.inside.top, chart.y(f.shares[i] || 0));
            bar.setAttribute('y', y);
            bar.setAttribute('height', chart.inside.bottom - y);
            bar.classList.toggle('key', f.keys.includes(i + 1));
          });
          shown = step;
          draw();
        },
        describe(step) {
          const f = facts(step);
          return `In ${T.state.order === 'log' ? 'discrete-log' : 'additive'} order the largest share is ${T.percent(f.shares[f.k - 1])} at k = ${f.k}; Gini ${T.show(f.gini)}.`;
        },
        table(step) {
          const f = facts(step);
          return { head: ['k', 'share of energy'], rows: Array.from(f.shares, (v, i) => [String(i + 1), v]) };
        },
        data(step) {
          const f = facts(step);
          return {
            order: T.state.order,
            period: f.tokens.length,
            key_frequencies: f.keys,
            root: T.state.order === 'log' ? root() : null,
            tokens: f.tokens,
            shares: Array.from(f.shares),
            gini: f.gini,
          };
        },
      };
    },
  });
})();
