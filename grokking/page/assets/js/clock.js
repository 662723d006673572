// The one clock: slider, play, read-outs, run, view and theme; and prose links that set it.
(function () {
  'use strict';
  const T = window.Timeless;
  const get = (id) => document.getElementById(id);
  const SECONDS = 16; // a whole run, played

  T.refresh = () => {};
  T.theme = () =>
    ['light', 'dark'].includes(T.state.theme)
      ? T.state.theme
      : matchMedia('(prefers-color-scheme: dark)').matches
        ? 'dark'
        : 'light';

  function dress() {
    if (document.documentElement.dataset.theme === T.theme()) return;
    document.documentElement.dataset.theme = T.theme();
    get('theme').textContent = T.theme() === 'dark' ? 'Light' : 'Dark';
    get('theme').setAttribute(
      'aria-label',
      T.theme() === 'dark' ? 'Switch to the light theme' : 'Switch to the dark theme',
    );
    T.forgetColours();
  }

  let playing = null;
  function stop() {
    if (playing) cancelAnimationFrame(playing.frame);
    playing = null;
    get('play').setAttribute('aria-label', 'Play');
    get('play').dataset.playing = 'no';
  }
  function play() {
    const subject = T.current();
    if (!subject) return;
    const last = subject.steps.length - 1;
    const from = T.step() >= last ? 0 : T.step();
    const perStep = (SECONDS * 1000) / last;
    playing = { began: performance.now(), from };
    get('play').setAttribute('aria-label', 'Pause');
    get('play').dataset.playing = 'yes';
    const tick = (now) => {
      const step = Math.min(last, from + Math.floor(Math.max(0, now - playing.began) / perStep));
      T.set({ epoch: subject.steps[step] });
      if (step >= last) {
        stop();
        return;
      }
      playing.frame = requestAnimationFrame(tick);
    };
    playing.frame = requestAnimationFrame(tick);
  }

  // The line of test accuracy under the slider, in steps, so that thumb and line agree.
  function drawStrip(subject) {
    const svg = get('strip');
    const last = subject.steps.length - 1;
    const bands = subject.phases.map(([, from, to], i) => {
      const left = (subject.stepOf(from) / last) * 1000,
        right = (subject.stepOf(to) / last) * 1000;
      return T.svg('rect', {
        class: 'band band' + i,
        x: left,
        y: 0,
        width: Math.max(0, right - left),
        height: 40,
      });
    });
    const line = (name, colour) => {
      const xs = [],
        ys = [];
      subject.steps.forEach((epoch, i) => {
        const v = subject.logged(name, epoch);
        if (v !== null) {
          xs.push(i);
          ys.push(v);
        }
      });
      return T.svg('path', {
        class: 'line ' + colour,
        'vector-effect': 'non-scaling-stroke',
        d: T.path(
          xs,
          ys,
          (i) => (i / last) * 1000,
          (v) => 37 - 34 * v,
        ),
      });
    };
    svg.replaceChildren(
      ...bands,
      line('train_acc', 'train'),
      line(subject.history.test_acc ? 'test_acc' : 'all_acc', 'test'),
    );
  }

  function read(subject) {
    const epoch = subject.steps[T.step()];
    const phase = subject.phaseAt(epoch);
    get('epoch').textContent = T.count(epoch);
    get('phase').textContent = phase || '';
    get('trainacc').textContent = T.percent(subject.logged('train_acc', epoch));
    get('testname').textContent = subject.knowsSplit() ? 'test' : 'all pairs';
    get('testacc').textContent = T.percent(
      subject.logged('test_acc', epoch) ?? subject.logged('all_acc', epoch),
    );
    get('accepoch').textContent = subject.loggedWhen(epoch);
    const slider = get('step');
    slider.value = T.step();
    slider.setAttribute(
      'aria-valuetext',
      `epoch ${epoch}${phase ? ', ' + phase : ''}, accuracy on ${get('testname').textContent} ${get('testacc').textContent}${subject.loggedWhen(epoch)}`,
    );
  }

  let shownRun = null;
  async function refresh() {
    dress();
    const ids = T.page.subjects.map((s) => s.id);
    if (!ids.includes(T.state.run)) T.state.run = ids[0];
    const subject = await T.subject(T.state.run);
    if (subject.id !== T.state.run) return;
    if (shownRun !== subject.id) {
      shownRun = subject.id;
      get('step').max = subject.steps.length - 1;
      get('run').value = subject.id;
      drawStrip(subject);
      document.querySelectorAll('[data-fill]').forEach((node) => {
        node.textContent = T.fill(node.dataset.fill, subject);
      });
      document.querySelectorAll('[data-split]').forEach((node) => {
        node.hidden = (node.dataset.split === 'known') !== subject.knowsSplit();
      });
      document.querySelectorAll('a[data-moment]').forEach((link) => {
        const epoch = subject.moment(link.dataset.moment);
        link.classList.toggle('nowhere', epoch === null);
        if (epoch === null) link.removeAttribute('href');
        else link.href = '#epoch=' + epoch;
        link.title =
          epoch === null
            ? subject.knowsSplit()
              ? 'this run never gets there'
              : 'not known of this run, since its train pairs are not'
            : `sets the clock to epoch ${subject.steps[subject.stepOf(epoch)]}`;
      });
      T.refresh();
    }
    read(subject);
  }

  // Words of the prose that depend on the run.
  T.fill = function (name, s) {
    const at = (moment) => {
      const e = s.moment(moment);
      return e === null ? 'never, in this run' : T.count(e);
    };
    const n = s.n || s.p;
    const values = {
      things:
        { add: 'sums', sub: 'differences', mul: 'products', div: 'quotients' }[s.operation] || 'results',
      p: s.p,
      n,
      pairs: T.count(s.split_sizes ? s.split_sizes[0] + s.split_sizes[1] : s.p ** 2),
      symbol: s.symbol,
      train: s.split_sizes ? T.count(s.split_sizes[0]) : '–',
      test: s.split_sizes ? T.count(s.split_sizes[1]) : '–',
      fraction: s.config.train_frac,
      epochs: T.count(s.lastEpoch()),
      d_mlp: s.shape.d_mlp,
      d_model: s.shape.d_model,
      heads: s.shape.n_heads,
      keys: s.keys && s.keys.length ? s.keys.join(', ') : 'none',
      k: s.circle || '–',
      name: s.name,
      grokking: at('grokking'),
      memorised: at('memorised'),
      half: at('half'),
      formation: at('formation'),
      cleanup: at('cleanup'),
      norm0: T.show(s.logged('weight_norm', 0)),
      norm1: T.show(s.logged('weight_norm', s.lastEpoch())),
      decay: s.config.weight_decay ?? 'unknown',
      lr: s.config.lr ?? 'unknown',
      temperature: s.config.attention_temperature,
      activation: s.shape.activation_label,
      layernorm: s.config.layer_norm ? 'with layer norm' : 'without layer norm',
      circularity: T.show(s.logged('embedding_circularity', s.lastEpoch())),
      circularity_null: T.show(s.logged('embedding_circularity_null', s.lastEpoch())),
    };
    return String(values[name] ?? '–');
  };

  T.startClock = function () {
    get('step').addEventListener('input', (event) => {
      stop();
      T.set({ epoch: T.current().steps[Number(event.target.value)] });
    });
    get('play').addEventListener('click', () => (playing ? stop() : play()));
    get('theme').addEventListener('click', () => T.set({ theme: T.theme() === 'dark' ? 'light' : 'dark' }));
    const select = get('run');
    T.page.subjects.forEach((s) => select.append(T.html('option', { value: s.id, text: s.label })));
    select.hidden = select.previousElementSibling.hidden = T.page.subjects.length < 2;
    select.addEventListener('change', () => {
      stop();
      T.set({ run: select.value, epoch: null, k: null, off: [], live: null, neuron: 0 });
    });
    get('share').addEventListener('click', async () => {
      const url = location.href.split('#')[0] + T.hash();
      try {
        await navigator.clipboard.writeText(url);
        get('shared').textContent = 'Link copied';
      } catch {
        history.replaceState(null, '', T.hash());
        get('shared').textContent = 'The link is in the address bar';
      }
      setTimeout(() => {
        get('shared').textContent = '';
      }, 2500);
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      refresh();
      T.refresh();
    });
    T.state.run = T.page.subjects[0].id;
    T.listen((state, changed) => {
      if (changed.has('run') && T.subjectNow(state.run) === null) shownRun = null;
      refresh();
    });
    try {
      T.readHash();
    } catch {
      /* a broken escape in the address: start afresh */
    }
    return refresh();
  };
})();
