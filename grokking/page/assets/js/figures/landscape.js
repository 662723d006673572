// Next to the particles of the sandbox: the potential that one of them feels, and traces of energy, order, entropy.
(function () {
  'use strict';
  const T = window.Timeless;
  const REACH = 2.2; // the largest distance drawn

  T.drawLandscape = function (canvas, w) {
    canvas.clear();
    const { height } = canvas;
    drawWell(canvas, w, 0, height * 0.46);
    drawTraces(canvas, w, height * 0.54, height);
  };

  function drawWell({ ctx, width }, w, top, bottom) {
    const B = T.sandbox;
    const [re, im] = B.magnet(w.z, w.n, w.k);
    const anchor = Math.hypot(w.anchors[0], w.anchors[1]);
    const pull = Math.hypot(re, im);
    const v = (r) => B.potential(r, anchor, w.decay, pull);
    const radii = Array.from({ length: 121 }, (_, i) => (REACH * i) / 120);
    const values = radii.map(v);
    const x = T.scale([0, REACH], [8, width - 8]);
    const y = T.scale([Math.min(-1.4, ...values), Math.max(1, ...values)], [bottom - 20, top + 22]);
    ctx.strokeStyle = T.colour('faint');
    ctx.beginPath();
    ctx.moveTo(8, y(0));
    ctx.lineTo(width - 8, y(0));
    ctx.stroke();
    ctx.strokeStyle = T.colour('sine');
    ctx.lineWidth = 2;
    ctx.beginPath();
    radii.forEach((r, i) => (i ? ctx.lineTo(x(r), y(values[i])) : ctx.moveTo(x(r), y(values[i]))));
    ctx.stroke();
    const r = Math.min(REACH, Math.hypot(w.z[0], w.z[1]));
    ctx.fillStyle = T.colour('ink');
    ctx.beginPath();
    ctx.arc(x(r), y(v(r)) - 6, 5.5, 0, 7);
    ctx.fill();
    T.readout(ctx, 'what the ringed particle feels', 8, top + 12);
    ctx.fillStyle = T.colour('muted');
    ctx.textAlign = 'right';
    ctx.fillText('distance from the centre →', width - 8, bottom - 4);
    ctx.textAlign = 'center';
    if (w.decay < 1) ctx.fillText('its well', x(anchor), y(v(anchor)) + 18);
  }

  function drawTraces({ ctx, width }, w, top, bottom) {
    const B = T.sandbox;
    const rows = [
      ['E', 'key_frequency', (point) => B.energyOf(point, w.decay), null],
      ['Ψ', 'mean', (point) => point.order, [0, 1]],
      ['S', 'null', (point) => point.entropy, [0, 1]],
    ];
    const tall = (bottom - top) / rows.length;
    const last = Math.max(1, w.moves);
    const x = T.scale([0, last], [34, width - 8]);
    rows.forEach(([name, colour, value, domain], row) => {
      const y0 = top + row * tall;
      const values = w.trace.map(value);
      const range = domain || [Math.min(-0.9, ...values) - 0.05, Math.max(-0.5, ...values) + 0.05];
      const y = T.scale(range, [y0 + tall - 8, y0 + 6]);
      T.readout(ctx, name, 8, y0 + tall / 2 + 4);
      ctx.strokeStyle = T.colour('faint');
      ctx.lineWidth = 1;
      ctx.strokeRect(34, y0 + 2, width - 42, tall - 6);
      ctx.strokeStyle = T.colour(colour);
      ctx.lineWidth = 1.8;
      ctx.beginPath();
      w.trace.forEach((point, i) =>
        i ? ctx.lineTo(x(point.moves), y(values[i])) : ctx.moveTo(x(point.moves), y(values[i])),
      );
      ctx.stroke();
    });
  }
})();
