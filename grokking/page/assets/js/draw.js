// Drawing: elements, colours by meaning, canvases in device pixels, charts with axes.
(function () {
  'use strict';
  const T = window.Timeless;
  const SVG = 'http://www.w3.org/2000/svg';

  function fill(node, attributes, children) {
    for (const name in attributes || {}) {
      const value = attributes[name];
      if (value === null || value === undefined || value === false) continue;
      if (name === 'text') node.textContent = value;
      else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? '' : value);
    }
    (children || []).forEach((child) => child && node.append(child));
    return node;
  }
  T.html = (tag, attributes, children) => fill(document.createElement(tag), attributes, children);
  T.svg = (tag, attributes, children) => fill(document.createElementNS(SVG, tag), attributes, children);

  // Colours come from the style sheet, which Python writes from the films' palette.
  let colours = {};
  T.colour = (name) =>
    (colours[name] =
      colours[name] ||
      getComputedStyle(document.documentElement)
        .getPropertyValue('--' + name)
        .trim());
  T.forgetColours = () => {
    colours = {};
  };

  function channels(hex) {
    return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }
  T.mix = (from, to, share) => {
    const a = channels(from),
      b = channels(to);
    return 'rgb(' + a.map((x, i) => Math.round(x + (b[i] - x) * share)).join(',') + ')';
  };
  // The cyclic map of residues: a phase in turns to a colour.
  T.residue = function (turn) {
    const list = T.page.residues;
    return list[Math.floor((turn - Math.floor(turn)) * list.length) % list.length];
  };

  T.canvas = function (box, width, height) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const node = T.html('canvas', {
      width: Math.round(width * ratio),
      height: Math.round(height * ratio),
      'aria-hidden': 'true',
    });
    node.style.width = width + 'px';
    node.style.aspectRatio = `${width} / ${height}`; // with a height of its own it would be squeezed in print
    box.append(node);
    const ctx = node.getContext('2d');
    ctx.scale(ratio, ratio);
    ctx.lineJoin = 'round';
    const clear = () => ctx.clearRect(0, 0, width, height);
    return { node, ctx, width, height, clear };
  };
  // Letters in pictures grow with the page's own, as the style sheet's do, from a phone to a projector.
  let letter = 12;
  T.measureLetter = () => {
    letter = Math.max(12, 0.7 * parseFloat(getComputedStyle(document.documentElement).fontSize));
  };
  T.letter = () => letter;
  Object.defineProperty(T, 'FONT', {
    get: () =>
      letter.toFixed(2) +
      'px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  });

  T.scale = function (domain, range, log) {
    const map = log ? Math.log10 : (x) => x;
    const [low, high] = domain.map(map);
    const span = high - low || 1;
    const scale = (x) =>
      range[0] + ((map(Math.max(x, log ? 1e-300 : -Infinity)) - low) / span) * (range[1] - range[0]);
    scale.invert = (y) => {
      const v = low + ((y - range[0]) / (range[1] - range[0])) * span;
      return log ? 10 ** v : v;
    };
    scale.domain = domain;
    return scale;
  };
  T.ticks = function (domain, count, log) {
    if (log) {
      const from = Math.ceil(Math.log10(domain[0]) - 1e-9),
        to = Math.floor(Math.log10(domain[1]) + 1e-9);
      const by = Math.max(1, Math.ceil((to - from) / count));
      const out = [];
      for (let i = from; i <= to; i += by) out.push(10 ** i);
      return out;
    }
    const rough = (domain[1] - domain[0]) / count || 1;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= rough * 0.999);
    const out = [];
    for (let i = Math.ceil(domain[0] / step - 1e-9); i * step <= domain[1] + step * 1e-9; i++)
      out.push(Math.abs(i * step) < step * 1e-9 ? 0 : i * step);
    return out;
  };
  T.tickText = (x, log) =>
    log && x !== 1
      ? '10' + T.superscript(Math.round(Math.log10(x)))
      : Math.abs(x) >= 1000
        ? T.count(+x.toPrecision(6))
        : String(+x.toPrecision(6)).replace('-', '−');

  // Axes in an SVG. options: width, height, x and y as {domain, label, log, ticks, format}.
  T.chart = function (box, options) {
    const { width, height } = options;
    const m = Object.assign(
      { left: 4.4 * letter, right: 24, top: 2.8 * letter, bottom: 3.4 * letter },
      options.margin,
    );
    const svg = T.svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
    const x = T.scale(options.x.domain, [m.left, width - m.right], options.x.log);
    const y = T.scale(options.y.domain, [height - m.bottom, m.top], options.y.log);
    const back = T.svg('g', { class: 'axes' });
    const text = (at, axis) => (axis.format ? axis.format(at) : T.tickText(at, axis.log));
    (options.y.ticks || T.ticks(options.y.domain, Math.max(2, height / 60), options.y.log)).forEach((at) =>
      back.append(
        T.svg('line', { x1: m.left, x2: width - m.right, y1: y(at), y2: y(at) }),
        T.svg('text', { x: m.left - 7, y: y(at) + 4, 'text-anchor': 'end', text: text(at, options.y) }),
      ),
    );
    (
      options.x.ticks ||
      T.ticks(options.x.domain, T.clamp((width - m.left - m.right) / 64, 3, 8), options.x.log)
    ).forEach((at) =>
      back.append(
        T.svg('text', {
          x: x(at),
          y: height - m.bottom + 1.4 * letter,
          'text-anchor': 'middle',
          text: text(at, options.x),
        }),
      ),
    );
    back.append(
      T.svg('line', {
        class: 'floor',
        x1: m.left,
        x2: width - m.right,
        y1: height - m.bottom,
        y2: height - m.bottom,
      }),
      T.svg('text', { class: 'label', x: m.left, y: 11, text: options.y.label }),
      T.svg('text', {
        class: 'label',
        x: width - m.right,
        y: height - 5,
        'text-anchor': 'end',
        text: options.x.label,
      }),
    );
    const plot = T.svg('g', {});
    const front = T.svg('g', {});
    svg.append(back, plot, front);
    box.append(svg);
    const inside = { left: m.left, right: width - m.right, top: m.top, bottom: height - m.bottom };
    return {
      svg,
      plot,
      front,
      x,
      y,
      inside,
      line: (xs, ys, name, extra) => {
        const node = T.svg('path', Object.assign({ class: 'line ' + name, d: T.path(xs, ys, x, y) }, extra));
        plot.append(node);
        return node;
      },
    };
  };
  T.path = function (xs, ys, x, y) {
    let pen = 'M',
      d = '';
    for (let i = 0; i < xs.length; i++) {
      if (ys[i] === null || ys[i] === undefined || Number.isNaN(ys[i])) {
        pen = 'M';
        continue;
      }
      d += pen + x(xs[i]).toFixed(1) + ' ' + y(ys[i]).toFixed(1);
      pen = 'L';
    }
    return d;
  };

  // A vertical line at the clock's epoch; clicking or dragging the chart sets the clock.
  T.cursor = function (chart, subject) {
    const line = T.svg('line', { class: 'cursor', y1: chart.inside.top, y2: chart.inside.bottom });
    chart.front.append(line);
    const set = (event) => {
      const box = chart.svg.getBoundingClientRect();
      T.set({ epoch: subject.steps[subject.stepOf(chart.x.invert(event.clientX - box.left))] });
    };
    chart.svg.style.cursor = 'ew-resize';
    chart.svg.style.touchAction = 'pan-y';
    chart.svg.addEventListener('pointerdown', (event) => {
      chart.svg.setPointerCapture(event.pointerId);
      set(event);
    });
    chart.svg.addEventListener('pointermove', (event) => {
      if (event.buttons) set(event);
    });
    return (epoch) => {
      const at = chart.x(epoch);
      line.setAttribute('x1', at);
      line.setAttribute('x2', at);
    };
  };
  // Phases as bands behind the lines of a chart over epochs.
  T.bands = function (chart, subject) {
    subject.phases.forEach(([name, from, to], i) => {
      const left = chart.x(from),
        right = chart.x(to);
      chart.plot.prepend(
        T.svg('rect', {
          class: 'band band' + i,
          x: left,
          width: Math.max(0, right - left),
          y: chart.inside.top,
          height: chart.inside.bottom - chart.inside.top,
        }),
      );
      if (right - left > 0.52 * letter * name.length)
        chart.plot.append(
          T.svg('text', {
            class: 'bandname',
            x: (left + right) / 2,
            y: chart.inside.top - 5,
            'text-anchor': 'middle',
            text: name,
          }),
        );
    });
  };
})();
