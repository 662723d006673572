// The laboratory's live pictures: curves, ring, spectrum and the field of pairs.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});
  const MOST_POINTS = 300; // of a curve on the screen

  const thinned = (rows) => {
    const every = Math.ceil(rows.length / MOST_POINTS);
    return every > 1 ? rows.filter((_, i) => i % every === 0 || i === rows.length - 1) : rows;
  };
  const rounded = (epochs) => {
    const unit = 10 ** Math.floor(Math.log10(Math.max(epochs, 100)));
    return Math.ceil(Math.max(epochs, 100) / (unit / 2)) * (unit / 2);
  };

  // lists: of {rows, kind}; kind is "first", "second" or "earlier". Draws three charts into a box.
  lab.drawCharts = function (box, lists) {
    const drawn = lists.map(({ rows, kind }) => ({ rows: thinned(rows), kind }));
    const last = rounded(
      Math.max(...drawn.map(({ rows }) => (rows.length ? rows[rows.length - 1].epoch : 0))),
    );
    const columns = getComputedStyle(box).gridTemplateColumns.split(' ');
    const width = Math.max(200, Math.floor(parseFloat(columns[0]) || 320));
    const losses = drawn.flatMap(({ rows }) =>
      rows.map((r) => r.train_loss).concat(rows.map((r) => r.test_loss)),
    );
    const norms = drawn.flatMap(({ rows }) => rows.map((r) => r.weight_norm));
    const panels = [
      { y: { domain: [0, 1], label: 'accuracy' }, lines: ['train_acc', 'test_acc'] },
      { y: { domain: T.lossDomain([losses]), label: 'loss', log: true }, lines: ['train_loss', 'test_loss'] },
      {
        y: { domain: [0, 1.1 * Math.max(1, ...norms)], label: 'norm of all weights' },
        lines: ['weight_norm'],
      },
    ];
    box.replaceChildren();
    panels.forEach(({ y, lines }) => {
      const cell = T.html('div', {});
      box.append(cell);
      const x = { domain: [0, last], label: 'epoch', ticks: T.ticks([0, last], 3) };
      const chart = T.chart(cell, { width, height: 190, x, y });
      drawn.forEach(({ rows, kind }) =>
        lines.forEach((name) => {
          const colour = name.startsWith('train') ? 'train' : name.startsWith('test') ? 'test' : 'norm';
          chart.line(
            rows.map((r) => r.epoch),
            rows.map((r) => r[name]),
            kind === 'earlier' ? 'thin' : `${colour} ${kind}`,
          );
        }),
      );
    });
  };

  // Number tokens in group order: for multiplication the powers of a primitive root.
  lab.members = function (settings) {
    const { task, p } = settings;
    return task === 'mul' ? T.maths.powers(p).powers : [...Array(p).keys()];
  };

  // The embedding on its strongest frequency. previous: the frequency shown until now, kept unless beaten clearly.
  lab.ring = function (W_E, settings, previous) {
    const order = lab.members(settings);
    const n = order.length,
      d = settings.width;
    const values = T.maths.centred(W_E, order, d);
    const shares = T.maths.shares(values, n, d);
    let k = 1;
    shares.forEach((share, i) => {
      if (2 * (i + 1) < n && share > shares[k - 1]) k = i + 1;
    });
    if (previous && shares[previous - 1] > 0.8 * shares[k - 1]) k = previous;
    const points = T.maths.project(values, n, d, T.maths.plane(values, n, d, k));
    return { n, k, shares, points, circularity: T.maths.circularity(points) };
  };

  lab.drawRing = function (canvas, found, reach) {
    const { n, k, points } = found;
    T.drawCircle(canvas, points, reach, { order: T.phaseOrder(n, k), turn: (i) => ((k * i) % n) / n });
  };
  lab.reach = (points) => {
    let reach = 0;
    for (let i = 0; i < points.length; i += 2) reach = Math.max(reach, Math.hypot(points[i], points[i + 1]));
    return reach;
  };

  lab.drawSpectrum = function (canvas, found) {
    const { ctx, width, height } = canvas;
    const { shares } = found;
    const top = Math.max(...shares);
    const floor = height - 18,
      step = (width - 8) / shares.length;
    canvas.clear();
    shares.forEach((share, i) => {
      ctx.fillStyle = T.colour(share > 0.5 * top ? 'key_frequency' : 'other_frequency');
      const bar = (share / top) * (floor - 16);
      ctx.fillRect(4 + i * step, floor - bar, Math.max(1, step * 0.72), bar);
    });
    T.readout(ctx, `largest ${T.percent(top)}`, 4, 11);
    T.readout(ctx, 'frequency 1', 4, height - 3);
    T.readout(ctx, String(shares.length), width - 4, height - 3, 'right');
  };

  // Four states of a pair, by index 2 · trained + right.
  lab.STATES = [
    ['test', 0.28, 'test, wrong'],
    ['test', 1, 'test, right'],
    ['train', 0.28, 'train, wrong'],
    ['train', 1, 'train, right'],
  ];
  lab.stateColour = ([name, share]) => T.mix(T.colour('background'), T.colour(name), share);

  lab.drawField = function (canvas, p, isTrain, correct) {
    const { ctx, width } = canvas;
    const colours = lab.STATES.map((state) => lab.stateColour(state).match(/\d+/g).map(Number));
    const counts = [0, 0, 0, 0];
    const image = new ImageData(p, p);
    for (let pair = 0; pair < p * p; pair++) {
      const state = 2 * isTrain[pair] + correct[pair];
      counts[state] += 1;
      image.data.set([...colours[state], 255], 4 * pair);
    }
    const small = (canvas.small = canvas.small || document.createElement('canvas'));
    small.width = small.height = p;
    small.getContext('2d').putImageData(image, 0, 0);
    ctx.imageSmoothingEnabled = false;
    canvas.clear();
    ctx.drawImage(small, 0, 0, width, width);
    return counts;
  };
})();
