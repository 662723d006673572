// A network of the laboratory in the page's other figures: the record that grokking/page/bundle.py makes of a run,
// made here.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});
  const MOST_STEPS = 16,
    MOST_LIVE = 5;
  let count = 0;

  const evenly = (list, most) => {
    const n = Math.min(most, list.length);
    const at = Array.from({ length: n }, (_, i) => Math.round((i * (list.length - 1)) / Math.max(1, n - 1)));
    return [...new Set(at)].map((i) => list[i]);
  };

  // Arrays of all steps as one: lists of equal length, one for each step.
  const stacked = (lists, shape, Kind) => {
    const values = new Kind(lists.length * lists[0].length);
    lists.forEach((list, i) => values.set(list, i * list.length));
    return { values, shape: [lists.length, ...shape] };
  };

  function about(snapshot, id) {
    const { settings, rows, moments, isTrain } = snapshot;
    const { task, p, width } = settings;
    const nTrain = isTrain.reduce((x, y) => x + y, 0);
    const config = { ...lab.config(settings), n_epochs: rows[rows.length - 1].epoch };
    const names = ['train_loss', 'test_loss', 'train_acc', 'test_acc', 'weight_norm'];
    const history = { epochs: rows.map((row) => row.epoch) };
    names.forEach((name) => {
      history[name] = rows.map((row) => row[name]);
    });
    const elsewhere =
      'of a network trained in this page; Save it, then grokking import makes a run directory of it';
    return {
      id,
      name: `laboratory ${count}`,
      run: `laboratory ${count}`,
      operation: task,
      symbol: task === 'mul' ? 'a·b' : 'a+b',
      operation_index: 0,
      operations: [task],
      p,
      config,
      command: 'the laboratory of this page',
      commit: null,
      versions: {},
      recorded: null,
      shape: {
        d_model: width,
        n_heads: 4,
        d_head: width / 4,
        d_mlp: 4 * width,
        n_classes: p,
        d_vocab: p + 1,
        n_ops: 1,
        activation: 'relu',
        activation_label: 'ReLU',
        layer_norm: false,
        score_scale: 1 / Math.sqrt(width / 4),
        parameters: snapshot.kept[0].weights.length,
      },
      split_sizes: [nTrain, p * p - nTrain],
      history,
      progress: null,
      no_progress: elsewhere,
      audit: null,
      no_audit: elsewhere,
      grokking_epoch: moments.grokking,
      story: lab.story(rows, moments),
      phases: [],
    };
  }

  // 1 for the pairs trained on, of the group's grid [n²]; and the same as bits.
  function trainedPairs(isTrain, members, p) {
    const n = members.length;
    return Uint8Array.from(
      { length: n * n },
      (_, i) => isTrain[members[Math.floor(i / n)] * p + members[i % n]],
    );
  }
  function bits(flags) {
    const found = new Uint8Array(Math.ceil(flags.length / 8));
    flags.forEach((flag, i) => {
      if (flag) found[i >> 3] |= 128 >> (i & 7);
    });
    return found;
  }

  // The arrays and the Fourier side of the record. told(share) hears of progress.
  async function measured(snapshot, steps, told) {
    const { settings, isTrain } = snapshot;
    const { p, width: d, task } = settings;
    const engine = new (lab.plain(lab.network(lab.portable())))().open(settings);
    const members = lab.members(settings);
    const n = members.length;
    const at = (step) => {
      engine.weights.set(step.weights);
      return lab.outputs(engine, members);
    };
    const last = at(steps[steps.length - 1]);
    const keys = await lab.keyFrequencies(last);
    const chosen = lab.chooseNeurons(last, keys);
    const pairs = lab.samplePairs(n);
    const m = chosen.neurons.length;
    const trained = trainedPairs(isTrain, members, p);
    const found = [];
    for (const step of steps) {
      const outputs = at(step);
      const W_E = step.weights.slice(0, (p + 1) * d);
      const shares = T.maths.shares(T.maths.centred(W_E, members, d), n, d);
      const all = lab.grids(outputs, trained);
      found.push({
        ...lab.measureStep(outputs, chosen, pairs),
        votes: lab.votes(all, keys),
        waves: lab.wavesOnly(all, keys),
        W_E,
        shares,
        scores: outputs.scores,
      });
      told(found.length / steps.length);
      await lab.breathe();
    }
    const lists = (name) => found.map((one) => one[name]);
    const circle = lab.ring(steps[steps.length - 1].weights, settings, null).k;
    const half = Math.floor(n / 2) + 1;
    return {
      n,
      sign: 1,
      members,
      generator: task === 'mul' ? T.maths.powers(p).root : 1,
      group: task === 'mul' ? 'multiplicative' : 'additive',
      keys,
      circle,
      ...chosen,
      neuron_frequencies: chosen.frequencies,
      at_steps: {
        circularity_final_k: found.map(({ W_E }) => {
          const values = T.maths.centred(W_E, members, d);
          return T.maths.circularity(T.maths.project(values, n, d, T.maths.plane(values, n, d, circle)));
        }),
        gini: lists('shares').map((shares) => T.maths.gini(shares.map(Math.sqrt))),
        fourier_strength: lists('strength'),
        waves_alone: found.map(({ waves }) => waves.alone),
        waves_without: found.map(({ waves }) => waves.without),
        waves_alone_others: found.map(({ waves }) => waves.alone_others),
        waves_without_others: found.map(({ waves }) => waves.without_others),
      },
      arrays: {
        W_E: stacked(lists('W_E'), [p + 1, d], Float32Array),
        scores: stacked(lists('scores'), [4, 2 * p + 1], Float32Array),
        share: stacked(lists('shares'), [half - 1], Float32Array),
        means: stacked(lists('means'), [m, n], Float32Array),
        own: stacked(lists('own'), [m], Int16Array),
        sines: stacked(lists('sines'), [m, 4], Float32Array),
        samples: stacked(lists('samples'), [m, pairs.length / 2], Float32Array),
        r2: stacked(lists('r2'), [4 * d], Float32Array),
        spectrum: stacked(lists('spectrum'), [half, half], Uint8Array),
        votes: stacked(lists('votes'), [keys.length, 2, n], Float32Array),
        pairs: { values: pairs, shape: [pairs.length / 2, 2] },
        train: { values: bits(trained), shape: [Math.ceil((n * n) / 8)] },
      },
    };
  }

  // The step at which the waves alone are furthest ahead of the network's own test accuracy.
  function hiddenAt({ steps, history, at_steps: measured }) {
    const network = steps.map((epoch) => history.test_acc[T.rowAt(history.epochs, epoch)]);
    return lab.mostHidden(steps, measured.waves_alone, network);
  }

  // Weights by name for the figures that run the network themselves.
  function receiveLive(id, step, settings) {
    const network = lab.network(lab.portable());
    const views = network.views(step.weights, network.shape(settings));
    const record = {};
    for (const name in views) record[name] = { values: views[name] };
    T.receive(`${id}_e${step.epoch}`, record);
  }

  function offer(record) {
    const label = `${record.name} (${record.symbol} mod ${record.p})`;
    const fields = [
      'id',
      'name',
      'run',
      'operation',
      'operations',
      'grokking_epoch',
      'commit',
      'command',
      'group',
    ];
    const summary = Object.fromEntries(fields.map((name) => [name, record[name]]));
    const { epochs, test_acc } = record.history;
    Object.assign(summary, { label, seed: record.config.seed, epochs: epochs[epochs.length - 1] });
    T.page.subjects.push({ ...summary, curve: { epochs, test_acc } });
    const select = document.getElementById('run');
    select.append(T.html('option', { value: record.id, text: label }));
    select.hidden = false;
    if (select.previousElementSibling) select.previousElementSibling.hidden = false;
  }

  // Measures a run and makes it the page's own; returns its id.
  lab.adopt = async function (run) {
    const snapshot = await run.snapshot();
    const steps = evenly(snapshot.kept, MOST_STEPS);
    if (steps.length < 2) {
      lab.say('The other figures need two epochs at least: train a little further first.', true);
      return null;
    }
    count += 1;
    const id = `lab${count}`;
    const told = (share) => lab.say(`Measuring the network for the other figures: ${T.percent(share)}.`);
    told(0);
    const found = await measured(snapshot, steps, told);
    const live = evenly(steps, MOST_LIVE);
    const record = { ...about(snapshot, id), ...found, steps: steps.map((step) => step.epoch) };
    record.epochs_kept = steps.length;
    record.hidden = hiddenAt(record);
    record.live = { epochs: live.map((step) => step.epoch), foldable: true };
    live.forEach((step) => receiveLive(id, step, snapshot.settings));
    T.receive(id, record);
    offer(record);
    T.set({ run: id, epoch: null, k: null, off: [], live: null, neuron: 0 });
    lab.say('Every figure above now shows this network; choose another run at the top to go back.');
    return id;
  };
})();
