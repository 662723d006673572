// Curves over epochs: grokking, restricted and excluded loss, weight norms.
(function () {
  'use strict';
  const T = window.Timeless;
  const epochsOf = (s) => ({ domain: [0, s.lastEpoch()], label: 'epoch' });

  const shown = (key, v) => (key.endsWith('_acc') ? T.percent(v) : T.show(v));

  function rowsAt(names, source, epoch) {
    const row = T.rowAt(source.epochs, epoch);
    return names.map(([key, text]) => [text, source[key] ? source[key][row] : null]);
  }
  function everyRow(names, source) {
    const every = Math.max(1, Math.floor(source.epochs.length / 60));
    const kept = source.epochs
      .map((_, i) => i)
      .filter((i) => i % every === 0 || i === source.epochs.length - 1);
    return {
      head: ['epoch', ...names.map(([, text]) => text)],
      rows: kept.map((i) => [String(source.epochs[i]), ...names.map(([key]) => source[key][i])]),
    };
  }
  const pick = (names, source) =>
    Object.assign({ epochs: source.epochs }, Object.fromEntries(names.map(([key]) => [key, source[key]])));
  const sentence = (names, source, epoch) =>
    `At epoch ${source.epochs[T.rowAt(source.epochs, epoch)]}: ` +
    rowsAt(names, source, epoch)
      .map(([text, v], i) => `${text} ${shown(names[i][0], v)}`)
      .join(', ') +
    '.';

  // One chart of several curves of one run with phases and cursor; the legend shows values at the clock.
  function curves(parts, s, source, names, y, height) {
    const chart = T.chart(parts.stage, { width: parts.width, height, x: epochsOf(s), y });
    names.forEach(([key, , colour, extra]) =>
      chart.line(
        source.epochs,
        source[key].map((v) => (v === null ? null : y.log ? Math.max(v, y.domain[0]) : v)),
        colour,
        extra,
      ),
    );
    T.bands(chart, s);
    return { chart, move: T.cursor(chart, s) };
  }
  // Upright marks at the moments that the run has, with their names in the plot.
  function marks(chart, s) {
    const named = [
      ['memorised', 'memorised'],
      ['grokked', 'grokking'],
    ];
    named.forEach(([text, moment]) => {
      const epoch = s.moment(moment);
      if (epoch === null) return;
      const x = chart.x(epoch);
      const right = x > (chart.inside.left + chart.inside.right) / 2;
      chart.plot.append(
        T.svg('line', { class: 'mark', x1: x, x2: x, y1: chart.inside.top, y2: chart.inside.bottom }),
        T.svg('text', {
          class: 'marktext',
          x: x + (right ? -6 : 6),
          y: (chart.inside.top + chart.inside.bottom) / 2,
          'text-anchor': right ? 'end' : 'start',
          text: `${text} at ${T.count(epoch)}`,
        }),
      );
    });
  }
  // What the key frequencies alone answer, at every kept step; drawn when the reader asks.
  function waveLine(chart, s) {
    const line = chart.line(s.steps, s.at_steps.waves_alone, 'key_frequency');
    line.classList.add('strong');
    return (show) => line.setAttribute('visibility', show ? 'visible' : 'hidden');
  }
  function values(legend, names, source, epoch) {
    legend.querySelectorAll('span').forEach((span, i) => {
      if (!names[i]) return;
      span.lastChild.textContent = `${names[i][1]} ${shown(names[i][0], rowsAt(names, source, epoch)[i][1])}${T.measuredAt(source.epochs, epoch)}`;
    });
  }
  const legendOf = (names) =>
    T.legend(names.map(([, text, colour, extra]) => [colour, text, extra ? 'dashed' : 'solid']));

  T.figure('grokking', {
    title: 'Grokking curves',
    open: true,
    caption: (s) =>
      `Accuracy and cross-entropy (nats, logarithmic, from a float64 log-softmax) on the ${s.split_sizes ? T.count(s.split_sizes[0]) + ' pairs trained on and the ' + T.count(s.split_sizes[1]) + ' held out' : 'pairs of the task'}${s.phases.length ? ', with the phases found by the rule of this project' : ''}. Drag across a chart to move the clock.`,
    read: 'Where the training curve is at 100 % and the test curve is low, the network has memorised; where the test curve has followed, it has grokked. “Only the waves” adds what the final key frequencies alone answer on the held-out pairs, averaged over held-out pairs of the same answer, so that nothing memorised can help. The shaded phases come from the excluded loss by one scale-free rule (see the phases figure), not by hand.',
    build(parts, s) {
      const h = s.history;
      const all = !h.train_acc;
      const acc = all
        ? [['all_acc', 'accuracy', 'test']]
        : [
            ['train_acc', 'train accuracy', 'train'],
            ['test_acc', 'test accuracy', 'test'],
          ];
      const loss = all
        ? [['all_loss', 'loss', 'test']]
        : [
            ['train_loss', 'train loss', 'train'],
            ['test_loss', 'test loss', 'test'],
          ];
      const names = acc.concat(loss);
      const legend = legendOf(names);
      parts.tools.append(legend);
      const accuracy = curves(
        parts,
        s,
        h,
        acc,
        T.accuracyAxis('accuracy'),
        Math.max(220, Math.min(300, parts.width * 0.4)),
      );
      marks(accuracy.chart, s);
      const waves = T.facts(s).keys && !all ? waveLine(accuracy.chart, s) : null;
      const ask = T.choice('Show', 'waves', [
        ['no', 'the network'],
        ['only', 'and only the waves'],
      ]);
      if (waves) parts.tools.prepend(ask);
      const { move: moveB } = curves(
        parts,
        s,
        h,
        loss,
        { domain: T.lossDomain(loss.map(([k]) => h[k])), label: 'loss, nats', log: true },
        240,
      );
      return {
        update(state, step) {
          accuracy.move(s.steps[step]);
          if (waves) waves(state.waves === 'only');
          ask.refresh();
          moveB(s.steps[step]);
          values(legend, names, h, s.steps[step]);
        },
        describe: (step) =>
          sentence(names, h, s.steps[step]) +
          (waves
            ? ` The key frequencies alone: ${T.percent(s.at_steps.waves_alone[step])} of held-out pairs.`
            : '') +
          (!s.knowsSplit()
            ? ' The grokking epoch is not known, because the split is unknown.'
            : s.grokking_epoch === null
              ? ' This run never grokked.'
              : ` Grokked at epoch ${s.grokking_epoch}.`),
        table: () => everyRow(names, h),
        data: () =>
          Object.assign(pick(names, h), {
            grokking_epoch: s.grokking_epoch,
            phases: s.phases,
            steps: s.steps,
            waves_alone: waves ? s.at_steps.waves_alone : null,
          }),
      };
    },
  });

  T.figure('progress', {
    title: 'Restricted and excluded loss: three phases',
    caption: (s) =>
      `Cross-entropy (nats, logarithmic): with only the final key frequencies (restricted, all pairs)${s.knowsSplit() ? ' and with exactly those removed (excluded, train pairs), against the full train and test loss' : ', against the loss of the whole network; the excluded loss needs the train pairs, which are not known'}.`,
    read: 'The rule: memorisation lasts while the excluded loss falls: what is learnt needs no key frequency; circuit formation lasts until nine tenths of its later climb are done; cleanup is the rest. Where the restricted loss falls before the test loss does, the circuit grows before behaviour shows it.',
    needs: (s) =>
      T.needsProgress(s) ||
      (s.progress.restricted_loss && s.progress.restricted_loss.some((v) => v !== null)
        ? null
        : 'The final model of this run has no key frequency, so there is nothing to restrict to: it did not grok. Train it further: the same grokking train command with a larger --n_epochs.'),
    build(parts, s) {
      const g = s.progress;
      const full = s.knowsSplit()
        ? [
            ['train_loss', 'train', 'train'],
            ['test_loss', 'test', 'test'],
          ]
        : [['group_loss', 'all pairs', 'test']];
      const names = [
        ...full,
        ['restricted_loss', 'restricted', 'key_frequency'],
        ['excluded_loss', 'excluded', 'null', { 'stroke-dasharray': '6 4' }],
      ].filter(([k]) => g[k] && g[k].some((v) => v !== null));
      const legend = legendOf(names);
      parts.tools.append(legend);
      const { move } = curves(
        parts,
        s,
        g,
        names,
        {
          domain: T.lossDomain(names.map(([k]) => g[k].filter((v) => v !== null))),
          label: 'loss, nats',
          log: true,
        },
        330,
      );
      return {
        update(state, step) {
          move(s.steps[step]);
          values(legend, names, g, s.steps[step]);
        },
        describe: (step) =>
          sentence(names, g, s.steps[step]) + ` Phase: ${s.phaseAt(s.steps[step]) || 'not known'}.`,
        table: () => everyRow(names, g),
        data: () => Object.assign(pick(names, g), { key_frequencies: s.keys, phases: s.phases }),
      };
    },
  });

  T.figure('norms', {
    title: 'Weight norms',
    caption: 'L2 norm of all parameters and of each matrix; no unit, linear axis.',
    read: 'Weight decay pulls every weight towards zero at each update. Memorising takes large weights; a circuit can do with smaller ones. The thin lines show which matrices shrink, and when; the table has their values at the clock.',
    build(parts, s) {
      const source = s.progress || s.history;
      const matrices = Object.keys(source)
        .filter((k) => k.startsWith('norm_W'))
        .map((k) => [k, k.slice(5), 'thin']);
      const names = [['weight_norm', 'all weights', 'mean'], ...matrices];
      const top = Math.max(0, ...source.weight_norm) || 1;
      const legend = T.legend([
        ['mean', 'all weights'],
        ...(matrices.length ? [['other_frequency', 'single matrices']] : []),
      ]);
      parts.tools.append(legend);
      const chart = T.chart(parts.stage, {
        width: parts.width,
        height: 280,
        x: epochsOf(s),
        y: { domain: [0, top * 1.05], label: 'L2 norm' },
        margin: { right: matrices.length ? 5.6 * T.letter() : 14 },
      });
      names
        .slice()
        .reverse()
        .forEach(([key, , colour]) => chart.line(source.epochs, source[key], colour));
      const ends = matrices
        .map(([key]) => chart.y(source[key][source[key].length - 1]))
        .map((y, i) => ({ text: matrices[i][1], y, from: y }))
        .sort((a, b) => a.y - b.y);
      const lowest = chart.inside.bottom - 4;
      ends.forEach((end, i) => {
        if (i) end.y = Math.max(end.y, ends[i - 1].y + T.letter());
      });
      for (let i = ends.length - 1, top = lowest; i >= 0; i--, top -= T.letter())
        ends[i].y = Math.min(ends[i].y, top);
      ends.forEach((end) => {
        chart.plot.append(
          T.svg('path', {
            class: 'lead',
            d: `M${chart.inside.right + 3} ${end.from}L${chart.inside.right + 18} ${end.y}`,
          }),
          T.svg('text', { class: 'endname', x: chart.inside.right + 21, y: end.y + 4, text: end.text }),
        );
      });
      T.bands(chart, s);
      const move = T.cursor(chart, s);
      return {
        update(state, step) {
          move(s.steps[step]);
          values(legend, names.slice(0, 1), source, s.steps[step]);
        },
        describe: (step) => sentence(names.slice(0, 1), source, s.steps[step]),
        table: () => everyRow(names, source),
        data: () => pick(names, source),
      };
    },
  });
  T.rowsAt = rowsAt;
})();
