// The network as a diagram, with the sizes of the run on show.
(function () {
  'use strict';
  const T = window.Timeless;

  T.figure('architecture', {
    title: 'One layer, three tokens, one answer',
    caption: (s) =>
      `The network of this run: d_model = ${s.shape.d_model}, ${s.shape.n_heads} heads of width ${s.shape.d_head}, ${s.shape.d_mlp} neurons (${s.shape.activation_label}), ${s.config.layer_norm ? 'with' : 'no'} layer norm, ${T.count(s.shape.parameters)} parameters.`,
    read: 'The three tokens a, b and the operation are embedded and given positions. At the last position, attention combines all three, the MLP applies its nonlinearity to the result, and the unembedding turns it into one logit per answer. Every part adds to one stream, so each can be removed and studied.',
    build(parts, s) {
      const vertical = parts.width < 620;
      const boxes = [
        [`a  b  ${s.operation}`, 'three tokens', `of ${s.shape.d_vocab} known ones`],
        ['embedding', `${s.shape.d_model} numbers each`, 'W_E + W_pos'],
        ['attention', `${s.shape.n_heads} heads`, 'W_Q W_K W_V W_O'],
        ['MLP', `${s.shape.d_mlp} neurons`, 'W_in, W_out'],
        ['logits', `${s.p} answers`, 'W_U'],
      ];
      const W = parts.width,
        H = vertical ? 420 : 170;
      const svg = T.svg('svg', {
        width: W,
        height: H,
        viewBox: `0 0 ${W} ${H}`,
        'aria-hidden': 'true',
        class: 'diagram',
      });
      const n = boxes.length;
      const size = vertical ? [Math.min(260, W - 20), 62] : [Math.min(190, (W - 30 * (n - 1)) / n), 84];
      boxes.forEach(([name, sub, weights], i) => {
        const x = vertical ? (W - size[0]) / 2 : i * ((W - size[0]) / (n - 1));
        const y = vertical ? i * ((H - size[1] - 4) / (n - 1)) + 2 : 44;
        if (i)
          svg.append(
            vertical
              ? T.svg('path', {
                  class: 'arrow',
                  d: `M${W / 2} ${y - (H - size[1] - 4) / (n - 1) + size[1]}V${y - 3}`,
                })
              : T.svg('path', {
                  class: 'arrow',
                  d: `M${x - ((W - size[0]) / (n - 1) - size[0])} ${y + size[1] / 2}H${x - 3}`,
                }),
          );
        svg.append(
          T.svg('rect', { x, y, width: size[0], height: size[1], rx: 8, class: 'box' }),
          T.svg('text', {
            x: x + size[0] / 2,
            y: y + size[1] / 2 - (vertical ? 9 : 16),
            class: 'name',
            text: name,
          }),
          T.svg('text', {
            x: x + size[0] / 2,
            y: y + size[1] / 2 + (vertical ? 8 : 4),
            class: 'sub',
            text: sub,
          }),
          T.svg('text', {
            x: x + size[0] / 2,
            y: y + size[1] / 2 + (vertical ? 24 : 24),
            class: 'sub mono',
            text: weights,
          }),
        );
      });
      if (!vertical) {
        // From the wire before a part, over it, back to the wire behind it: its output is added there.
        const step = (W - size[0]) / (n - 1),
          wire = 44 + size[1] / 2,
          gap = step - size[0];
        [2, 3].forEach((part) => {
          const from = part * step - gap / 2 - 8,
            to = part * step + size[0] + gap / 2 - 8;
          svg.append(
            T.svg('path', {
              class: 'skipline',
              d: `M${from} ${wire}V36Q${from} 24 ${from + 12} 24H${to - 12}Q${to} 24 ${to} 36V${wire - 8}`,
            }),
            T.svg('circle', { class: 'plus', cx: to, cy: wire, r: 8 }),
            T.svg('path', { class: 'plus', d: `M${to - 4} ${wire}h8M${to} ${wire - 4}v8` }),
          );
        });
        svg.append(
          T.svg('text', {
            x: 2.5 * step + size[0] / 2,
            y: 13,
            class: 'sub',
            text: 'residual stream: each part adds to what came before',
          }),
        );
      }
      parts.stage.append(svg);
      return {
        update() {},
        describe: () => boxes.map((b) => `${b[0]}: ${b[1]}`).join('; ') + '.',
        table: () => ({ head: ['part', 'size', 'weights'], rows: boxes }),
        data: () => ({ shape: s.shape, config: s.config }),
      };
    },
  });
})();
