// What is left of a network's answers when frequencies are taken out, and what these answer alone.
//
// ``all``: of Network.all in live.js, {n, sign, logits, table, trained, waves}.
(function () {
  'use strict';
  const T = window.Timeless;
  const L = T.live;

  // Part of the table that lies on frequency k: [n, n], made when first asked for.
  function onFrequency(all, k) {
    if (!all.waves[k]) {
      const { n } = all;
      const part = new Float64Array(n * n);
      T.maths.rows(n, k).forEach((row) => {
        const coefficient = L.product(row, all.table, 1, n, n);
        for (let s = 0; s < n; s++) for (let c = 0; c < n; c++) part[s * n + c] += row[s] * coefficient[c];
      });
      all.waves[k] = part;
    }
    return all.waves[k];
  }
  function projection(all, frequencies) {
    const sum = new Float64Array(all.table.length);
    new Set(frequencies).forEach((k) =>
      onFrequency(all, k).forEach((x, i) => {
        sum[i] += x;
      }),
    );
    return sum;
  }

  const PARTS = ['all', 'train', 'test'];
  function tally(all, judge) {
    const { n, sign, trained } = all;
    const sums = { all: [0, 0, 0], train: [0, 0, 0], test: [0, 0, 0] };
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const pair = i * n + j;
        const s = (((i + sign * j) % n) + n) % n;
        const { loss, right } = judge(pair, s);
        [sums.all, trained[pair] ? sums.train : sums.test].forEach((sum) => {
          sum[0] += loss;
          sum[1] += right;
          sum[2] += 1;
        });
      }
    }
    const out = {};
    PARTS.forEach((part) => {
      const [loss, right, count] = sums[part];
      out[part] = count ? { loss: loss / count, accuracy: right / count, count } : null;
    });
    return out;
  }

  // removed: frequencies taken out of L.  kept: the only ones left in P_K L + mean L (definitions.md, "Logits").
  L.ablate = function (all, removed, kept) {
    const { n, logits } = all;
    const started = performance.now();
    const without = projection(all, removed);
    const row = new Float64Array(n);
    const right = new Uint8Array(n * n);
    const excluded = tally(all, (pair, s) => {
      for (let c = 0; c < n; c++) row[c] = logits[pair * n + c] - without[s * n + c];
      const judged = T.maths.loss(row, 0, n, s);
      right[pair] = judged.right ? 1 : 0;
      return judged;
    });
    const only = projection(all, kept);
    for (let c = 0; c < n; c++) {
      let mean = 0;
      for (let s = 0; s < n; s++) mean += all.table[s * n + c] / n;
      for (let s = 0; s < n; s++) only[s * n + c] += mean;
    }
    const byAnswer = Array.from({ length: n }, (_, s) => T.maths.loss(only, s * n, n, s));
    const restricted = tally(all, (_, s) => byAnswer[s]);
    return { excluded, restricted, right, without, milliseconds: performance.now() - started };
  };
  L.pairLogits = (all, without, i, j) => {
    const s = (((i + all.sign * j) % all.n) + all.n) % all.n;
    return Float64Array.from(
      { length: all.n },
      (_, c) => all.logits[(i * all.n + j) * all.n + c] - without[s * all.n + c],
    );
  };
})();
