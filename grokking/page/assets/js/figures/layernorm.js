// Layer normalisation of one number's embedding, whether the run has it or not: what the formula does to a vector.
(function () {
  'use strict';
  const T = window.Timeless;

  T.figure('layernorm', {
    title: 'Layer normalisation of one embedding',
    caption: (s) =>
      `The ${s.shape.d_model} channels of the embedding of a at this step: as they are, and after layer normalisation with α = 1 and β = 0. This run is ${s.config.layer_norm ? 'trained with it' : 'trained without it'}.`,
    read: 'Every bar is one channel. Layer normalisation moves their mean to 0 and their standard deviation to 1, whatever they were: the direction stays, the size is lost. That keeps activations in range, and makes it harder to say which weight does what.',
    build(parts, s) {
      const d = s.shape.d_model;
      const canvas = T.canvas(parts.stage, parts.width, 230);
      const values = (step) => {
        const a = T.clamp(T.state.a, 0, s.p - 1);
        const x = Array.from(s.at('W_E', step).subarray(a * d, (a + 1) * d));
        const mean = x.reduce((sum, v) => sum + v, 0) / d;
        const sigma = Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / d + 1e-5);
        return { a, x, mean, sigma, normed: x.map((v) => (v - mean) / sigma) };
      };
      const bars = (list, top, colour, text) => {
        const { ctx, width } = canvas;
        const y = T.scale([-3.2, 3.2], [top + 90, top + 18]);
        const wide = (width - 8) / d;
        T.readout(ctx, text, 0, top + 12);
        ctx.fillStyle = T.colour(colour);
        list.forEach((v, i) => {
          const to = y(T.clamp(v, -3.2, 3.2));
          ctx.fillRect(i * wide, Math.min(to, y(0)), Math.max(1, wide - 1), Math.abs(to - y(0)));
        });
      };
      return {
        update(state, step) {
          const f = values(step);
          canvas.clear();
          bars(
            f.x,
            0,
            'mean',
            `embedding of a = ${f.a}: mean ${T.show(f.mean, 2)}, deviation ${T.show(f.sigma, 2)}`,
          );
          bars(f.normed, 116, 'sine', 'normalised: mean 0, deviation 1');
        },
        describe(step) {
          const f = values(step);
          return `Embedding of ${f.a}: mean ${T.show(f.mean, 2)}, standard deviation ${T.show(f.sigma, 2)}; normalised 0 and 1.`;
        },
        table(step) {
          const f = values(step);
          return {
            head: ['channel', 'embedding', 'normalised'],
            rows: f.x.map((v, i) => [String(i), v, f.normed[i]]),
          };
        },
        data: (step) => values(step),
      };
    },
  });
})();
