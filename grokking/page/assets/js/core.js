// The page's one state: what the clock, the controls and the address bar agree on.
//
// A figure never keeps a moment of its own; it reads the state and says T.set({...}) to change it.
(function () {
  'use strict';
  const T = (window.Timeless = { received: {}, waiting: {} });

  // Scripts under data/ call this; it resolves the promises of T.load for that name.
  T.receive = function (name, record) {
    T.received[name] = record;
    (T.waiting[name] || []).forEach((resolve) => resolve(record));
    delete T.waiting[name];
  };

  T.load = function (name) {
    if (T.received[name]) return Promise.resolve(T.received[name]);
    return new Promise((resolve, reject) => {
      if (T.waiting[name]) {
        T.waiting[name].push(resolve);
        return;
      }
      T.waiting[name] = [resolve];
      const script = document.createElement('script');
      script.src = 'data/' + encodeURIComponent(name) + '.js';
      script.onerror = () => reject(new Error('cannot read data/' + name + '.js'));
      document.head.appendChild(script);
    });
  };

  // How each part of the state is written in the address: a reader, and a default.
  const number = (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);
  const word = (text) => (/^[a-z0-9]{1,24}$/.test(text) ? text : undefined);
  const numbers = (text) =>
    /^(\d+(,\d+)*)?$/.test(text) ? (text ? text.split(',').map(Number) : []) : undefined;
  const FIELDS = {
    run: [word, null],
    epoch: [number, null],
    k: [number, null],
    view: [word, 'unfolded'],
    neuron: [number, 0],
    a: [number, 5],
    b: [number, 7],
    off: [numbers, []],
    live: [number, null],
    order: [word, 'log'],
    root: [number, null],
    angle: [number, null],
    speed: [number, null],
    particles: [word, 'model'],
    waves: [word, 'no'],
    theme: [word, null],
  };

  const state = {};
  for (const name in FIELDS) state[name] = FIELDS[name][1];
  T.state = state;
  const listeners = [];
  let changed = null;
  let writing = 0;
  let movedAt = -Infinity;
  // Whether the clock moved just now: who has long work to do lets the pictures pass first.
  T.moving = () => performance.now() - movedAt < 200;

  T.listen = (listener) => listeners.push(listener);

  T.set = function (changes) {
    const real = Object.keys(changes).filter((name) => String(state[name]) !== String(changes[name]));
    if (!real.length) return;
    real.forEach((name) => {
      state[name] = changes[name];
    });
    if (changed) {
      real.forEach((name) => changed.add(name));
      return;
    }
    changed = new Set(real);
    requestAnimationFrame(flush);
  };

  // All changes of a frame reach the figures together.
  function flush() {
    const now = changed;
    changed = null;
    if (now.has('epoch')) movedAt = performance.now();
    listeners.forEach((listener) => listener(state, now));
    clearTimeout(writing);
    writing = setTimeout(write, 160); // browsers refuse hundreds of address changes a second
  }

  T.hash = function () {
    const parts = [];
    for (const name in FIELDS) {
      const value = state[name];
      if (value === null || String(value) === String(FIELDS[name][1])) continue;
      parts.push(name + '=' + String(value));
    }
    return '#' + parts.join('&');
  };

  function write() {
    const hash = T.hash();
    if (hash === '#' && !location.hash.includes('=')) return;
    if (location.hash !== hash) history.replaceState(null, '', hash);
  }

  // A hash without "=" is a place on the page and no state.
  T.readHash = function () {
    const text = decodeURIComponent(location.hash.slice(1));
    if (!text.includes('=')) return;
    const changes = {};
    for (const name in FIELDS)
      changes[name] = name === 'run' || name === 'theme' ? state[name] : FIELDS[name][1];
    text.split('&').forEach((part) => {
      const at = part.indexOf('=');
      const field = FIELDS[part.slice(0, at)];
      const value = field && field[0](part.slice(at + 1));
      if (value !== undefined && field) changes[part.slice(0, at)] = value;
    });
    T.set(changes);
  };
  window.addEventListener('hashchange', () => {
    try {
      T.readHash();
    } catch {
      /* a broken escape */
    }
  });

  T.clamp = (x, low, high) => Math.min(high, Math.max(low, x));
  T.whenIdle = (work) => (window.requestIdleCallback || setTimeout)(work);
  T.reducedMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

  const SUPERSCRIPT = {
    '-': '⁻',
    0: '⁰',
    1: '¹',
    2: '²',
    3: '³',
    4: '⁴',
    5: '⁵',
    6: '⁶',
    7: '⁷',
    8: '⁸',
    9: '⁹',
  };
  T.superscript = (whole) => [...String(whole)].map((c) => SUPERSCRIPT[c]).join('');
  // Numbers as people read them.
  T.show = function (x, digits) {
    if (x === null || x === undefined || Number.isNaN(x)) return '–';
    if (x === 0) return '0';
    const size = Math.abs(x);
    if (size < 1e-3 || size >= 1e6) {
      const [digits_, power] = x.toExponential(1).split('e');
      return digits_.replace('-', '−') + ' · 10' + T.superscript(Number(power));
    }
    return x
      .toPrecision(digits || 3)
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, '')
      .replace(/^-/, '−');
  };
  T.percent = (x) =>
    x === null || x === undefined
      ? '–'
      : (100 * x).toFixed(x > 0 && x < 0.0995 ? 1 : x > 0.9995 || x === 0 ? 0 : 1) + ' %';
  T.count = (x) => String(x).replace(/\B(?=(\d{3})+$)/g, '\u202f');
})();
