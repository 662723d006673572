// Several operations in one network: do they grok together?
(function () {
  'use strict';
  const T = window.Timeless;
  const find = () =>
    (
      T.page.subjects.find((s) => s.id === T.state.run && s.operations.length > 1) ||
      T.page.subjects.find((s) => s.operations.length > 1) ||
      {}
    ).id || null;
  const COLOURS = ['mean', 'test', 'samples', 'key_frequency', 'sine', 'null'];

  T.figure('cogrok', {
    title: 'Co-grokking, task by task',
    caption: (s) =>
      `Test accuracy of each operation of one network (${s.operations.join(', ')} mod ${s.p}), and the epoch at which each grokked.`,
    read: 'If the operations grok together, their curves rise at the same epoch. The dashed lines mark the grokking epoch of each; an operation without one never grokked in this run. A single run shows what can happen, not what usually does: see the claim’s verdict for several seeds.',
    source: find,
    needs: (s) =>
      s.operations.length > 1
        ? null
        : 'No run of several operations was given. grokking train --task add,mul --train_frac 0.8 --run_name together makes one; give its folder to grokking page as well.',
    build(parts, s) {
      const names = T.page.subjects.filter((x) => x.run === s.run);
      const per = names.map((x, i) => ({
        operation: x.operation,
        epochs: x.curve.epochs,
        acc: x.curve.test_acc,
        grokked: x.grokking_epoch,
        colour: COLOURS[i % COLOURS.length],
      }));
      const legend = T.legend(per.map((x) => [x.colour, x.operation]));
      parts.tools.append(legend);
      const chart = T.chart(parts.stage, {
        width: parts.width,
        height: 280,
        x: { domain: [0, s.lastEpoch()], label: 'epoch' },
        y: T.accuracyAxis('test accuracy'),
      });
      per.forEach((x) => {
        chart.line(x.epochs, x.acc, x.colour);
        if (x.grokked !== null)
          chart.plot.append(
            T.svg('line', {
              class: 'line ' + x.colour,
              'stroke-dasharray': '4 4',
              x1: chart.x(x.grokked),
              x2: chart.x(x.grokked),
              y1: chart.inside.top,
              y2: chart.inside.bottom,
            }),
          );
      });
      const move = T.cursor(chart, s);
      const row = (x, epoch) => T.rowAt(x.epochs, epoch);
      const at = (x, epoch) => x.acc[row(x, epoch)];
      return {
        update(state, step) {
          move(s.steps[step]);
          legend.querySelectorAll('span').forEach((span, i) => {
            span.lastChild.textContent = `${per[i].operation} ${T.percent(at(per[i], s.steps[step]))}${T.measuredAt(per[i].epochs, s.steps[step])}`;
          });
        },
        describe: (step) =>
          `At epoch ${per[0].epochs[row(per[0], s.steps[step])]}: ` +
          per
            .map(
              (x) =>
                `${x.operation} ${T.percent(at(x, s.steps[step]))} right on test, ${x.grokked === null ? 'never grokked' : 'grokked at ' + x.grokked}`,
            )
            .join('; ') +
          '.',
        table: () => ({
          head: ['epoch', ...per.map((x) => x.operation)],
          rows: per[0].epochs
            .filter((_, i) => i % Math.ceil(per[0].epochs.length / 60) === 0)
            .map((e) => [String(e), ...per.map((x) => at(x, e))]),
        }),
        data: () => per,
      };
    },
  });
})();
