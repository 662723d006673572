// What runs in a Worker: a network that trains in short turns and reports between them.
//
// Messages in: open, run, pause, change, until, taken, snapshot.  Out: opened, frame (rows since the last, the
// present embeddings, which pairs are right), paused, diverged, snapshot. While it trains, a frame is sent only
// after the page has taken the last.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});

  lab.trainer = function (engine, kind, network, post) {
    const LOOK = 10; // epochs between evaluations, as training in Python has it
    const TURN = 40; // milliseconds of work before messages are heard
    const FRAME = 120; // least milliseconds between frames
    const MOST_KEPT = 48; // networks kept for the page's other figures
    const GROKKED = 0.99,
      GROKKED_FOR = 100;
    const STATE = ['weights', 'exp_avg', 'exp_avg_sq'];
    const state = { running: false, waiting: false, framed: 0, turn: 0 };
    // Every message names the opening that it belongs to: what the page hears late of an earlier one it leaves out.
    const tell = (message) => post({ ...message, opening: state.opening });

    const norm = () => Math.sqrt(engine.weights.reduce((sum, x) => sum + x * x, 0));
    const copied = () => Object.fromEntries(STATE.map((name) => [name, engine[name].slice()]));

    // Of two networks kept that lie close together one goes, so that the rest stay spread over training.
    function keep(epoch) {
      const { kept } = state;
      if (kept.length && kept[kept.length - 1].epoch >= epoch) return;
      if (kept.length && epoch - kept[kept.length - 1].epoch < state.spacing) return;
      kept.push({ epoch, weights: engine.weights.slice() });
      if (kept.length <= MOST_KEPT) return;
      state.spacing *= 2;
      state.kept = kept.filter((one) => one.epoch % state.spacing === 0);
    }

    // An accuracy that reaches 99 % and stays there for 100 epochs: grokking, of test pairs; memorisation, of train.
    function watch(clock, epoch, accuracy) {
      if (clock.epoch !== null) return;
      if (accuracy < GROKKED) clock.since = null;
      else if (clock.since === null) clock.since = epoch;
      if (clock.since !== null && epoch - clock.since >= GROKKED_FOR) clock.epoch = clock.since;
    }

    // One evaluation; false where the numbers are no longer finite, and then the last good state is back.
    function look() {
      const row = { epoch: engine.nUpdates, ...engine.evaluate(), weight_norm: norm() };
      const finite = [row.train_loss, row.test_loss, row.weight_norm].every(Number.isFinite);
      if (!finite || row.train_loss > state.most) return undo(row);
      state.rows.push(row);
      state.fresh.push(row);
      watch(state.test, row.epoch, row.test_acc);
      watch(state.train, row.epoch, row.train_acc);
      state.good = { epoch: row.epoch, ...copied() };
      keep(row.epoch);
      return true;
    }

    function undo(row) {
      const { good } = state;
      state.running = false;
      STATE.forEach((name) => engine[name].set(good[name]));
      engine.continueFrom(good.epoch);
      engine.evaluate();
      frame(true);
      tell({ type: 'diverged', at: row.epoch, good: good.epoch, loss: row.train_loss });
      return false;
    }

    function frame(last) {
      const s = engine.shape;
      const W_E = engine.weights.slice(0, s.p * s.d_model);
      const correct = engine.correct.slice();
      const moments = { grokking: state.test.epoch, memorised: state.train.epoch };
      state.framed = performance.now();
      state.waiting = !last;
      tell({ type: 'frame', epoch: engine.nUpdates, rows: state.fresh, W_E, correct, moments });
      state.fresh = [];
    }

    function turn() {
      if (!state.running) return;
      const began = performance.now();
      while (performance.now() - began < TURN) {
        engine.advance(LOOK - (engine.nUpdates % LOOK), state.lr, state.decay);
        if (!look()) return;
        if (engine.nUpdates >= state.until) state.running = false;
        if (!state.running) break;
      }
      if (!state.running || (!state.waiting && performance.now() - state.framed >= FRAME))
        frame(!state.running);
      if (state.running) state.turn = setTimeout(turn, 0);
      else tell({ type: 'paused', epoch: engine.nUpdates });
    }

    function begin(message) {
      const { settings, from, opening } = message;
      clearTimeout(state.turn);
      engine.open(settings);
      if (from) {
        STATE.forEach((name) => engine[name].set(from[name]));
        engine.continueFrom(from.epoch);
      }
      const rows = from ? from.rows.filter((row) => row.epoch < from.epoch) : [];
      const clocks = { test: { since: null, epoch: null }, train: { since: null, epoch: null } };
      Object.assign(state, {
        settings,
        ...clocks,
        rows,
        fresh: [...rows],
        kept: [],
        spacing: LOOK,
        changes: [],
      });
      rows.forEach((row) => {
        watch(state.test, row.epoch, row.test_acc);
        watch(state.train, row.epoch, row.train_acc);
      });
      Object.assign(state, { lr: settings.lr, decay: settings.decay, until: settings.until });
      Object.assign(state, { running: false, waiting: false, opening });
      state.most = 1000 * Math.log(settings.p);
      look();
      const memory = engine.memory ? engine.memory() : null;
      tell({ type: 'opened', kind, isTrain: engine.isTrain.slice(), memory });
      frame(true);
    }

    // Everything that the page needs to show, save or continue the run.
    function snapshot() {
      const last = { epoch: engine.nUpdates, weights: engine.weights.slice() };
      const kept = state.kept.filter((one) => one.epoch < last.epoch).concat(last);
      const moments = { grokking: state.test.epoch, memorised: state.train.epoch };
      const { rows, changes, settings } = state;
      const isTrain = engine.isTrain.slice();
      tell({ type: 'snapshot', kept, rows, changes, settings, moments, isTrain, state: copied() });
    }

    const heard = {
      open: begin,
      run() {
        if (state.running) return;
        state.running = true;
        turn();
      },
      pause() {
        if (!state.running) return;
        state.running = false;
        clearTimeout(state.turn);
        frame(true);
        tell({ type: 'paused', epoch: engine.nUpdates });
      },
      change({ lr, decay }) {
        Object.assign(state, { lr, decay });
        state.changes.push({ epoch: engine.nUpdates, lr, decay });
      },
      until({ epochs }) {
        state.until = epochs;
      },
      taken() {
        state.waiting = false;
      },
      snapshot,
    };
    return (message) => heard[message.type](message);
  };
})();
