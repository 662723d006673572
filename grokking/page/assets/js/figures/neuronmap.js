// A neuron's activation for every pair (a, b), computed from its own small tables: the map next to its scatter.
(function () {
  'use strict';
  const T = window.Timeless;

  // Attention of every pair, [heads][p·p·2] as weights on a and on b: kept for the step last asked for.
  function attention(s, step) {
    if (s.attentionKept && s.attentionKept.step === step) return s.attentionKept.heads;
    const { p } = s;
    const rows = 2 * p + 1;
    const heads = Array.from({ length: s.shape.n_heads }, (_, h) => {
      const score = s.at('scores', step).subarray(h * rows, (h + 1) * rows);
      const top = score.reduce((x, y) => Math.max(x, y), -Infinity);
      return Float64Array.from(score, (v) => Math.exp(v - top));
    });
    s.attentionKept = { step, heads };
    return heads;
  }

  // Float32Array [p·p], row a, column b: what the neuron of place i on the page answers to each pair.
  T.neuronMap = function (s, step, i) {
    const { p } = s;
    const rows = 2 * p + 1;
    const m = s.neurons.length;
    const table = s.at('neuron_by_token', step);
    const always = s.at('neuron_always', step)[i];
    const activate = T.live.ACTIVATIONS[s.shape.activation];
    const out = new Float32Array(p * p).fill(always);
    attention(s, step).forEach((exp, h) => {
      const read = (row) => table[(h * rows + row) * m + i];
      const A = Float64Array.from({ length: p }, (_, x) => exp[x] * read(x));
      const B = Float64Array.from({ length: p }, (_, x) => exp[p + x] * read(p + x));
      const own = exp[2 * p] * read(2 * p);
      for (let a = 0; a < p; a++)
        for (let b = 0; b < p; b++)
          out[a * p + b] += (A[a] + B[b] + own) / (exp[a] + exp[p + b] + exp[2 * p]);
    });
    for (let at = 0; at < out.length; at++) out[at] = activate(out[at]);
    return out;
  };
  T.hasNeuronMap = (s) => s.has('neuron_by_token') && T.live.obstacle(s) === null;

  // A square of p·p values on a canvas: a upwards, b to the right; top is the value of the darkest colour.
  T.drawPairs = function (canvas, s, values, top, colour, title) {
    const { ctx, width, height } = canvas;
    const { p } = s;
    const size = Math.min(width - 20, height - 44);
    const heat = document.createElement('canvas');
    heat.width = heat.height = p;
    const pixels = heat.getContext('2d');
    const image = pixels.createImageData(p, p);
    const words = new Uint32Array(image.data.buffer);
    const ramp = T.ramp(colour);
    for (let a = 0; a < p; a++)
      for (let b = 0; b < p; b++)
        words[(p - 1 - a) * p + b] = ramp[Math.round(255 * T.clamp(values[a * p + b] / (top || 1), 0, 1))];
    pixels.putImageData(image, 0, 0);
    canvas.clear();
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(heat, 18, 24, size, size);
    ctx.strokeStyle = T.colour('faint');
    ctx.strokeRect(17.5, 23.5, size + 1, size + 1);
    T.readout(ctx, title, 18, 14);
    ctx.fillStyle = T.colour('muted');
    ctx.fillText('a ↑', 0, 24 + size / 2);
    ctx.textAlign = 'right';
    ctx.fillText('b →', 18 + size, 24 + size + 16);
  };

  // 256 colours from the background to a colour, as pixels; made once a theme.
  let ramps = {};
  let theme = null;
  T.ramp = function (name) {
    if (theme !== T.theme()) ramps = {};
    theme = T.theme();
    if (!ramps[name]) {
      const channels = (i) =>
        T.mix(T.colour('background'), T.colour(name), i / 255)
          .match(/\d+/g)
          .map(Number);
      const bytes = Array.from({ length: 256 }, (_, i) => [...channels(i), 255]).flat();
      ramps[name] = new Uint32Array(new Uint8ClampedArray(bytes).buffer);
    }
    return ramps[name];
  };
})();
