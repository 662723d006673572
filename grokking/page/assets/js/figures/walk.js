// One addition, walked through: each key frequency is a clock whose hand is turned by a, then by b; each votes a wave
// over all answers, and the votes add up.
(function () {
  'use strict';
  const T = window.Timeless;
  const TURN = 900; // milliseconds in which the hands turn

  T.figure('walk', {
    title: 'One addition, by clocks and votes',
    open: true,
    caption: (s) =>
      `Above: the clock of each key frequency, dots where the ${s.n} embedded numbers lie on its plane at this step, hands at a, and at a turned further by b. Below: what that frequency adds to the logit of every answer, averaged over the pairs of the same answer, and the sum. The weights are those of the step on the clock.`,
    read: 'Type two numbers. On the clock of frequency k, a number x stands at k·x/n of a full turn. Turning on by b brings the hand to the angle of the answer, on every clock. Each clock then votes: highest where its hand points, but also at answers that look alike to it. Only the right answer is favoured by all clocks. Take a clock out and see another answer come near.',
    needs: (s) =>
      T.needsFourier(s) ||
      (s.keys.length
        ? null
        : 'The final model of this run has no key frequency, so there is no clock to walk through: it did not grok. Train it further: the same grokking train command with a larger --n_epochs.'),
    interactive: true,
    build: (parts, s) => new Walk(parts, s).figure(),
  });

  // Vote of frequency number i for every class, where the answer has group index t: [n], centred.
  T.vote = function (s, step, i, t) {
    const { n } = s;
    const all = s.at('votes', step).subarray(2 * n * i, 2 * n * (i + 1));
    const rows = T.maths.rows(n, s.keys[i]);
    const vote = Float64Array.from({ length: n }, (_, c) =>
      rows.reduce((sum, row, r) => sum + row[t] * all[r * n + c], 0),
    );
    const mean = vote.reduce((x, y) => x + y, 0) / n;
    return vote.map((x) => x - mean);
  };

  class Walk {
    constructor(parts, s) {
      Object.assign(this, { parts, s, shown: '', began: -Infinity });
      this.controls();
      const clock = Math.min(190, (parts.width - 12 * (s.keys.length - 1)) / Math.min(s.keys.length, 5));
      this.size = Math.max(84, clock);
      this.columns = Math.max(1, Math.min(s.keys.length, Math.floor((parts.width + 12) / (this.size + 12))));
      this.clockRows = Math.ceil(s.keys.length / this.columns);
      const height = this.clockRows * (this.size + 26) + s.keys.length * 34 + 130;
      this.canvas = T.canvas(parts.stage, parts.width, height);
    }
    controls() {
      const { s, parts } = this;
      this.inputs = T.operands(s, ['a', 'b']);
      this.verdict = T.html('output', { class: 'answer' });
      const clocks = T.html('div', { class: 'choice', role: 'group', 'aria-label': 'Clocks' }, [
        T.html('span', { class: 'choicelabel', text: 'Clocks' }),
      ]);
      this.buttons = s.keys.map((k) =>
        T.html('button', { type: 'button', text: `k = ${k}`, onclick: () => T.toggleFrequency(k) }),
      );
      clocks.append(...this.buttons);
      const again = T.html('button', { type: 'button', text: 'Turn again', onclick: () => this.turn() });
      parts.tools.append(
        T.html('div', { class: 'ask' }, [
          T.html('label', {}, [document.createTextNode('a = '), this.inputs.a]),
          T.html('label', {}, [document.createTextNode('b = '), this.inputs.b]),
          again,
          this.verdict,
        ]),
        clocks,
      );
    }
    // Group indices of a, b and the answer; null where an operand is no member (0, for products).
    indices() {
      const { s } = this;
      const i = s.members.indexOf(T.clamp(T.state.a, 0, s.p - 1));
      const j = s.members.indexOf(T.clamp(T.state.b, 0, s.p - 1));
      return i < 0 || j < 0 ? null : { i, j, t: (((i + s.sign * j) % s.n) + s.n) % s.n };
    }
    facts(step) {
      const { s } = this;
      const at = this.indices();
      if (!at) return null;
      const on = s.keys.map((k) => !T.state.off.includes(k));
      const each = s.keys.map((_, i) => T.vote(s, step, i, at.t));
      const sum = new Float64Array(s.n);
      each.forEach((vote, i) => on[i] && vote.forEach((x, c) => (sum[c] += x)));
      const ranked = [...sum.keys()].sort((x, y) => sum[y] - sum[x]);
      return { ...at, on, each, sum, best: ranked[0], second: ranked[1] };
    }
    turn() {
      this.began = performance.now();
      cancelAnimationFrame(this.frame);
      const tick = () => {
        this.draw(T.step());
        if (this.progress() < 1) this.frame = requestAnimationFrame(tick);
      };
      this.frame = requestAnimationFrame(tick);
    }
    progress() {
      return T.reducedMotion() ? 1 : T.clamp((performance.now() - this.began) / TURN, 0, 1);
    }
    figure() {
      return {
        update: (state, step) => this.update(step),
        describe: (step) => this.words(step),
        table: (step) => this.table(step),
        data: (step) => this.plain(step),
      };
    }
    update(step) {
      this.step = step;
      this.inputs.refresh();
      this.buttons.forEach((button, i) =>
        button.setAttribute('aria-pressed', String(!T.state.off.includes(this.s.keys[i]))),
      );
      const pair = [T.state.a, T.state.b].join();
      if (this.shown && this.shown !== pair) this.turn();
      this.shown = pair;
      this.verdict.textContent = this.sentence(step);
      this.draw(step);
    }
    sentence(step) {
      const { s } = this;
      const f = this.facts(step);
      if (!f)
        return `${s.members.includes(T.state.a) ? T.state.b : T.state.a} has no logarithm, so no clock shows it`;
      const [right, said, next] = [f.t, f.best, f.second].map((c) => s.members[c]);
      const lead = T.show(f.sum[f.best] - f.sum[f.second], 3);
      return `${s.symbol} mod ${s.p} = ${right}; ${f.on.some(Boolean) ? `the clocks say ${said}, ${lead} nats before ${next}` : 'no clock is left'}`;
    }
    plain(step) {
      const f = this.facts(step) || { each: [], sum: [] };
      const { a, b, off } = T.state;
      return { ...f, a, b, off, each: f.each.map((vote) => Array.from(vote)), sum: Array.from(f.sum) };
    }
    words(step) {
      return `At epoch ${this.s.steps[step]}, a = ${T.state.a}, b = ${T.state.b}: ${this.sentence(step)}.`;
    }
    table(step) {
      const { s } = this;
      const f = this.facts(step);
      const head = ['answer', ...s.keys.map((k) => `vote of k = ${k}`), 'sum of the clocks in use'];
      if (!f) return { head, rows: [] };
      return {
        head,
        rows: s.members.map((x, c) => [String(x), ...f.each.map((vote) => vote[c]), f.sum[c]]),
      };
    }
    draw(step) {
      const f = this.facts(step);
      this.canvas.clear();
      if (!f) return;
      const { size, columns } = this;
      const gap = columns > 1 ? (this.parts.width - columns * size) / (columns - 1) : 0;
      this.s.keys.forEach((k, i) => {
        const x = (i % columns) * (size + Math.min(gap, 40));
        this.drawClock(step, f, i, x, Math.floor(i / columns) * (size + 26));
      });
      this.drawVotes(f, this.clockRows * (size + 26) + 14);
    }
    drawClock(step, f, i, x0, y0) {
      const { s, size, canvas } = this;
      const { ctx } = canvas;
      const k = s.keys[i];
      const { points, reach } = T.circles(s, k);
      const centre = [x0 + size / 2, y0 + 20 + size / 2];
      const scale = (size / 2 - 6) / (reach || 1);
      ctx.globalAlpha = f.on[i] ? 1 : 0.25;
      T.readout(ctx, `k = ${k}${f.on[i] ? '' : ', out'}`, x0, y0 + 12);
      for (let t = 0; t < s.n; t++) {
        const [u, v] = [points[step][2 * t], points[step][2 * t + 1]];
        const shrink = Math.max(1, Math.hypot(u, v) / (reach || 1));
        ctx.fillStyle = T.residue(((k * t) % s.n) / s.n);
        ctx.fillRect(centre[0] + (u / shrink) * scale - 1, centre[1] - (v / shrink) * scale - 1, 2, 2);
      }
      const angle = (t) => (2 * Math.PI * ((k * t) % s.n)) / s.n;
      const from = angle(f.i);
      const by = s.sign * angle(f.j) * this.progress();
      this.hand(centre, from, size * 0.26, 'mean', 2);
      ctx.strokeStyle = T.colour('sine');
      ctx.lineWidth = 2;
      ctx.beginPath();
      ctx.arc(...centre, size * 0.2, -from, -(from + by), by > 0);
      ctx.stroke();
      this.hand(centre, from + by, size * 0.36, 'ink', 2.6);
      ctx.globalAlpha = 1;
    }
    hand([x, y], angle, length, colour, width) {
      const { ctx } = this.canvas;
      ctx.strokeStyle = ctx.fillStyle = T.colour(colour);
      ctx.lineWidth = width;
      const end = [x + length * Math.cos(angle), y - length * Math.sin(angle)];
      ctx.beginPath();
      ctx.moveTo(x, y);
      ctx.lineTo(...end);
      ctx.stroke();
      ctx.beginPath();
      ctx.arc(...end, width + 0.8, 0, 7);
      ctx.fill();
    }
    drawVotes(f, top) {
      const { s, canvas } = this;
      const { ctx, width } = canvas;
      const left = 4.6 * T.letter();
      const x = T.scale([0, s.n - 1], [left, width - 8]);
      const size = Math.max(1e-9, ...f.each.map((vote) => Math.max(...vote.map(Math.abs))));
      ctx.strokeStyle = T.colour('faint'); // the right answer runs through all votes
      ctx.lineWidth = 5;
      ctx.beginPath();
      ctx.moveTo(x(f.t), top - 8);
      ctx.lineTo(x(f.t), top + s.keys.length * 34 + 84);
      ctx.stroke();
      s.keys.forEach((k, i) => {
        const y0 = top + 34 * i + 14;
        ctx.globalAlpha = f.on[i] ? 1 : 0.25;
        T.readout(ctx, `k = ${k}`, 0, y0 + 4);
        ctx.strokeStyle = T.colour('key_frequency');
        ctx.lineWidth = 1.5;
        ctx.beginPath();
        f.each[i].forEach((v, c) => ctx[c ? 'lineTo' : 'moveTo'](x(c), y0 - (14 * v) / size));
        ctx.stroke();
        ctx.globalAlpha = 1;
      });
      this.drawSum(f, x, top + 34 * s.keys.length + 8, 76);
    }
    drawSum(f, x, y0, height) {
      const { s, canvas } = this;
      const { ctx } = canvas;
      const y = T.scale([Math.min(0, ...f.sum), Math.max(1e-9, ...f.sum)], [y0 + height, y0]);
      const wide = Math.max(1, x(1) - x(0) - 0.8);
      T.readout(ctx, 'sum', 0, y0 + height / 2);
      f.sum.forEach((v, c) => {
        ctx.fillStyle = T.colour(
          c === f.best ? (c === f.t ? 'samples' : 'test') : c === f.second ? 'sine' : 'other_frequency',
        );
        ctx.fillRect(x(c) - wide / 2, Math.min(y(v), y(0)), wide, Math.max(0.6, Math.abs(y(v) - y(0))));
      });
      ctx.fillStyle = T.colour('muted');
      [
        [f.best, 'samples'],
        [f.second, 'sine'],
      ].forEach(([c]) => {
        ctx.textAlign = c > s.n * 0.9 ? 'right' : 'center';
        ctx.fillText(String(s.members[c]), x(c), y0 + height + 16);
      });
    }
  }
})();
