// Grokking time against the training fraction; runs that did not grok are shown as such.
(function () {
  'use strict';
  const T = window.Timeless;
  const COMMAND =
    'grokking page RUN_DIR --sweep FOLDER, where FOLDER holds runs that differ in --train_frac and --seed';

  T.figure('sweep', {
    title: 'How much data does grokking need?',
    caption: () => {
      const r = T.page.sweep.runs;
      return `Epoch of grokking and of memorising against the training fraction: ${r.length} runs, p = ${[...new Set(r.map((x) => x.p))].join(', ')}, seeds ${[...new Set(r.map((x) => x.seed))].sort((a, b) => a - b).join(', ')}; logarithmic. ${r.filter((x) => x.grokking_epoch === null).length} did not grok within their epochs.`;
    },
    read: 'A filled dot is a run that grokked (test accuracy at least 99 % from there on). An open triangle is a run that did not, at its last epoch: its time is not known, only that it is longer. A small dot is when the same run had memorised its training pairs.',
    needs: () => (T.page.sweep ? null : `No sweep was given to this page. ${COMMAND} adds it.`),
    provenance: () => (T.page.sweep ? T.page.sweep.provenance : COMMAND),
    build(parts) {
      const runs = T.page.sweep.runs;
      const names = T.legend([
        ['test', 'grokked', 'dots'],
        ['null', 'not within its epochs', 'open'],
        ['train', 'memorised', 'dots'],
      ]);
      parts.tools.append(names);
      const epochs = runs
        .flatMap((r) => [r.grokking_epoch || r.epochs, r.memorised_epoch])
        .filter((e) => e > 0);
      const domain = [
        10 ** Math.floor(Math.log10(Math.min(...epochs))),
        10 ** Math.ceil(Math.log10(Math.max(...epochs) * 1.01)),
      ];
      const chart = T.chart(parts.stage, {
        width: parts.width,
        height: 320,
        x: { domain: [0, 1], label: 'training fraction', format: (v) => Math.round(100 * v) + ' %' },
        y: { domain, label: 'epoch', log: true },
      });
      runs.forEach((r) => {
        const seeds = [...new Set(runs.filter((x) => x.train_frac === r.train_frac).map((x) => x.seed))];
        const x = chart.x(r.train_frac) + 7 * (seeds.indexOf(r.seed) - (seeds.length - 1) / 2);
        if (r.memorised_epoch)
          chart.plot.append(
            T.svg('circle', { class: 'dot train', r: 3, cx: x, cy: chart.y(r.memorised_epoch) }),
          );
        if (r.grokking_epoch !== null)
          chart.plot.append(
            T.svg('circle', {
              class: 'dot test',
              r: 5,
              cx: x,
              cy: chart.y(Math.max(r.grokking_epoch, domain[0])),
            }),
          );
        else {
          const y = chart.y(r.epochs);
          chart.plot.append(T.svg('path', { class: 'censored', d: `M${x - 5} ${y + 4}h10l-5 -10z` }));
        }
      });
      return {
        update() {},
        describe: () =>
          [...new Set(runs.map((r) => r.train_frac))]
            .sort((a, b) => a - b)
            .map((f) => {
              const at = runs.filter((r) => r.train_frac === f);
              return `at ${T.percent(f)}, ${at.filter((r) => r.grokking_epoch !== null).length} of ${at.length} grokked`;
            })
            .join('; ') + '.',
        table: () => ({
          head: ['fraction', 'seed', 'grokking epoch', 'memorised', 'epochs trained'],
          rows: runs.map((r) => [
            String(r.train_frac),
            String(r.seed),
            r.grokking_epoch === null ? 'not within its epochs' : String(r.grokking_epoch),
            r.memorised_epoch === null ? '–' : String(r.memorised_epoch),
            String(r.epochs),
          ]),
        }),
        data: () => T.page.sweep,
      };
    },
  });
})();
