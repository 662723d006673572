// Grokking time against the training fraction; runs that did not grok are shown as such.
(function () {
  'use strict';
  const T = window.Timeless;
  const COMMAND =
    'grokking page RUN_DIR --sweep FOLDER, where FOLDER holds runs that differ in --train_frac and --seed';

  // Median grokking epoch of the runs of a fraction, where all of them grokked: with censored runs it is not known.
  function medians(runs) {
    return [...new Set(runs.map((r) => r.train_frac))]
      .map((fraction) => ({ fraction, at: runs.filter((r) => r.train_frac === fraction) }))
      .filter(({ at }) => at.every((r) => r.grokking_epoch !== null))
      .map(({ fraction, at }) => {
        const epochs = at.map((r) => r.grokking_epoch).sort((a, b) => a - b);
        const half = epochs.length / 2;
        return {
          fraction,
          few: at.length,
          epoch: (epochs[Math.ceil(half) - 1] + epochs[Math.floor(half)]) / 2,
        };
      });
  }
  const told = (r) =>
    `fraction ${T.percent(r.train_frac)}, seed ${r.seed}: ${r.grokking_epoch === null ? `not grokked in ${T.count(r.epochs)} epochs` : `grokked at ${T.count(r.grokking_epoch)}`}${r.memorised_epoch === null ? '' : `, memorised at ${T.count(r.memorised_epoch)}`}`;

  T.figure('sweep', {
    title: 'How much data does grokking need?',
    caption: () => {
      const r = T.page.sweep.runs;
      return `Epoch of grokking and of memorising against the training fraction: ${r.length} runs, p = ${[...new Set(r.map((x) => x.p))].join(', ')}, seeds ${[...new Set(r.map((x) => x.seed))].sort((a, b) => a - b).join(', ')}; logarithmic. ${r.filter((x) => x.grokking_epoch === null).length} did not grok within their epochs.`;
    },
    read: 'A filled dot is a run that grokked (test accuracy at least 99 % from there on). An open triangle is a run that did not, at its last epoch: its time is not known, only that it is longer. A small dot is when the same run had memorised its training pairs. A short line is the median of a fraction whose runs all grokked; hover over a mark for its run.',
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
        const first = chart.plot.childNodes.length;
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
        if (r.grokking_epoch === null) {
          const y = chart.y(r.epochs);
          chart.plot.append(T.svg('path', { class: 'censored', d: `M${x - 5} ${y + 4}h10l-5 -10z` }));
        }
        [...chart.plot.childNodes]
          .slice(first)
          .forEach((node) => node.append(T.svg('title', { text: told(r) })));
      });
      medians(runs).forEach(({ fraction, epoch, few }) => {
        const x = chart.x(fraction);
        const line = T.svg('line', {
          class: 'median',
          x1: x - 13,
          x2: x + 13,
          y1: chart.y(epoch),
          y2: chart.y(epoch),
        });
        line.append(
          T.svg('title', {
            text: `${T.percent(fraction)}: median ${T.count(epoch)} of ${few} runs that grokked`,
          }),
        );
        chart.plot.append(line);
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
