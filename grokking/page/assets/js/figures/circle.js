// Token embeddings on the plane of one frequency: the star polygon of “Phase Transition Visualizations”, or one circle.
(function () {
  'use strict';
  const T = window.Timeless;
  T.figure('circle', {
    title: 'The embedding circle',
    caption: (s) =>
      `Each dot is one of the ${s.n} number tokens, drawn where its embedding falls on the plane of one frequency k; axes in units of W_E, the same at every step. Tokens beyond them are hollow, on the edge.`,
    read: 'Unfolded joins and colours the tokens in the order of their phase k·x mod n, so a learnt frequency closes to one circle. “As in the source” (the order of “Phase Transition Visualizations”) joins 0, 1, 2 … and gives a star. Before grokking the same projection gives a cloud: in many dimensions even random vectors look somewhat round, so compare the circularity with its null: in 95 % of draws, shuffled tokens score at most this value.',
    needs: T.needsFourier,
    build(parts, s) {
      const size = Math.min(parts.width, 560);
      const canvas = T.canvas(parts.stage, Math.min(parts.width, size + 80), size);
      const view = T.viewChoice();
      const reading = T.html('p', { class: 'reading', 'aria-hidden': 'true' });
      parts.tools.append(view);
      parts.stage.append(reading);
      const facts = (step) => {
        const k = T.frequency(s);
        const points = T.circles(s, k).points[step];
        const exact = k === s.circle ? s.at_steps.circularity_final_k[step] : T.maths.circularity(points);
        return {
          k,
          points,
          circularity: exact,
          nullValue:
            T.show(s.logged('embedding_circularity_null', s.steps[step])) + s.loggedWhen(s.steps[step]),
        };
      };
      return {
        update(state, step) {
          const { k, points, circularity, nullValue } = facts(step);
          const unfolded = state.view !== 'source';
          const order = unfolded ? T.phaseOrder(s.n, k) : [...Array(s.n).keys()];
          const every = Math.max(1, Math.round(s.n / 16));
          T.drawCircle(canvas, points, T.circles(s, k).reach, {
            order,
            turn: unfolded ? (i) => ((k * i) % s.n) / s.n : (i) => i / s.n,
            labels: order
              .filter((_, i) => i % every === 0 && s.n - i >= every)
              .map((i) => [i, String(s.members[i])]),
          });
          reading.textContent = `k = ${k}   circularity ${T.show(circularity)}   null ${nullValue}`;
          view.refresh();
        },
        describe(step) {
          const f = facts(step);
          return `Frequency ${f.k} at epoch ${s.steps[step]}: circularity ${T.show(f.circularity)}, null ${f.nullValue}.`;
        },
        table(step) {
          const { points } = facts(step);
          return {
            head: ['token', 'u', 'v'],
            rows: s.members.map((x, i) => [String(x), points[2 * i], points[2 * i + 1]]),
          };
        },
        data(step) {
          const { k, points, circularity } = facts(step);
          return { k, circularity, tokens: s.members, points: Array.from(points) };
        },
      };
    },
  });
})();
