// What the page's figures show of a network, measured here as grokking/page/measure.py does (definitions.md):
// all pairs in group order, means by answer, sinusoids, shares of variance, the spectrum of the logits.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});
  const DEAD_ENERGY = 1e-12,
    OWNED_SHARE = 0.85,
    KEY_SHARE = 0.02,
    SAMPLES_PER_ANSWER = 8,
    SHARE_DECADES = 6,
    MOST_NEURONS = 6,
    FEWEST_FREQUENCIES = 3;
  const breathe = () => new Promise((resume) => setTimeout(resume, 0));
  lab.breathe = breathe;

  // All Fourier rows of Z_n, [n, n] flat: the constant, then one or two of each frequency; and whose each row is.
  const bases = {};
  function basis(n) {
    if (bases[n]) return bases[n];
    const rows = [new Float64Array(n).fill(1 / Math.sqrt(n))];
    const frequency = [0];
    for (let k = 1; k <= Math.floor(n / 2); k++)
      T.maths.rows(n, k).forEach((row) => {
        rows.push(row);
        frequency.push(k);
      });
    return (bases[n] = { rows, frequency });
  }

  // Coefficients of a grid [n, n] along a and b, [n, n].
  function transform2(grid, n) {
    const { rows } = basis(n);
    const byA = new Float64Array(n * n),
      out = new Float64Array(n * n);
    for (let r = 0; r < n; r++)
      for (let a = 0; a < n; a++)
        for (let b = 0, x = rows[r][a]; b < n; b++) byA[r * n + b] += x * grid[a * n + b];
    for (let r = 0; r < n; r++)
      for (let q = 0; q < n; q++) {
        let sum = 0;
        for (let b = 0; b < n; b++) sum += byA[r * n + b] * rows[q][b];
        out[r * n + q] = sum;
      }
    return out;
  }

  // Neurons [n², d_mlp] and logits [n², n] of all pairs of the group, classes in group order.
  lab.outputs = function (engine, members) {
    const { p, d_mlp: M } = engine.shape;
    const n = members.length;
    const tables = engine.build();
    const row = new Float32Array(M + p);
    const neurons = new Float32Array(n * n * M),
      logits = new Float32Array(n * n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        engine.outputs(tables, members[i] * p + members[j], row);
        neurons.set(row.subarray(0, M), (i * n + j) * M);
        for (let c = 0; c < n; c++) logits[(i * n + j) * n + c] = row[M + members[c]];
      }
    return { n, M, neurons, logits, scores: tables.heads.flatMap((head) => Array.from(head.score)) };
  };

  // m_j[s], [n, d_mlp].
  function meansByAnswer({ n, M, neurons }) {
    const means = new Float64Array(n * M);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const s = (i + j) % n;
        for (let m = 0; m < M; m++) means[s * M + m] += neurons[(i * n + j) * M + m] / n;
      }
    return means;
  }

  // The best sinusoid of each column of means: {r2, frequency}, by neuron; -1 and 0 for dead ones.
  function fit(means, n, M) {
    const r2 = new Float64Array(M).fill(-1),
      frequency = new Int32Array(M);
    for (let m = 0; m < M; m++) {
      const column = Float64Array.from({ length: n }, (_, s) => means[s * M + m]);
      const { total, energies } = energiesOf(column, n);
      if (total <= DEAD_ENERGY) continue;
      energies.forEach((energy, k) => {
        if (k > 0 && energy / total > r2[m]) [r2[m], frequency[m]] = [Math.min(1, energy / total), k];
      });
    }
    return { r2, frequency };
  }
  function energiesOf(column, n) {
    const { rows, frequency } = basis(n);
    const mean = column.reduce((x, y) => x + y, 0) / n;
    const energies = new Float64Array(Math.floor(n / 2) + 1);
    rows.forEach((row, r) => {
      let sum = 0;
      for (let s = 0; s < n; s++) sum += row[s] * column[s];
      energies[frequency[r]] += sum * sum;
    });
    return { total: column.reduce((sum, x) => sum + (x - mean) ** 2, 0), energies };
  }

  // Frequencies that own at least 2 % of all neurons, most neurons first.
  lab.keyFrequencies = async function (outputs) {
    const { n, M, neurons } = outputs;
    const { frequency } = basis(n);
    const counts = new Int32Array(Math.floor(n / 2) + 1);
    const grid = new Float64Array(n * n);
    for (let m = 0; m < M; m++) {
      for (let i = 0; i < n * n; i++) grid[i] = neurons[i * M + m];
      const waves = transform2(grid, n);
      const energy = new Float64Array(counts.length);
      let total = 0;
      for (let i = 1; i < n * n; i++) {
        const [ka, kb] = [frequency[Math.floor(i / n)], frequency[i % n]];
        total += waves[i] ** 2;
        if (ka === kb || !ka || !kb) energy[ka || kb] += waves[i] ** 2;
      }
      const k = energy.indexOf(Math.max(...energy));
      if (total > DEAD_ENERGY && energy[k] / total > OWNED_SHARE) counts[k] += 1;
      if (m % 32 === 31) await breathe();
    }
    return [...counts.keys()]
      .filter((k) => counts[k] >= KEY_SHARE * M)
      .sort((x, y) => counts[y] - counts[x] || x - y);
  };

  // Up to six neurons, in turn the best one left of each frequency; frequencies in increasing order.
  lab.chooseNeurons = function (outputs, keys) {
    const { n, M } = outputs;
    const { r2, frequency } = fit(meansByAnswer(outputs), n, M);
    const ranked = [...r2.keys()].filter((m) => frequency[m]).sort((x, y) => r2[y] - r2[x] || x - y);
    const found = [...new Set(ranked.map((m) => frequency[m]))];
    const wanted = keys.filter((k) => found.includes(k));
    found.forEach((k) => wanted.length < FEWEST_FREQUENCIES && !wanted.includes(k) && wanted.push(k));
    const queues = wanted.map((k) => ranked.filter((m) => frequency[m] === k));
    const chosen = [];
    for (let turn = 0; turn < MOST_NEURONS; turn++)
      queues.forEach(
        (queue) => turn < queue.length && chosen.length < MOST_NEURONS && chosen.push(queue[turn]),
      );
    chosen.sort((x, y) => frequency[x] - frequency[y] || r2[y] - r2[x]);
    return { neurons: chosen, frequencies: chosen.map((m) => frequency[m]) };
  };

  // Group indices [S, 2] of sampled pairs: of each answer eight, spread over a.
  lab.samplePairs = function (n) {
    const each = Math.min(SAMPLES_PER_ANSWER, n);
    const pairs = [];
    for (let s = 0; s < n; s++)
      for (let i = 0; i < each; i++) {
        const a = (Math.round((i * n) / each) + s) % n;
        pairs.push(a, (s - a + n) % n);
      }
    return Int16Array.from(pairs);
  };

  // Offset, cosine, sine and R² of a mean activation at its frequency.
  function sinusoid(column, n, k) {
    const own = T.maths.rows(n, k);
    const coefficients = own.map((row) => row.reduce((sum, x, s) => sum + x * column[s], 0));
    const { total } = energiesOf(column, n);
    const energy = coefficients.reduce((sum, x) => sum + x * x, 0);
    const scale = own[0][0];
    const mean = column.reduce((x, y) => x + y, 0) / n;
    return [
      mean,
      coefficients[0] * scale,
      (coefficients[1] || 0) * scale,
      total > DEAD_ENERGY ? Math.min(1, energy / total) : -1,
    ];
  }

  // Energy of the logits by pairs of frequencies, as bytes on a logarithmic scale.
  function spectrum({ n, logits }) {
    const { frequency } = basis(n);
    const half = Math.floor(n / 2) + 1;
    const energy = new Float64Array(half * half);
    const grid = new Float64Array(n * n);
    for (let c = 0; c < n; c++) {
      for (let i = 0; i < n * n; i++) grid[i] = logits[i * n + c];
      transform2(grid, n).forEach((x, i) => {
        energy[frequency[Math.floor(i / n)] * half + frequency[i % n]] += x * x;
      });
    }
    energy[0] = 0;
    const total = Math.max(
      energy.reduce((x, y) => x + y, 0),
      1e-300,
    );
    return Uint8Array.from(energy, (x) => {
      const logShare = Math.log10(Math.max(x / total, 10 ** -SHARE_DECADES));
      return Math.round((logShare / SHARE_DECADES + 1) * 255);
    });
  }

  // Everything of one step; chosen: of chooseNeurons; pairs: of samplePairs.
  lab.measureStep = function (outputs, chosen, pairs) {
    const { n, M, neurons } = outputs;
    const all = meansByAnswer(outputs);
    const { r2, frequency } = fit(all, n, M);
    const columns = chosen.neurons.map((m) => Float64Array.from({ length: n }, (_, s) => all[s * M + m]));
    const own = chosen.neurons.map((m) => frequency[m]);
    const alive = Array.from(r2).filter((_, m) => frequency[m]);
    return {
      means: columns.flatMap((column) => Array.from(column)),
      own,
      sines: columns.flatMap((column, i) => sinusoid(column, n, Math.max(own[i], 1))),
      samples: chosen.neurons.flatMap((m) =>
        Array.from(
          { length: pairs.length / 2 },
          (_, i) => neurons[(pairs[2 * i] * n + pairs[2 * i + 1]) * M + m],
        ),
      ),
      r2: Array.from(r2),
      strength: alive.length ? alive.reduce((x, y) => x + y, 0) / alive.length : null,
      spectrum: spectrum(outputs),
    };
  };
})();
