// The circuit under the curve, of a network of the laboratory: what grokking/page/hidden_circuit.py measures.
//
// ``all`` as in live.js: {n, sign, logits, table, trained, waves}; pairs in group order.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});
  const N_OTHERS = 5, // draws of as many other frequencies; the page quotes their median
    ANSWERS_PER_WAVE = 2, // answers with held-out pairs, for each wave fitted to them, below which a fit says nothing
    NOTHING = 1e-9; // length of a wave, given those before it, below which it adds nothing

  // Outputs of a network (measure.js) with the means by answer of their logits; trained: Uint8Array [n²].
  lab.grids = function ({ n, logits }, trained) {
    const table = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let c = 0, s = (i + j) % n; c < n; c++) table[s * n + c] += logits[(i * n + j) * n + c] / n;
    return { n, sign: 1, logits, table, trained, waves: [] };
  };

  // Coefficients of each key frequency's cosine and sine in the table: [keys, 2, n].
  lab.votes = ({ n, table }, keys) =>
    keys.flatMap((k) => {
      const own = T.maths.rows(n, k);
      return [0, 1].flatMap((r) =>
        Array.from({ length: n }, (_, c) =>
          own[r] ? own[r].reduce((sum, x, s) => sum + x * table[s * n + c], 0) : 0,
        ),
      );
    });

  // Held-out pairs by answer: how many, and their mean logits [n, n].
  function heldOut({ n, logits, trained }) {
    const counts = new Int32Array(n),
      table = new Float64Array(n * n);
    for (let pair = 0; pair < n * n; pair++) {
      if (trained[pair]) continue;
      const s = (Math.floor(pair / n) + (pair % n)) % n;
      counts[s] += 1;
      for (let c = 0; c < n; c++) table[s * n + c] += logits[pair * n + c];
    }
    for (let at = 0; at < n * n; at++) table[at] /= counts[Math.floor(at / n)] || 1;
    return { counts, table, present: [...counts.keys()].filter((s) => counts[s]) };
  }

  // Rows made orthonormal over some of their entries; those that add nothing are left out.
  function orthonormal(rows, present) {
    const dot = (x, y) => present.reduce((sum, s) => sum + x[s] * y[s], 0);
    const found = [];
    rows.forEach((row) => {
      const rest = Float64Array.from(row);
      found.forEach((unit) => {
        const along = dot(unit, rest);
        unit.forEach((x, s) => {
          rest[s] -= along * x;
        });
      });
      const length = Math.sqrt(dot(rest, rest));
      if (length > NOTHING) found.push(rest.map((x) => x / length));
    });
    return found;
  }

  // Accuracy of the waves of some frequencies and the constant, fitted to the held-out pairs alone; null where too
  // few answers have such pairs.
  function alone({ n }, { counts, table, present }, frequencies) {
    const constant = new Float64Array(n).fill(1);
    const waves = [constant, ...frequencies.flatMap((k) => T.maths.rows(n, k))];
    const few = present.length < n && present.length < ANSWERS_PER_WAVE * waves.length;
    if (!present.length || few) return null;
    const kept = new Float64Array(n * n);
    orthonormal(waves, present).forEach((unit) => {
      for (let c = 0; c < n; c++) {
        const along = present.reduce((sum, s) => sum + unit[s] * table[s * n + c], 0);
        present.forEach((s) => {
          kept[s * n + c] += along * unit[s];
        });
      }
    });
    const right = present.filter((s) => T.maths.loss(kept, s * n, n, s).right);
    const sum = (list) => list.reduce((total, s) => total + counts[s], 0);
    return sum(right) / sum(present);
  }

  // Draws of as many frequencies of Z_n as there are keys, none of them a key; nothing where there are too few.
  lab.otherFrequencies = function (n, keys) {
    const others = [...Array(Math.floor(n / 2) + 1).keys()].filter((k) => k && !keys.includes(k));
    if (!keys.length || keys.length > others.length) return [];
    return Array.from({ length: N_OTHERS }, (_, draw) =>
      Array.from(lab.portable().order(0, draw, others.length).subarray(0, keys.length), (i) => others[i]),
    );
  };

  function median(values) {
    const known = values.filter((x) => x !== null).sort((x, y) => x - y);
    const half = known.length / 2;
    return known.length ? (known[Math.ceil(half) - 1] + known[Math.floor(half)]) / 2 : null;
  }

  // {alone, without, alone_others, without_others}: accuracies as in WavesOnly of hidden_circuit.py.
  lab.wavesOnly = function (all, keys) {
    if (!keys.length) return { alone: null, without: null, alone_others: null, without_others: null };
    const others = lab.otherFrequencies(all.n, keys);
    const held = heldOut(all);
    const without = (frequencies) => {
      const { train } = T.live.ablate(all, frequencies, []).excluded;
      return train ? train.accuracy : null;
    };
    return {
      alone: alone(all, held, keys),
      without: without(keys),
      alone_others: median(others.map((other) => alone(all, held, other))),
      without_others: median(others.map(without)),
    };
  };

  // The epoch at which the waves alone are furthest ahead of the network; null where they never are.
  lab.mostHidden = function (epochs, waves, network) {
    let best = 0,
      epoch = null;
    epochs.forEach((e, i) => {
      if (waves[i] === null || network[i] === null || waves[i] - network[i] <= 0) return;
      if (waves[i] - network[i] >= best) [best, epoch] = [waves[i] - network[i], e];
    });
    return epoch;
  };
})();
