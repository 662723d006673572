// How small a change of the input flips a right answer, over training, where an audit measured it.
(function () {
  'use strict';
  const T = window.Timeless;
  const TOKEN = 1; // the nearest other token, in units of the distance to it

  T.figure('attack', {
    title: 'How small a push flips an answer',
    caption:
      'Length of the shortest change found of one number’s embedding that turns a right answer to a train pair wrong, as a share of the way to the nearest other number: the median of up to 96 pairs at each checkpoint.',
    read: 'At 100 % the push is so long that it could have made another number of the one that was typed; an immune network would need at least that. The nearer to 0 %, the less it takes. The search follows the gradient, so a shorter push may exist: the curve is an upper bound. Only pairs that are answered right are attacked, so early checkpoints stand for few pairs.',
    needs: (s) =>
      s.audit && s.audit.robustness && s.history.test_acc
        ? null
        : 'No attack on this run was measured over training. grokking audit RUN_DIR --over_training --thorough measures it; then build the page again.',
    build(parts, s) {
      const { epochs, robustness } = s.audit;
      const axis = (label) => ({ ...T.accuracyAxis(label), domain: [0, 1.05] });
      const legend = T.html('div');
      parts.tools.append(legend);
      const chart = T.chart(parts.stage, {
        width: parts.width,
        height: 280,
        x: { domain: [0, s.lastEpoch()], label: 'epoch' },
        y: axis('share of the way to the nearest number'),
      });
      const y = chart.y(TOKEN);
      chart.plot.append(
        T.svg('line', { class: 'mark', x1: chart.inside.left, x2: chart.inside.right, y1: y, y2: y }),
        T.svg('text', {
          class: 'marktext',
          x: chart.inside.left + 6,
          y: y + 16,
          text: 'immune: no push shorter than this',
        }),
      );
      chart.line(s.history.epochs, s.history.test_acc, 'thin');
      chart.line(epochs, robustness, 'ink');
      const move = T.cursor(chart, s);
      const at = (step) => T.rowAt(epochs, s.steps[step]);
      const words = (step) => T.percent(robustness[at(step)]);
      return {
        update(state, step) {
          const epoch = s.steps[step];
          move(epoch);
          legend.replaceChildren(
            T.legend([
              ['ink', `push that flips half of the answers: ${words(step)}`],
              ['other_frequency', `test accuracy: ${T.percent(s.logged('test_acc', epoch))}`],
            ]),
          );
        },
        describe: (step) =>
          `At epoch ${epochs[at(step)]} half of the right answers are flipped by a push of ${words(step)} of the way to the nearest number.`,
        table: () => ({
          head: ['epoch', 'share of the way'],
          rows: epochs.map((e, i) => [String(e), robustness[i]]),
        }),
        data: () => ({ epochs, robustness }),
      };
    },
  });
})();
