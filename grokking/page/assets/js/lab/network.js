// What a network of the laboratory is, whichever engine computes it: sizes, parameters, first weights, pairs.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});

  lab.network = function (portable) {
    const PAIRS_TOGETHER = 32; // values of b that the order of work keeps to, so that their table rows stay in cache

    // settings: {task, p, width, fraction, seed}. d_mlp is 4 · width, and there are four heads.
    function shape(settings) {
      const { p, width } = settings;
      return { p, d_model: width, n_heads: 4, d_head: width / 4, d_mlp: 4 * width };
    }

    // Sizes of the parameters, in the order in which run directories and both engines have them.
    function sizes(s) {
      const D = s.d_model,
        M = s.d_mlp;
      const head = [s.n_heads, D, s.d_head];
      return {
        W_E: [s.p + 1, D],
        W_pos: [3, D],
        W_Q: head,
        W_K: head,
        W_V: head,
        W_O: [s.n_heads, s.d_head, D],
        W_in: [D, M],
        b_in: [M],
        W_out: [M, D],
        b_out: [D],
        W_U: [D, s.p],
      };
    }
    const count = (size) => size.reduce((x, y) => x * y, 1);

    // Views of one flat array, by name.
    function views(flat, s) {
      const found = {};
      let at = 0;
      for (const [name, size] of Object.entries(sizes(s))) {
        found[name] = flat.subarray(at, at + count(size));
        at += count(size);
      }
      return found;
    }
    const total = (s) => Object.values(sizes(s)).reduce((sum, size) => sum + count(size), 0);

    // Float32 weights of epoch 0, as --init_scheme portable draws them.
    function initial(s, seed) {
      const flat = new Float32Array(total(s));
      Object.entries(views(flat, s)).forEach(([name, view], stream) => {
        if (name[0] === 'b') return;
        const scale = Math.sqrt(name === 'W_U' ? s.p + 1 : s.d_model);
        const draws = portable.normal(seed, stream, view.length);
        for (let i = 0; i < view.length; i++) view[i] = draws[i] / scale;
      });
      return flat;
    }

    // Answers of all p² pairs, pair a·p + b; 1 where a pair is trained on; and the pairs in the order of work.
    function pairs(settings) {
      const { task, p, fraction, seed } = settings;
      const n = p * p;
      const answers = Int32Array.from({ length: n }, (_, pair) => {
        const a = Math.floor(pair / p),
          b = pair % p;
        return task === 'mul' ? (a * b) % p : (a + b) % p;
      });
      const isTrain = new Uint8Array(n);
      const order = portable.order(seed, 0, n).subarray(0, Math.floor(fraction * n));
      order.forEach((pair) => {
        isTrain[pair] = 1;
      });
      const group = (pair) => Math.floor((pair % p) / PAIRS_TOGETHER);
      const all = Int32Array.from({ length: n }, (_, pair) => pair).sort(
        (x, y) => group(x) - group(y) || x - y,
      );
      return { answers, isTrain, all, train: all.filter((pair) => isTrain[pair]) };
    }

    return { shape, sizes, views, total, initial, pairs };
  };
})();
