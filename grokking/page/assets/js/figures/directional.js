// The loss along directions of weight space: the embedding's waves of one frequency made larger and smaller.
(function () {
  'use strict';
  const T = window.Timeless;

  T.figure('directional', {
    title: 'The loss along waves of the embedding',
    caption: (s) =>
      `Loss of all pairs of the group (nats, logarithmic) when the waves of one frequency in W_E are multiplied by 1 + h, the rest unchanged, in the last model (epoch ${T.count(s.along.epoch)}). Pink: key frequencies; grey: the frequency with the largest share among the others.`,
    read: 'The slope at h = 0 is a directional derivative; the numbers are below the figure. Where training has come to rest it is small along every wave. How steep the walls of the valley are shows away from 0: compare what the loss becomes without the waves of a key frequency (h = −1) with what it becomes without those of the other one.',
    needs: (s) =>
      s.along
        ? null
        : 'Directions are measured along key frequencies, and the final model of this run has none.',
    build(parts, s) {
      const r = s.along;
      const chart = T.chart(parts.stage, {
        width: parts.width,
        height: 280,
        x: { domain: [r.h[0], r.h[r.h.length - 1]], label: 'h' },
        y: { domain: T.lossDomain(r.lines.map((line) => line.loss)), label: 'loss, nats', log: true },
        margin: { right: 5 * T.letter() },
      });
      r.lines.forEach((line, i) => {
        chart.line(r.h, line.loss, line.key ? 'key_frequency' : 'null');
        chart.plot.append(
          T.svg('text', {
            class: 'endname',
            x: chart.inside.left + 6 + 4 * T.letter() * i, // side by side, where curves begin close together
            y: chart.y(line.loss[0]) - 5,
            text: `k = ${line.k}`,
          }),
        );
      });
      const slopes = () =>
        r.lines
          .map((line) => `k = ${line.k}${line.key ? '' : ' (no key)'}: ${T.show(line.slope, 2)}`)
          .join('   ');
      parts.stage.append(
        T.html('p', {
          class: 'reading',
          'aria-hidden': 'true',
          text: 'slope of the loss at h = 0, nats:   ' + slopes(),
        }),
      );
      return {
        update() {},
        describe: () => `Slopes at h = 0: ${slopes()}.`,
        table: () => ({
          head: ['h', ...r.lines.map((line) => `loss along k = ${line.k}`)],
          rows: r.h.map((h, i) => [h, ...r.lines.map((line) => line.loss[i])]),
        }),
        data: () => r,
      };
    },
  });
})();
