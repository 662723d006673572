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

  // The hook: an address without a moment opens at the first epoch and plays once, unless the reader moves first or
  // wants no motion.
  T.playOnce = function () {
    if (T.state.epoch !== null) return;
    T.set({ epoch: T.current().steps[0] });
    if (T.reducedMotion()) return;
    const begin = setTimeout(() => !document.hidden && play(), 1200);
    ['pointerdown', 'keydown'].forEach((name) =>
      window.addEventListener(name, () => clearTimeout(begin), { once: true, capture: true }),
    );
  };
  T.setClock = function (epoch) {
    stop();
    T.set({ epoch });
  };

  // The line of test accuracy under the slider, in steps, so that thumb and line agree.
  function drawStrip(subject) {
    const svg = get('strip');
    const last = subject.steps.length - 1;
    const bands = subject.phases.map(([, from, to], i) => {
      const left = (subject.stepFrom(from) / last) * 1000,
        right = (subject.stepFrom(to) / last) * 1000;
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
      T.showProse(subject);
      T.refresh();
    }
    read(subject);
  }

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
