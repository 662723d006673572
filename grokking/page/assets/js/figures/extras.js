// Trajectories of the kinematics task and the audit's verdict over training, where they were measured.
(function () {
  'use strict';
  const T = window.Timeless;
  const COLOURS = ['mean', 'test', 'samples', 'key_frequency', 'sine', 'null'];
  const nearest = (epochs, epoch) =>
    epochs.reduce((best, e, i) => (Math.abs(e - epoch) < Math.abs(epochs[best] - epoch) ? i : best), 0);
  const shareOfClock = () => {
    const s = T.current();
    return s ? T.step() / (s.steps.length - 1) : 1;
  };

  T.figure('kinematics', {
    title: 'Trajectories, true and predicted',
    caption:
      'Height against distance, in metres: lines show the formula, dots the network’s answers. The clock moves through this run in proportion to its own steps.',
    read: 'A network that has learnt the motion puts its dots on the lines also for launches that it was not trained on. One that has memorised is right on trained launches and off elsewhere. A launch ends where the ball has landed or leaves the range of heights in the task.',
    needs: () =>
      T.page.kinematics
        ? null
        : 'No kinematics run was given. grokking train --preset kinematics makes one; grokking page RUN_DIR --kinematics ITS_FOLDER adds it.',
    provenance: () =>
      T.page.kinematics ? String(T.page.kinematics.provenance || 'From the file given by --kinematics.') : '',
    build(parts) {
      const r = T.page.kinematics;
      const heights = r.trajectories
        .flatMap((t) => [...t.true, ...t.predicted.flat()])
        .filter((v) => v !== null);
      const own = (meaning) => (meaning === 'mean' ? 'sine' : meaning); // blue next to the sky blue of "train" is hard to distinguish in the dark theme
      const colour = (i) =>
        T.colour(r.trajectories[i].meaning || '-')
          ? own(r.trajectories[i].meaning)
          : COLOURS[i % COLOURS.length];
      const reading = T.html('p', { class: 'reading', 'aria-hidden': 'true' });
      parts.tools.append(T.legend(r.trajectories.map((t, i) => [colour(i), t.label])));
      const chart = T.chart(parts.stage, {
        width: parts.width,
        height: 360,
        x: { domain: [0, Math.max(...r.x)], label: 'distance x, m' },
        y: { domain: [0, Math.max(...heights) * 1.04], label: 'height y, m' },
      });
      parts.stage.append(reading);
      const dots = r.trajectories.map((t, i) => {
        chart.line(r.x, t.true, colour(i));
        return r.x.map(() => {
          const dot = T.svg('circle', { class: 'fill-' + colour(i), r: 3.6 });
          chart.plot.append(dot);
          return dot;
        });
      });
      const at = () => Math.round(shareOfClock() * (r.epochs.length - 1));
      const error = (t) => {
        const gaps = t.true
          .map((v, j) => (v === null ? null : Math.abs(v - t.predicted[at()][j])))
          .filter((v) => v !== null);
        return gaps.reduce((x, y) => x + y, 0) / gaps.length;
      };
      return {
        update() {
          dots.forEach((row, i) =>
            row.forEach((dot, j) => {
              const height = r.trajectories[i].predicted[at()][j];
              dot.setAttribute('visibility', height === null ? 'hidden' : 'visible');
              if (height !== null) {
                dot.setAttribute('cx', chart.x(r.x[j]));
                dot.setAttribute('cy', chart.y(height));
              }
            }),
          );
          reading.textContent =
            `epoch ${T.count(r.epochs[at()])} of the kinematics run   mean error ` +
            r.trajectories.map((t) => `${T.show(error(t), 2)} m`).join(', ');
        },
        describe: () =>
          `Epoch ${r.epochs[at()]} of the kinematics run; mean error ` +
          r.trajectories.map((t) => `${t.label}: ${T.show(error(t), 2)} m`).join('; ') +
          '.',
        table: () => ({
          head: ['x, m', ...r.trajectories.flatMap((t) => [t.label + ' true', 'predicted'])],
          rows: r.x.map((x, j) => [x, ...r.trajectories.flatMap((t) => [t.true[j], t.predicted[at()][j]])]),
        }),
        data: () => r,
      };
    },
  });

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
