// The run's own network on the reader's machine: a plain forward pass by look-up tables.
//
// The answer is read at one position of one layer, so attention and everything linear after it are
// tables with a row per (token, position); only the activation and the unembedding cost work per pair. Python does
// the same (grokking/lookup); here every sum is in double precision, on weights rounded to half. Layer norm
// stands between those steps, so a network that has it is not run here.
(function () {
  'use strict';
  const T = window.Timeless;
  const L = (T.live = {});

  function erf(x) {
    // Abramowitz and Stegun's 7.1.26 is too rough for 1e-4 logits; a series and a fraction are not.
    const z = Math.abs(x);
    if (z > 6) return Math.sign(x);
    if (z < 2.5) {
      let term = z,
        sum = z;
      for (let i = 1; Math.abs(term) > 1e-17; i++) {
        term *= (-z * z) / i;
        sum += term / (2 * i + 1);
      }
      return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
    }
    let fraction = 0;
    for (let i = 60; i >= 1; i--) fraction = i / 2 / (z + fraction);
    return Math.sign(x) * (1 - Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI)));
  }
  // By the names that a run's config has (grokking/models/activations.py); any other is refused.
  const ACTIVATIONS = {
    relu: (x) => (x > 0 ? x : 0),
    gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
    gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
    silu: (x) => x / (1 + Math.exp(-x)),
  };
  L.ACTIVATIONS = ACTIVATIONS;
  // What stands in the way of running a network here, in words; null if nothing does.
  L.obstacle = function (subject) {
    const name = subject.shape.activation;
    if (Object.hasOwn(ACTIVATIONS, name)) return null;
    return `This run's activation is "${name}", which the page cannot compute; it knows ${Object.keys(ACTIVATIONS).join(', ')}. Build the page again with the version of the project that trained the run.`;
  };

  L.product = product;
  function product(A, B, rows, inner, columns) {
    const out = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < inner; j++) {
        const x = A[i * inner + j];
        if (x !== 0)
          for (let c = 0, o = i * columns, b = j * columns; c < columns; c++) out[o + c] += x * B[b + c];
      }
    }
    return out;
  }

  // record: packed weights by name. Classes are the p numbers; an extra "=" class has no part in answers.
  function Network(record, subject) {
    const s = subject.shape;
    const p = subject.p;
    const w = {};
    for (const name in record) w[name] = T.unpack(record[name]);
    this.subject = subject;
    const obstacle = L.obstacle(subject);
    if (obstacle) throw new Error(obstacle);
    this.activate = ACTIVATIONS[s.activation];
    Object.assign(this, { p, heads: s.n_heads, mlp: s.d_mlp, width: s.d_mlp + p });
    const D = s.d_model;
    const rows = 2 * p + 1;
    const x = new Float64Array(rows * D);
    for (let r = 0; r < rows; r++) {
      const token = r < p ? r : r < 2 * p ? r - p : p + subject.operation_index;
      const position = r < p ? 0 : r < 2 * p ? 1 : 2;
      for (let j = 0; j < D; j++) x[r * D + j] = w.W_E[token * D + j] + w.W_pos[position * D + j];
    }
    this.fold(w, x, rows, D, s);
  }

  // readers = [W_in | W_U]; mix[h] = x W_V[h] W_O[h] readers; base = the operation's own row.
  Network.prototype.fold = function (w, x, rows, D, s) {
    const { p, heads, mlp, width } = this;
    const e = s.d_head;
    const readers = new Float64Array(D * width);
    const unembed = new Float64Array(D * p);
    for (let j = 0; j < D; j++) {
      for (let m = 0; m < mlp; m++) readers[j * width + m] = w.W_in[j * mlp + m];
      for (let c = 0; c < p; c++)
        unembed[j * p + c] = readers[j * width + mlp + c] = w.W_U[j * s.n_classes + c];
    }
    const own = x.subarray((rows - 1) * D);
    this.base = product(own, readers, 1, D, width);
    const shift = product(w.b_out, unembed, 1, D, p);
    if (w.b_U) for (let c = 0; c < p; c++) shift[c] += w.b_U[c];
    for (let m = 0; m < mlp; m++) this.base[m] += w.b_in[m];
    for (let c = 0; c < p; c++) this.base[mlp + c] += shift[c];
    this.toLogits = product(w.W_out, unembed, mlp, D, p);
    const biases = new Float64Array(D); // the part of the stream that biases add, whatever is attended to
    if (w.b_O) biases.set(w.b_O);
    this.mix = [];
    this.score = [];
    for (let h = 0; h < heads; h++) {
      const part = (name) => w[name].subarray(h * D * e, (h + 1) * D * e);
      const query = product(own, part('W_Q'), 1, D, e);
      if (w.b_Q) for (let j = 0; j < e; j++) query[j] += w.b_Q[h * e + j];
      if (w.b_V)
        product(w.b_V.subarray(h * e, (h + 1) * e), part('W_O'), 1, e, D).forEach((v, j) => {
          biases[j] += v;
        }); // attention adds up to one
      const keys = product(x, part('W_K'), rows, D, e); // without b_K: it moves all scores of the query alike
      this.score.push(product(keys, query, rows, e, 1).map((v) => v * s.score_scale));
      this.mix.push(
        product(
          product(product(x, part('W_V'), rows, D, e), part('W_O'), rows, e, D),
          readers,
          rows,
          D,
          width,
        ),
      );
    }
    product(biases, readers, 1, D, width).forEach((v, i) => {
      this.base[i] += v;
    });
    this.pre = new Float64Array(width);
    this.active = new Int32Array(mlp);
    this.exp = this.score.map((score) => {
      const top = score.reduce((x, y) => Math.max(x, y), -Infinity);
      return score.map((v) => Math.exp(v - top));
    });
  };

  Network.prototype.attention = function (a, b) {
    return this.exp.map((exp) => {
      const weights = [exp[a], exp[this.p + b], exp[2 * this.p]];
      const sum = weights[0] + weights[1] + weights[2];
      return weights.map((x) => x / sum);
    });
  };

  // Leaves activations and logits in this.pre: neurons first, then the p classes. Everything that the inner loops
  // touch is a local of its own, and four neurons share a walk over the classes: a page has no other fast product.
  Network.prototype.run = function (a, b) {
    const { pre, width, mlp, heads } = this;
    const [rowA, rowB, rowO] = [a * width, (this.p + b) * width, 2 * this.p * width];
    pre.set(this.base);
    for (let h = 0; h < heads; h++) {
      const mix = this.mix[h];
      const exp = this.exp[h];
      const [ea, eb, eo] = [exp[a], exp[this.p + b], exp[2 * this.p]];
      const sum = ea + eb + eo;
      const wa = ea / sum,
        wb = eb / sum,
        wo = eo / sum;
      for (let i = 0; i < width; i++) pre[i] += wa * mix[rowA + i] + wb * mix[rowB + i] + wo * mix[rowO + i];
    }
    const { activate, active } = this;
    let count = 0;
    for (let m = 0; m < mlp; m++) {
      pre[m] = activate(pre[m]);
      if (pre[m] !== 0) active[count++] = m;
    }
    this.readOut(count);
    return pre;
  };
  // Adds to the classes what the first neurons of this.active say.
  Network.prototype.readOut = function (count) {
    const { pre, mlp, p, active, toLogits: out } = this;
    let q = 0;
    for (; q + 3 < count; q += 4) {
      const [m0, m1, m2, m3] = [active[q], active[q + 1], active[q + 2], active[q + 3]];
      const v0 = pre[m0],
        v1 = pre[m1],
        v2 = pre[m2],
        v3 = pre[m3];
      const f0 = m0 * p,
        f1 = m1 * p,
        f2 = m2 * p,
        f3 = m3 * p;
      for (let c = 0; c < p; c++)
        pre[mlp + c] += v0 * out[f0 + c] + v1 * out[f1 + c] + v2 * out[f2 + c] + v3 * out[f3 + c];
    }
    for (; q < count; q++)
      for (let c = 0, f = active[q] * p, v = pre[active[q]]; c < p; c++) pre[mlp + c] += v * out[f + c];
  };
  Network.prototype.pair = function (a, b) {
    const out = this.run(a, b);
    return { attention: this.attention(a, b), neurons: out.slice(0, this.mlp), logits: out.slice(this.mlp) };
  };

  // All n² pairs of the group, classes in group order; yields to the page between slices.
  Network.prototype.all = async function (tell) {
    const { members, n, sign } = this.subject;
    const logits = new Float32Array(n * n * n);
    const table = new Float64Array(n * n);
    const classes = Int32Array.from(members, (residue) => this.mlp + residue);
    let last = performance.now();
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const out = this.run(members[i], members[j]);
        const s = (((i + sign * j) % n) + n) % n;
        for (let c = 0, at = (i * n + j) * n; c < n; c++) {
          const value = out[classes[c]];
          logits[at + c] = value;
          table[s * n + c] += value;
        }
      }
      if (performance.now() - last > 12) {
        if (tell) tell((i + 1) / n);
        await new Promise((resume) => {
          const channel = new MessageChannel();
          channel.port1.onmessage = () => {
            channel.port1.close();
            resume();
          };
          channel.port2.postMessage(0);
        });
        while (T.moving()) await new Promise((resume) => setTimeout(resume, 50));
        last = performance.now();
      }
    }
    for (let i = 0; i < table.length; i++) table[i] /= n;
    return { logits, table, n, sign, trained: trainedPairs(this.subject), waves: [] };
  };

  function trainedPairs(subject) {
    const bits = subject.array('train');
    return Uint8Array.from({ length: subject.n * subject.n }, (_, i) => (bits[i >> 3] >> (7 - (i & 7))) & 1);
  }

  // Networks and their outputs on all pairs, kept for the last few steps looked at.
  const kept = new Map();
  L.open = function (subject, epoch, tell) {
    const name = subject.id + '_e' + epoch;
    if (!kept.has(name)) {
      if (kept.size >= 3) kept.delete(kept.keys().next().value);
      kept.set(
        name,
        T.load(name).then(async (record) => {
          const network = new Network(record, subject);
          return { network, all: await network.all(tell) };
        }),
      );
    }
    return kept.get(name);
  };
  L.measure = async function (id, epoch, removed, restrictTo) {
    const subject = await T.subject(id);
    const { all } = await L.open(subject, epoch);
    const { excluded, restricted, milliseconds } = L.ablate(all, removed, restrictTo);
    return { excluded, restricted, milliseconds };
  };
})();
