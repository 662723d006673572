// The same engine in plain JavaScript, for browsers without WebAssembly's SIMD, and to read: every sum in double
// precision, rounded to single where it is stored. Its face is that of compiled.js; formulas and names are
// those of grokking/page/wasm/engine.h.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});

  lab.plain = function (network) {
    const BETA1 = 0.9,
      BETA2 = 0.98,
      EPS = 1e-8;
    const zeros = (n) => new Float32Array(n);

    // out [rows, columns] = A B, or += A B; turn: "A" or "B" stands transposed, [inner, rows] or [columns, inner].
    function product(A, B, rows, inner, columns, turn, out) {
      const into = out || zeros(rows * columns);
      const row = new Float64Array(columns);
      const [ar, ai] = turn === 'A' ? [1, rows] : [inner, 1];
      const [bi, bc] = turn === 'B' ? [1, inner] : [columns, 1];
      for (let r = 0; r < rows; r++) {
        row.fill(0);
        for (let i = 0; i < inner; i++) {
          const x = A[r * ar + i * ai];
          if (x !== 0) for (let c = 0, b = i * bi; c < columns; c++, b += bc) row[c] += x * B[b];
        }
        for (let c = 0, o = r * columns; c < columns; c++) into[o + c] += row[c];
      }
      return into;
    }

    function Plain() {}
    Plain.prototype.open = function (settings) {
      const s = (this.shape = network.shape(settings));
      Object.assign(this, network.pairs(settings));
      this.nTrain = this.train.length;
      this.weights = network.initial(s, settings.seed);
      const n = this.weights.length;
      Object.assign(this, { gradient: zeros(n), exp_avg: zeros(n), exp_avg_sq: zeros(n), nUpdates: 0 });
      this.correct = new Uint8Array(s.p * s.p);
      this.w = network.views(this.weights, s);
      this.g = network.views(this.gradient, s);
      this.R = 2 * s.p;
      this.W = s.d_mlp + s.p;
      return this;
    };
    Plain.prototype.continueFrom = function (nUpdates) {
      this.nUpdates = nUpdates;
    };
    const part = (flat, h, size) => flat.subarray(h * size, (h + 1) * size);

    // x: embeddings plus positions of a in p rows, b in p rows, and of the operation; readers = [W_in | W_U].
    Plain.prototype.embed = function () {
      const { w, R, W } = this;
      const { p, d_model: D, d_mlp: M } = this.shape;
      const x = zeros((R + 1) * D),
        readers = zeros(D * W);
      for (let r = 0; r <= R; r++) {
        const position = r < p ? 0 : r < R ? 1 : 2;
        const token = r < R ? r % p : p;
        for (let d = 0; d < D; d++) x[r * D + d] = w.W_E[token * D + d] + w.W_pos[position * D + d];
      }
      for (let d = 0; d < D; d++) {
        for (let m = 0; m < M; m++) readers[d * W + m] = w.W_in[d * M + m];
        for (let c = 0; c < p; c++) readers[d * W + M + c] = w.W_U[d * p + c];
      }
      return { x, readers };
    };

    // The look-up tables, and of each head what the way back needs.
    Plain.prototype.build = function () {
      const { w, R, W } = this;
      const { p, d_model: D, d_mlp: M, n_heads: H, d_head: e } = this.shape;
      const t = this.embed();
      const own = t.x.subarray(R * D);
      const opRow = Float32Array.from(own);
      t.heads = Array.from({ length: H }, (_, h) => {
        const [W_Q, W_K, W_V, W_O] = [w.W_Q, w.W_K, w.W_V, w.W_O].map((flat) => part(flat, h, D * e));
        const query = product(own, W_Q, 1, D, e).map((v) => v / Math.sqrt(e));
        const direction = product(W_K, query, D, e, 1);
        const values = product(t.x, W_V, R + 1, D, e);
        const reads = product(W_O, t.readers, e, D, W);
        const relative = zeros(R * e);
        for (let i = 0; i < R * e; i++) relative[i] = values[i] - values[R * e + (i % e)];
        product(values.subarray(R * e), W_O, 1, e, D, '', opRow);
        const score = product(t.x, direction, R + 1, D, 1);
        const mix = product(relative, reads, R, e, W);
        return { W_Q, W_K, W_V, W_O, query, direction, values, reads, relative, score, mix };
      });
      t.opRow = opRow;
      t.base = product(opRow, t.readers, 1, D, W);
      const bias = product(w.b_out, w.W_U, 1, D, p);
      for (let m = 0; m < M; m++) t.base[m] += w.b_in[m];
      for (let c = 0; c < p; c++) t.base[M + c] += bias[c];
      t.NL = product(w.W_out, w.W_U, M, D, p);
      return t;
    };

    // Attention of each head to a and b, then neurons and logits of a pair, into ``row`` [W].
    Plain.prototype.outputs = function (t, pair, row) {
      const { p, d_mlp: M } = this.shape;
      const { R, W } = this;
      const a = Math.floor(pair / p),
        b = p + (pair % p);
      row.set(t.base);
      const attention = t.heads.map(({ score, mix }) => {
        const top = Math.max(score[a], score[b], score[R]);
        const [wa, wb, wo] = [a, b, R].map((r) => Math.exp(score[r] - top));
        const weights = [wa / (wa + wb + wo), wb / (wa + wb + wo)];
        for (let c = 0, i = a * W, j = b * W; c < W; c++)
          row[c] += weights[0] * mix[i + c] + weights[1] * mix[j + c];
        return weights;
      });
      for (let m = 0; m < M; m++) {
        if (row[m] <= 0) row[m] = 0;
        else for (let c = 0, f = m * p; c < p; c++) row[M + c] += row[m] * t.NL[f + c];
      }
      return { a, b, attention };
    };

    // Cross-entropy of a row; d, where given, receives weight times its gradient over the classes.
    Plain.prototype.loss = function (row, answer, weight, d) {
      const { p, d_mlp: M } = this.shape;
      let top = -Infinity,
        total = 0;
      for (let c = 0; c < p; c++) top = Math.max(top, row[M + c]);
      for (let c = 0; c < p; c++) total += Math.exp(row[M + c] - top);
      if (d)
        for (let c = 0; c < p; c++)
          d[M + c] = weight * (Math.exp(row[M + c] - top) / total - (c === answer ? 1 : 0));
      return Math.log(total) - (row[M + answer] - top);
    };

    // The way back of ``outputs``: d holds the gradient of the logits; adds to those of the tables.
    Plain.prototype.outputsBack = function (t, found, row, d, sums) {
      const { p, d_mlp: M } = this.shape;
      const W = this.W;
      for (let m = 0; m < M; m++) {
        let sum = 0;
        if (row[m] > 0)
          for (let c = 0, f = m * p; c < p; c++) {
            sum += d[M + c] * t.NL[f + c];
            sums.NL[f + c] += row[m] * d[M + c];
          }
        d[m] = sum;
      }
      for (let c = 0; c < W; c++) sums.base[c] += d[c];
      t.heads.forEach(({ mix }, h) => {
        const rows = [found.a, found.b];
        const weights = found.attention[h];
        const dots = rows.map((r, j) => {
          let dot = 0;
          for (let c = 0, i = r * W; c < W; c++) {
            sums.heads[h].mix[i + c] += weights[j] * d[c];
            dot += mix[i + c] * d[c];
          }
          return dot;
        });
        const mean = weights[0] * dots[0] + weights[1] * dots[1];
        rows.forEach((r, j) => {
          sums.heads[h].score[r] += weights[j] * (dots[j] - mean);
        });
      });
    };

    // Gradients of a head's tables into those of its weights; dx gathers the embeddings'.
    Plain.prototype.headBack = function (t, h, sums, dReaders, dx) {
      const { g, R, W } = this;
      const { d_model: D, d_head: e } = this.shape;
      const head = t.heads[h];
      const { mix: dMix, score: dScore } = sums.heads[h];
      const own = t.x.subarray(R * D);
      const dValues = zeros((R + 1) * e);
      const dOwn = dValues.subarray(R * e);
      product(sums.base, head.reads, 1, W, e, 'B', dOwn);
      product(dMix, head.reads, R, W, e, 'B', dValues);
      for (let i = 0; i < R * e; i++) dOwn[i % e] -= dValues[i];
      const dReads = product(head.values.subarray(R * e), sums.base, e, 1, W, 'A');
      product(head.relative, dMix, e, R, W, 'A', dReads);
      part(g.W_O, h, D * e).set(product(dReads, t.readers, e, W, D, 'B'));
      product(head.W_O, dReads, D, e, W, 'A', dReaders);
      part(g.W_V, h, D * e).set(product(t.x, dValues, D, R + 1, e, 'A'));
      product(dValues, head.W_V, R + 1, e, D, 'B', dx);
      dScore[R] = -dScore.subarray(0, R).reduce((x, y) => x + y, 0);
      const dDirection = product(dScore, t.x, 1, R + 1, D);
      product(dScore, head.direction, R + 1, 1, D, '', dx);
      part(g.W_K, h, D * e).set(product(dDirection, head.query, D, 1, e));
      const dQuery = product(dDirection, head.W_K, 1, D, e).map((v) => v / Math.sqrt(e));
      part(g.W_Q, h, D * e).set(product(own, dQuery, D, 1, e));
      product(dQuery, head.W_Q, 1, e, D, 'B', dx.subarray(R * D));
    };

    Plain.prototype.tablesBack = function (t, sums) {
      const { w, g, R, W } = this;
      const { p, d_model: D, d_mlp: M, n_heads: H } = this.shape;
      const dx = zeros((R + 1) * D);
      product(sums.base, t.readers, 1, W, D, 'B', dx.subarray(R * D));
      const dReaders = product(t.x.subarray(R * D), sums.base, D, 1, W, 'A');
      for (let h = 0; h < H; h++) this.headBack(t, h, sums, dReaders, dx);
      const direct = sums.base.subarray(M);
      g.b_in.set(sums.base.subarray(0, M));
      g.b_out.set(product(direct, w.W_U, 1, p, D, 'B'));
      g.W_out.set(product(sums.NL, w.W_U, M, p, D, 'B'));
      g.W_U.set(product(w.W_out, sums.NL, D, M, p, 'A'));
      product(w.b_out, direct, D, 1, p, 'A', g.W_U);
      for (let d = 0; d < D; d++) {
        for (let m = 0; m < M; m++) g.W_in[d * M + m] = dReaders[d * W + m];
        for (let c = 0; c < p; c++) g.W_U[d * p + c] += dReaders[d * W + M + c];
      }
      g.W_E.fill(0);
      g.W_pos.fill(0);
      for (let r = 0; r <= R; r++)
        for (let d = 0; d < D; d++) {
          g.W_E[(r < R ? r % p : p) * D + d] += dx[r * D + d];
          g.W_pos[(r < p ? 0 : r < R ? 1 : 2) * D + d] += dx[r * D + d];
        }
    };

    Plain.prototype.lossAndGradient = function () {
      const { R, W } = this;
      const { p, d_mlp: M, n_heads: H } = this.shape;
      const t = this.build();
      const sums = { NL: zeros(M * p), base: zeros(W) };
      sums.heads = Array.from({ length: H }, () => ({ mix: zeros(R * W), score: zeros(R + 1) }));
      const row = zeros(W),
        d = zeros(W);
      let loss = 0;
      for (const pair of this.train) {
        const found = this.outputs(t, pair, row);
        loss += this.loss(row, this.answers[pair], 1 / this.nTrain, d) / this.nTrain;
        this.outputsBack(t, found, row, d, sums);
      }
      this.tablesBack(t, sums);
      return loss;
    };

    // AdamW (Loshchilov & Hutter 2019, algorithm 2).
    Plain.prototype.update = function (lr, decay) {
      const { weights, gradient, exp_avg: m, exp_avg_sq: v } = this;
      const t = ++this.nUpdates;
      const step = lr / (1 - BETA1 ** t);
      const spread = 1 / Math.sqrt(1 - BETA2 ** t);
      for (let i = 0; i < weights.length; i++) {
        const g = gradient[i];
        m[i] = BETA1 * m[i] + (1 - BETA1) * g;
        v[i] = BETA2 * v[i] + (1 - BETA2) * g * g;
        weights[i] -= lr * decay * weights[i] + (step * m[i]) / (Math.sqrt(v[i]) * spread + EPS);
      }
    };
    Plain.prototype.advance = function (n, lr, decay) {
      return Float64Array.from({ length: n }, () => {
        const loss = this.lossAndGradient();
        this.update(lr, decay);
        return loss;
      });
    };

    Plain.prototype.evaluate = function () {
      const { p, d_mlp: M } = this.shape;
      const t = this.build();
      const row = zeros(this.W);
      const loss = [0, 0],
        right = [0, 0];
      for (const pair of this.all) {
        this.outputs(t, pair, row);
        const answer = this.answers[pair],
          test = 1 - this.isTrain[pair];
        const wins = row.subarray(M).findIndex((x) => !(x < row[M + answer])) === answer;
        const beaten = row.subarray(M + answer + 1).some((x) => !(x <= row[M + answer]));
        this.correct[pair] = wins && !beaten ? 1 : 0;
        loss[test] += this.loss(row, answer, 1, null);
        right[test] += this.correct[pair];
      }
      const nTest = p * p - this.nTrain;
      return {
        train_loss: loss[0] / this.nTrain,
        test_loss: loss[1] / nTest,
        train_acc: right[0] / this.nTrain,
        test_acc: right[1] / nTest,
      };
    };
    return Plain;
  };
})();
