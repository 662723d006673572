// The audit's verdict over training, where it was measured.
(function () {
  'use strict';
  const T = window.Timeless;
  const nearest = (epochs, epoch) =>
    epochs.reduce((best, e, i) => (Math.abs(e - epoch) < Math.abs(epochs[best] - epoch) ? i : best), 0);
  T.figure('audit', {
    title: 'The audit’s verdict over training',
    caption:
      'The verdict of a white-box audit of the weights at each checkpoint, above a measure of behaviour: test accuracy. Upper band: an auditor who knows only that checkpoint; lower band: one who already knows the final frequencies.',
    read: 'If a band changes before the accuracy curve climbs, the weights showed the shift before any behavioural test could. The difference between the two bands is the advantage of hindsight: the first auditor has to find the frequencies in the checkpoint itself.',
    needs: (s) =>
      s.audit && s.audit.verdict && s.history.test_acc
        ? null
        : `This run was not audited over training. grokking audit RUN_DIR --over_training audits it; then build the page again. (${s.no_audit})`,
    build(parts, s) {
      const r = s.audit;
      const bands = [
        ['verdict', 'knowing this checkpoint'],
        ['verdict_by_final_keys', 'knowing the final frequencies'],
      ].filter(([name]) => r[name]);
      const kinds = [...new Set(bands.flatMap(([name]) => r[name]))].filter((v) => v !== null);
      const KNOWN = { memorising: 'train', mixed: 'sine', circuit: 'key_frequency' };
      const colourOf = (v) => KNOWN[v] || 'other_frequency';
      parts.tools.append(
        T.legend([...kinds.map((v) => [colourOf(v), String(v), 'dots']), ['ink', 'test accuracy']]),
      );
      const chart = T.chart(parts.stage, {
        width: parts.width,
        height: 300,
        x: { domain: [0, s.lastEpoch()], label: 'epoch' },
        y: T.accuracyAxis('test accuracy'),
        margin: { bottom: 104 },
      });
      bands.forEach(([name, text], row) => {
        const y = chart.inside.bottom + 40 + 32 * row;
        chart.plot.append(T.svg('text', { x: chart.inside.left, y: y - 3, text }));
        r.epochs.forEach((epoch, i) => {
          const from = chart.x(epoch),
            to = chart.x(r.epochs[i + 1] === undefined ? s.lastEpoch() : r.epochs[i + 1]);
          chart.plot.append(
            T.svg('rect', {
              class: 'verdict fill-' + colourOf(r[name][i]),
              x: from,
              width: Math.max(1, to - from + 0.5),
              y,
              height: 13,
            }),
          );
        });
      });
      chart.line(s.history.epochs, s.history.test_acc, 'ink');
      const move = T.cursor(chart, s);
      const at = (step) => nearest(r.epochs, s.steps[step]);
      return {
        update(state, step) {
          move(s.steps[step]);
        },
        describe: (step) =>
          `At epoch ${r.epochs[at(step)]} the audit says: ` +
          bands.map(([name, text]) => `${text}, ${r[name][at(step)]}`).join('; ') +
          '.',
        table: () => ({
          head: ['epoch', ...bands.map(([, text]) => text)],
          rows: r.epochs.map((e, i) => [String(e), ...bands.map(([name]) => r[name][i])]),
        }),
        data: () => r,
      };
    },
  });
})();
