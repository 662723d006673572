// Touch the circuit: the run's own network answers, and forgets what the reader takes out of it.
(function () {
  'use strict';
  const T = window.Timeless;

  T.figure('touch', {
    title: 'Touch the circuit',
    caption: (s) =>
      `The real weights of ${s.live.epochs.length} steps, rounded to half precision, run in your browser on all ${T.count((s.n || 0) ** 2)} pairs of the group. Losses in nats, over all answers of the group.`,
    read: 'Untick a frequency: its wave is removed from the logits (per answer, along the group index of a and b) and every loss and accuracy is computed again here. The map shows each pair of operands: coloured where the answer is still right, empty where it is now wrong. Remove all key frequencies of a grokked network and its answers are wrong; remove others, and nothing happens. How much depends on them at other steps the numbers show: it can be most of the answers long before the network groks. “Only the ticked” keeps only the ticked key waves and the mean.',
    needs: (s) =>
      T.needsFourier(s) ||
      (s.live.foldable
        ? null
        : 'This run has layer norm, which cannot be folded into the tables that the live network runs on. Give the page a run without it: grokking train trains one by default.') ||
      T.live.obstacle(s),
    interactive: true,
    build(parts, s) {
      return new Touch(parts, s).figure();
    },
  });

  // The live step: chosen, or the one nearest to the clock.
  function liveEpoch(s) {
    const wanted = T.state.live === null ? s.steps[T.step()] : T.state.live;
    return s.live.epochs.reduce((best, e) => (Math.abs(e - wanted) < Math.abs(best - wanted) ? e : best));
  }

  class Touch {
    constructor(parts, s) {
      this.parts = parts;
      this.s = s;
      // What is counted apart: key, name, colour. Where the split is unknown, all pairs are counted together.
      this.parted = s.knowsSplit()
        ? [
            ['train', 'train', 'train'],
            ['test', 'test', 'test'],
          ]
        : [['all', 'all', 'test']];
      const all = s.keys.slice().sort((x, y) => x - y);
      const others = T.state.off.filter((k) => !all.includes(k) && k >= 1 && k <= Math.floor(s.n / 2));
      this.offered = all.concat(others);
      this.controls();
      this.layout();
    }
    controls() {
      const { s, parts } = this;
      this.epochs = T.choice('Weights of epoch', 'live', [
        [null, 'follow the clock'],
        ...s.live.epochs.map((e) => [e, T.count(e)]),
      ]);
      this.boxes = T.html('fieldset', { class: 'ticks' }, [
        T.html('legend', { text: 'Frequencies in the circuit' }),
      ]);
      this.offered.forEach((k) => this.tick(k));
      const add = T.html('input', {
        type: 'number',
        min: 1,
        max: Math.floor(s.n / 2),
        placeholder: 'k',
        'aria-label': 'Another frequency to take out',
      });
      const more = T.html('button', {
        type: 'button',
        text: 'take out another',
        onclick: () => {
          const k = Math.round(Number(add.value));
          if (!(k >= 1 && k <= Math.floor(s.n / 2))) {
            add.setAttribute('aria-invalid', 'true');
            return;
          }
          add.removeAttribute('aria-invalid');
          if (!this.offered.includes(k)) {
            this.offered.push(k);
            this.tick(k);
          }
          T.set({ off: [...new Set([...T.state.off, k])] });
        },
      });
      const buttons = T.html('div', { class: 'choice' }, [
        T.html('button', {
          type: 'button',
          text: 'all out',
          onclick: () => T.set({ off: this.offered.slice() }),
        }),
        T.html('button', { type: 'button', text: 'all back', onclick: () => T.set({ off: [] }) }),
        add,
        more,
      ]);
      parts.tools.append(this.epochs, this.boxes, buttons);
    }
    tick(k) {
      const box = T.html('input', {
        type: 'checkbox',
        'data-k': k,
        onchange: () => T.toggleFrequency(k),
      });
      this.boxes.append(
        T.html('label', {}, [
          box,
          document.createTextNode(` ${k}${this.s.keys.includes(k) ? '' : ' (no key)'}`),
        ]),
      );
    }
    layout() {
      const { s, parts } = this;
      this.status = T.html('p', { class: 'reading', role: 'status' });
      const size = Math.min(parts.width > 760 ? 330 : parts.width, 360);
      this.map = T.html('div', {});
      this.mapCanvas = T.canvas(this.map, size, size + 20);
      this.numbers = T.html('div', { class: 'numbers' });
      parts.stage.append(T.html('div', { class: 'two' }, [this.map, this.numbers]));
      this.inputs = T.operands(s, ['a', 'b']);
      this.answer = T.html('output', { class: 'answer' });
      this.ask = T.html('div', { class: 'ask' }, [
        T.html('label', {}, [document.createTextNode('a = '), this.inputs.a]),
        T.html('label', {}, [document.createTextNode('b = '), this.inputs.b]),
        this.answer,
      ]);
      const below = T.html('div', { class: 'below' });
      this.pairCanvas = T.canvas(below, parts.width, 250);
      parts.tools.append(this.status, this.ask);
      parts.stage.append(below);
    }
    figure() {
      return {
        update: () => this.update(),
        ready: () => Boolean(this.result),
        describe: () => this.words(),
        data: () => ({
          epoch: this.epoch,
          removed: this.removed(),
          kept: this.kept(),
          result: this.result && { excluded: this.result.excluded, restricted: this.result.restricted },
          a: T.state.a,
          b: T.state.b,
          logits: this.out && Array.from(this.out.logits),
        }),
        table: () => ({
          head: [
            'what',
            ...['loss', 'accuracy'].flatMap((m) => this.parted.map(([, name]) => `${m} ${name}`)),
          ],
          rows: this.rows
            ? this.rows.map(([name, r]) => [
                name,
                ...['loss', 'accuracy'].flatMap((m) =>
                  this.parted.map(([part]) => (r[part] ? r[part][m] : null)),
                ),
              ])
            : [],
        }),
      };
    }
    removed() {
      return T.state.off.filter((k) => k >= 1 && k <= Math.floor(this.s.n / 2));
    }
    kept() {
      return this.s.keys.filter((k) => !T.state.off.includes(k));
    }
    update() {
      const { s } = this;
      const epoch = liveEpoch(s);
      this.epochs.refresh();
      this.boxes.querySelectorAll('input').forEach((box) => {
        box.checked = !T.state.off.includes(Number(box.dataset.k));
      });
      this.inputs.refresh();
      clearTimeout(this.waiting);
      if (this.epoch === epoch) {
        this.compute();
        return;
      }
      // A network takes a while to run: while the clock moves, the one on show stays.
      this.waiting = setTimeout(() => this.open(epoch), this.epoch === undefined ? 0 : 150);
    }
    async open(epoch) {
      const { s } = this;
      const pairs = T.count(s.n * s.n);
      const tell = (share) => {
        if (this.epoch === epoch)
          this.status.textContent = `Running the network of epoch ${T.count(epoch)}: ${Math.round(100 * share)} % of ${pairs} pairs`;
      };
      this.epoch = epoch;
      this.net = this.ablated = null;
      tell(0);
      try {
        const net = await T.live.open(s, epoch, tell);
        if (this.epoch !== epoch) return;
        this.net = net;
        this.full = T.live.ablate(net.all, [], s.keys);
      } catch (error) {
        this.status.textContent = `The weights of epoch ${epoch} could not be read: ${error.message}`;
        return;
      }
      this.compute();
    }
    // Only what changed: most changes of the clock leave frequencies and operands alone.
    compute() {
      if (!this.net) return;
      const pair = [T.state.a, T.state.b].join();
      if (this.ablated !== String(this.removed())) this.ablate();
      else if (this.pair === pair) return;
      this.pair = pair;
      this.drawPair();
      this.parts.rested();
    }
    ablate() {
      this.ablated = String(this.removed());
      this.result = T.live.ablate(this.net.all, this.removed(), this.kept());
      this.rows = [
        ['as it is', this.full.excluded],
        ['without the unticked', this.result.excluded],
        ['only the ticked key waves', this.result.restricted],
      ];
      this.status.textContent = `Epoch ${T.count(this.epoch)}: ${this.removed().length ? 'without k = ' + this.removed().join(', ') : 'nothing taken out'}. Computed here in ${Math.max(1, Math.round(this.result.milliseconds))} ms.`;
      T.touch.numbers(this.numbers, this.rows, this.parted);
      T.touch.map(this.mapCanvas, this.s.n, this.result.right, this.net.all.trained, this.parted);
    }
    // Attention, neurons and logits of the pair that was typed.
    drawPair() {
      const { s, pairCanvas: c } = this;
      const a = T.clamp(T.state.a, 0, s.p - 1),
        b = T.clamp(T.state.b, 0, s.p - 1);
      this.out = this.net.network.pair(a, b);
      const logits = this.logitsOf(a, b);
      const best = logits.indexOf(Math.max(...logits));
      const right = answerOf(s, a, b);
      this.answer.textContent = `${s.symbol} mod ${s.p} = ${right};  the network says ${best}${best === right ? ', right' : ', wrong'}`;
      this.answer.className = 'answer ' + (best === right ? 'right' : 'wrong');
      c.clear();
      const { ctx, width } = c;
      const third = width > 700 ? Math.max(230, width * 0.2) : 0;
      T.touch.attention(ctx, this.out.attention, 0, third || width, third ? 194 : 40);
      T.touch.bars(
        ctx,
        third ? third + 34 : 0,
        third ? 14 : 96,
        width,
        third ? 96 : 66,
        this.sortedNeurons(),
        'samples',
        `${s.shape.d_mlp} neurons, largest first`,
      );
      T.touch.bars(
        ctx,
        third ? third + 34 : 0,
        third ? 134 : 182,
        width,
        third ? 96 : 62,
        Array.from(logits),
        'other_frequency',
        'logits by answer 0 … ' + (s.p - 1),
        best,
        right,
      );
    }
    logitsOf(a, b) {
      const { s } = this;
      const i = s.members.indexOf(a),
        j = s.members.indexOf(b);
      if (i < 0 || j < 0) return this.out.logits; // zero, for multiplication: outside the group, nothing to take out
      const inGroup = T.live.pairLogits(this.net.all, this.result.without, i, j);
      const logits = this.out.logits.slice();
      s.members.forEach((residue, c) => {
        logits[residue] = inGroup[c];
      });
      return logits;
    }
    sortedNeurons() {
      return Array.from(this.out.neurons).sort((x, y) => y - x);
    }
    words() {
      if (!this.rows) return 'The network is being run.';
      return (
        `Weights of epoch ${this.epoch}, ${this.removed().length ? 'without frequencies ' + this.removed().join(', ') : 'nothing taken out'}: ` +
        this.rows
          .map(
            ([name, r]) =>
              name +
              ': ' +
              this.parted
                .map(([part, called]) => `${called} ${r[part] ? T.percent(r[part].accuracy) : '–'} right`)
                .join(', '),
          )
          .join('; ') +
        '.'
      );
    }
  }

  function answerOf(s, a, b) {
    const p = s.p;
    const inverse = (x) => {
      for (let y = 1; y < p; y++) if ((x * y) % p === 1) return y;
      return 0;
    };
    return { add: (a + b) % p, sub: (a - b + p) % p, mul: (a * b) % p, div: (a * inverse(b)) % p }[
      s.operation
    ];
  }
})();
