// One run of the laboratory: its Worker, what it reported, and its own pictures.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});
  const GAP = 22; // pixels between pictures
  // Side of a picture: three to a row where there is room, else two.
  const side = (width) =>
    Math.floor(width >= 520 ? T.clamp((width - 2 * GAP) / 3, 150, 290) : (width - GAP) / 2);

  // changed(run, message) is called after every report.
  function Run(changed) {
    this.changed = changed;
    this.worker = lab.start((message) => this.hear(message), lab.plainEngine);
    this.node = T.html('div', { class: 'lab-run' });
    this.waiting = [];
  }
  lab.Run = Run;

  Run.prototype.tell = function (message) {
    this.worker.postMessage(message);
  };
  // settings: as in settings.js; from: {epoch, weights, exp_avg, exp_avg_sq} to go on from, or nothing.
  Run.prototype.open = function (settings, from) {
    const blank = {
      rows: [],
      epoch: from ? from.epoch : 0,
      running: false,
      diverged: null,
      moments: {},
      speed: null,
    };
    Object.assign(this, blank, {
      settings,
      k: null,
      reachSeen: 0,
      marks: [],
      isTrain: null,
      W_E: null,
      correct: null,
    });
    this.opening = (this.opening || 0) + 1;
    this.tell({ type: 'open', settings, from, opening: this.opening });
  };
  Run.prototype.run = function () {
    this.marks = [];
    this.running = true;
    this.tell({ type: 'run' });
  };
  Run.prototype.close = function () {
    this.worker.terminate();
    this.node.remove();
  };
  // What the Worker holds, to be saved or shown: see ``snapshot`` in trainer.js.
  Run.prototype.snapshot = function () {
    return new Promise((done) => {
      this.waiting.push(done);
      this.tell({ type: 'snapshot' });
    });
  };

  Run.prototype.hear = function (message) {
    if (message.type === 'snapshot') {
      this.waiting.shift()(message);
      return;
    }
    if (message.type !== 'failed' && message.opening !== this.opening) return;
    if (message.type === 'frame') this.frame(message);
    if (message.type === 'opened') {
      const { isTrain, kind, memory } = message;
      Object.assign(this, { isTrain, kind, memory });
    }
    if (message.type === 'paused' || message.type === 'diverged') this.running = false;
    if (message.type === 'diverged') this.diverged = message;
    this.changed(this, message);
  };
  Run.prototype.frame = function (message) {
    const { epoch, rows, W_E, correct, moments } = message;
    this.rows.push(...rows);
    Object.assign(this, { epoch, moments, W_E, correct });
    this.marks.push([performance.now(), epoch]);
    if (this.marks.length > 12) this.marks.shift();
    const [[from, first], [to, last]] = [this.marks[0], this.marks[this.marks.length - 1]];
    this.speed = to > from && this.running ? (1000 * (last - first)) / (to - from) : null;
    requestAnimationFrame(() => {
      this.draw();
      this.tell({ type: 'taken' });
    });
  };

  // Canvases and buttons; again after a change of theme or width.
  Run.prototype.build = function (title, actions) {
    const size = side(this.node.clientWidth || 350);
    const picture = (words) => {
      const box = T.html('div', {}, [T.html('p', {})]);
      box.style.width = size + 'px';
      box.words = box.firstChild;
      box.canvas = T.canvas(box, size, size);
      box.words.textContent = words;
      return box;
    };
    this.ringBox = picture('ring');
    this.spectrumBox = picture('spectrum');
    this.fieldBox = picture('field of pairs');
    this.states = T.html('div', { class: 'lab-states' });
    const pictures = [this.ringBox, this.spectrumBox, this.fieldBox];
    this.node.replaceChildren(
      T.html('h4', { text: title }),
      T.html(
        'div',
        { class: 'lab-pictures', role: 'img', 'aria-label': 'Ring, spectrum and field of pairs' },
        pictures,
      ),
      this.states,
      T.html('div', { class: 'lab-take' }, actions),
    );
    this.draw();
  };
  Run.prototype.draw = function () {
    if (!this.W_E || !this.ringBox || !this.isTrain) return;
    const { p } = this.settings;
    const found = lab.ring(this.W_E, this.settings, this.k);
    this.found = found;
    this.k = found.k;
    this.reachSeen = Math.max(this.reachSeen, lab.reach(found.points));
    lab.drawRing(this.ringBox.canvas, found, this.reachSeen);
    this.ringBox.words.textContent = `ring, k ${found.k}, circularity ${T.show(found.circularity, 2)}`;
    lab.drawSpectrum(this.spectrumBox.canvas, found);
    const counts = lab.drawField(this.fieldBox.canvas, p, this.isTrain, this.correct);
    this.fieldBox.words.textContent = 'pairs: a down, b across';
    this.states.replaceChildren(
      ...lab.STATES.map((state, i) => {
        const key = T.html('i', {});
        key.style.background = lab.stateColour(state);
        return T.html('span', {}, [key, document.createTextNode(`${state[2]} ${T.count(counts[i])}`)]);
      }),
    );
  };
  Run.prototype.words = function () {
    const row = this.rows[this.rows.length - 1];
    if (!row) return '';
    const { memorised, grokking } = this.moments;
    const when = [
      memorised !== null && memorised !== undefined && `memorised at ${T.count(memorised)}`,
      grokking !== null && grokking !== undefined && `grokked at ${T.count(grokking)}`,
    ].filter(Boolean);
    const accuracy = `train ${T.percent(row.train_acc)}, test ${T.percent(row.test_acc)}`;
    return [`epoch ${T.count(this.epoch)}: ${accuracy}`, ...when].join('; ');
  };
})();
