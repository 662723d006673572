// The Fourier side of definitions.md, on typed arrays. Rows of frequency k: one for k = n/2, else two.
(function () {
  'use strict';
  const T = window.Timeless;
  const M = (T.maths = {});

  const tables = {};
  M.table = function (n) {
    if (!tables[n]) {
      const cos = new Float64Array(n);
      const sin = new Float64Array(n);
      for (let j = 0; j < n; j++) {
        cos[j] = Math.cos((2 * Math.PI * j) / n);
        sin[j] = Math.sin((2 * Math.PI * j) / n);
      }
      tables[n] = { cos, sin };
    }
    return tables[n];
  };

  // Unit rows [r][n] of frequency k in Z_n.
  M.rows = function (n, k) {
    const { cos, sin } = M.table(n);
    if (2 * k === n) return [Float64Array.from({ length: n }, (_, x) => cos[(k * x) % n] / Math.sqrt(n))];
    const scale = Math.sqrt(2 / n);
    return [cos, sin].map((wave) => Float64Array.from({ length: n }, (_, x) => wave[(k * x) % n] * scale));
  };

  // Rows of a flat [*, width] array, in the given order, centred over them: Float64Array [n, width].
  M.centred = function (flat, order, width) {
    const n = order.length;
    const out = new Float64Array(n * width);
    const mean = new Float64Array(width);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < width; j++) mean[j] += (out[i * width + j] = flat[order[i] * width + j]) / n;
    for (let i = 0; i < n; i++) for (let j = 0; j < width; j++) out[i * width + j] -= mean[j];
    return out;
  };

  // rowᵀ · values: [width].
  function against(row, values, n, width) {
    const out = new Float64Array(width);
    for (let i = 0; i < n; i++) {
      const r = row[i];
      for (let j = 0; j < width; j++) out[j] += r * values[i * width + j];
    }
    return out;
  }
  const energy = (v) => v.reduce((sum, x) => sum + x * x, 0);

  M.shares = function (values, n, width) {
    const total = Math.max(energy(values), 1e-300);
    const shares = new Float64Array(Math.floor(n / 2));
    for (let k = 1; k <= shares.length; k++) {
      shares[k - 1] =
        M.rows(n, k).reduce((sum, row) => sum + energy(against(row, values, n, width)), 0) / total;
    }
    return shares;
  };

  // û and v̂: the plane of the circle of frequency k.
  M.plane = function (values, n, width, k) {
    return M.rows(n, k).map((row) => {
      const axis = against(row, values, n, width);
      const size = Math.sqrt(energy(axis)) || 1;
      return axis.map((x) => x / size);
    });
  };
  M.project = function (values, n, width, plane) {
    const points = new Float64Array(2 * n);
    for (let i = 0; i < n; i++) {
      for (let side = 0; side < plane.length; side++) {
        let sum = 0;
        for (let j = 0; j < width; j++) sum += values[i * width + j] * plane[side][j];
        points[2 * i + side] = sum;
      }
    }
    return points;
  };
  M.circularity = function (points) {
    const n = points.length / 2;
    let x = 0,
      y = 0;
    for (let i = 0; i < n; i++) {
      x += points[2 * i] / n;
      y += points[2 * i + 1] / n;
    }
    const radii = Float64Array.from({ length: n }, (_, i) =>
      Math.hypot(points[2 * i] - x, points[2 * i + 1] - y),
    );
    const mean = radii.reduce((s, r) => s + r, 0) / n;
    const std = Math.sqrt(radii.reduce((s, r) => s + (r - mean) ** 2, 0) / n);
    return Math.max(0, 1 - std / Math.max(mean, 1e-300));
  };
  M.gini = function (values) {
    const x = Float64Array.from(values).sort();
    const m = x.length;
    let weighted = 0,
      sum = 0;
    x.forEach((v, i) => {
      weighted += v * (2 * (i + 1) - m - 1);
      sum += v;
    });
    return sum ? weighted / (m * sum) : 0;
  };

  M.gcd = (a, b) => {
    while (b) [a, b] = [b, a % b];
    return a;
  };
  M.primitiveRoots = function (p) {
    return M.powers(p)
      .powers.filter((_, i) => M.gcd(i, p - 1) === 1)
      .sort((x, y) => x - y);
  };
  // Powers of the smallest primitive root: residue of each index.
  M.powers = function (p, root) {
    for (let g = root || 2; g < p; g++) {
      const powers = [1];
      while (powers.length < p - 1) {
        const next = (powers[powers.length - 1] * g) % p;
        if (next === 1) break;
        powers.push(next);
      }
      if (powers.length === p - 1 || root) return { powers, root: g };
    }
    return { powers: [1], root: 1 };
  };

  // Cross-entropy in float64 of one row of logits, and whether the answer wins.
  M.loss = function (logits, from, count, answer) {
    let top = -Infinity,
      best = 0;
    for (let c = 0; c < count; c++)
      if (logits[from + c] > top) {
        top = logits[from + c];
        best = c;
      }
    let sum = 0;
    for (let c = 0; c < count; c++) sum += Math.exp(logits[from + c] - top);
    return { loss: Math.log(sum) + top - logits[from + answer], right: best === answer };
  };
})();
