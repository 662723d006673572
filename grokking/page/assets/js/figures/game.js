// The audit as a game: a network without its test score; the reader says what it is, then the auditor does.
(function () {
  'use strict';
  const T = window.Timeless;
  const ANSWERS = ['memorising', 'mixed', 'circuit'];

  T.figure('game', {
    title: 'Is this network memorising?',
    caption: () =>
      `${T.page.audits.cases.length} networks that answer their train pairs. Bars: share of the embedding’s energy per frequency; dots: the numbers on the plane of the largest one. The accuracy on unseen pairs is hidden until you have answered.`,
    read: 'Look for bars that stand alone, and for a ring whose colours run round it once. “Mixed” is a network of both: a circuit, and answers that do not come from it. The auditor takes the key frequencies away and keeps them alone, and compares what is left; it can be wrong, or of another opinion than you.',
    needs: () =>
      T.page.audits
        ? null
        : 'No networks were given for the game. grokking page RUN_DIR --audits FOLDER adds those of a folder of run directories.',
    provenance: () =>
      T.page.audits ? String(T.page.audits.provenance || 'From the file given by --audits.') : '',
    interactive: true,
    build: (parts) => new Game(parts).figure(),
  });

  // Not in their order, where a run's stages stand together: by a stride that visits all.
  function nextCase(at, n) {
    let stride = Math.min(3, n);
    while (T.maths.gcd(stride, n) !== 1) stride++;
    return (at + stride) % n;
  }

  class Game {
    constructor(parts) {
      Object.assign(this, { parts, cases: T.page.audits.cases, at: 0, said: null, played: 0, agreed: 0 });
      this.question = T.html('p', { class: 'reading' });
      this.buttons = ANSWERS.map((answer) =>
        T.html('button', { type: 'button', text: answer, onclick: () => this.answer(answer) }),
      );
      this.next = T.html('button', {
        type: 'button',
        class: 'strong',
        text: 'Next network',
        onclick: () => this.go(),
      });
      parts.tools.append(this.question, T.html('div', { class: 'choice' }, [...this.buttons, this.next]));
      this.told = T.html('p', { class: 'verdictline', role: 'status' });
      const size = Math.min(260, parts.width);
      const box = T.html('div', { class: 'two' });
      const wide = parts.width > size + 260;
      this.bars = T.html('div', {});
      box.append(this.bars);
      this.circle = T.canvas(box, size, size);
      this.width = wide ? parts.width - size - 30 : parts.width;
      parts.stage.append(box, this.told);
    }
    get now() {
      return this.cases[this.at];
    }
    answer(answer) {
      if (this.said) return;
      this.said = answer;
      this.played++;
      if (answer === this.now.verdict) this.agreed++;
      this.draw();
      this.parts.rested();
    }
    go() {
      this.at = nextCase(this.at, this.cases.length);
      this.said = null;
      this.draw();
      this.parts.rested();
    }
    draw() {
      const c = this.now;
      const { said } = this;
      this.question.textContent = `One of ${this.cases.length} networks: ${c.operation} mod ${c.p}, ${T.percent(c.train_acc)} of its train pairs right.`;
      this.buttons.forEach((button) => {
        button.disabled = Boolean(said);
        button.setAttribute('aria-pressed', String(said === button.textContent));
      });
      this.told.textContent = said ? this.verdict() : 'What do you say?';
      this.drawBars(c);
      const points = c.circle.flat();
      const reach = Math.max(...c.circle.map(([x, y]) => Math.hypot(x, y ?? 0)));
      const n = c.circle.length;
      T.drawCircle(this.circle, points, reach, { turn: (i) => ((c.frequency * i) % n) / n });
    }
    verdict() {
      const c = this.now;
      const what = `${c.run}, epoch ${T.count(c.epoch)}, trained on ${T.percent(c.train_frac)}${c.layer_norm ? ', with layer norm' : ''}`;
      const why = c.keys.length
        ? `its key frequencies ${c.keys.join(', ')} alone answer ${T.percent(c.sufficient)} of unseen pairs, and without them ${T.percent(c.without)} of train pairs stay right`
        : 'no frequency has neurons of its own';
      return `The auditor says: ${c.verdict} (${why}). Unseen pairs right: ${T.percent(c.test_acc)}. This was ${what}. You agreed with the auditor ${this.agreed} of ${this.played} times.`;
    }
    drawBars(c) {
      const chart = T.chart(T.html('div', {}), {
        width: this.width,
        height: 260,
        x: { domain: [0.5, c.share.length + 0.5], label: 'frequency k' },
        y: { domain: [0, Math.min(1, 1.1 * Math.max(...c.share))], label: 'share of energy' },
      });
      const wide = Math.max(1, 0.72 * (chart.x(2) - chart.x(1)));
      c.share.forEach((v, i) =>
        chart.plot.append(
          T.svg('rect', {
            class: 'bar other',
            x: chart.x(i + 1) - wide / 2,
            width: wide,
            y: chart.y(v),
            height: chart.inside.bottom - chart.y(v),
          }),
        ),
      );
      this.bars.replaceChildren(chart.svg);
    }
    figure() {
      return {
        update: () => this.draw(),
        describe: () => `${this.question.textContent} ${this.told.textContent}`,
        table: () => ({
          head: ['network', 'train pairs right', this.said ? 'the auditor' : 'the auditor (hidden)'],
          rows: this.cases.map((c, i) => [
            String(i + 1),
            c.train_acc,
            i === this.at && this.said ? c.verdict : 'hidden',
          ]),
        }),
        data: () => T.page.audits,
      };
    }
  }
})();
