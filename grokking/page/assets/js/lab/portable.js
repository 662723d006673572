// The portable draw: the same bits as grokking/portable_random.py, which says what they are.
//
// The laboratory's modules are functions without surroundings, since their text also runs in Workers (worker.js).
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});

  lab.portable = function () {
    const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24];
    const PARITY = 0x1bd11bda;
    const SPLIT_STREAM = 2 ** 31;
    const LN2 = 0.6931471805599453;
    const ROUNDS = 20;
    const LOG_TERMS = 12;
    const CIRCLE_TERMS = 9;

    // Threefry-2x32: the two words of counter (counter, 0) under the key (seed, stream), as unsigned numbers.
    function threefry(seed, stream, counter) {
      const keys = [seed | 0, stream | 0, seed ^ stream ^ PARITY];
      let x = (counter + keys[0]) | 0,
        y = keys[1];
      for (let r = 0; r < ROUNDS; r++) {
        x = (x + y) | 0;
        const left = ROTATIONS[r % 8];
        y = ((y << left) | (y >>> (32 - left))) ^ x;
        if (r % 4 === 3) {
          const step = (r >> 2) + 1;
          x = (x + keys[step % 3]) | 0;
          y = (y + keys[(step + 1) % 3] + step) | 0;
        }
      }
      return [x >>> 0, y >>> 0];
    }

    function log(whole) {
      let m = whole,
        e = 0;
      while (m >= 1) {
        m /= 2;
        e += 1;
      }
      if (m < Math.sqrt(0.5)) {
        m *= 2;
        e -= 1;
      }
      const s = (m - 1) / (m + 1);
      const square = s * s;
      let sum = 0;
      for (let k = LOG_TERMS - 1; k >= 0; k--) sum = sum * square + 1 / (2 * k + 1);
      return e * LN2 + 2 * s * sum;
    }

    function circle(eighths, rest) {
      const angle = (eighths % 2 === 0 ? rest : 1 - rest) * (Math.PI / 4);
      const square = angle * angle;
      let cos = 1,
        sin = 1;
      for (let k = CIRCLE_TERMS - 2; k >= 0; k--) {
        cos = 1 - (square / ((2 * k + 1) * (2 * k + 2))) * cos;
        sin = 1 - (square / ((2 * k + 2) * (2 * k + 3))) * sin;
      }
      sin = angle * sin;
      if (((eighths + 1) >> 1) % 2 === 1) [cos, sin] = [sin, cos];
      return [((eighths + 2) >> 2) % 2 === 1 ? -cos : cos, eighths >= 4 ? -sin : sin];
    }

    // n draws of N(0, 1), float64.
    function normal(seed, stream, n) {
      const out = new Float64Array(n);
      for (let i = 0; i < n; i += 2) {
        const [u, v] = threefry(seed, stream, i / 2);
        const radius = Math.sqrt(-2 * (log(2 * u + 1) - 33 * LN2));
        const [cos, sin] = circle(v >>> 29, ((v & 0x1fffffff) + 0.5) / 2 ** 29);
        out[i] = radius * cos;
        if (i + 1 < n) out[i + 1] = radius * sin;
      }
      return out;
    }

    // A permutation of 0 … n - 1.
    function order(seed, stream, n) {
      const words = Array.from({ length: n }, (_, i) => threefry(seed, SPLIT_STREAM + stream, i));
      return Uint32Array.from(words.keys()).sort(
        (a, b) => words[a][0] - words[b][0] || words[a][1] - words[b][1] || a - b,
      );
    }

    return { threefry, normal, order };
  };
})();
