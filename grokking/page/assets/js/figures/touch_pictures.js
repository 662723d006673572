// What "Touch the circuit" draws: losses and shares in numbers, the map of pairs, attention and bars of one pair.
(function () {
  'use strict';
  const T = window.Timeless;
  const draw = (T.touch = {});

  // parted: [key, name, colour] of what is counted apart; rows: [name, {part: {loss, accuracy}}].
  draw.numbers = function (box, rows, parted) {
    const cell = (text, tag) => T.html(tag || 'td', { text });
    const line = ([name, r]) =>
      T.html('tr', {}, [
        cell(name, 'th'),
        ...parted.flatMap(([part]) =>
          r[part] ? [cell(T.show(r[part].loss)), cell(T.percent(r[part].accuracy))] : [cell('–'), cell('–')],
        ),
      ]);
    const head = T.html('thead', {}, [
      T.html('tr', {}, [
        cell('', 'td'),
        ...parted.flatMap(([, name]) => [`${name} loss`, `${name} right`]).map((t) => cell(t, 'th')),
      ]),
    ]);
    const bars = parted.map(([part, called, colour]) =>
      T.html('div', { class: 'meters' }, [
        T.html('span', { class: 'choicelabel', text: `${called} pairs answered right` }),
        ...rows.map(([name, r]) => {
          const share = r[part] ? r[part].accuracy : 0;
          const bar = T.html('b', { class: 'bg-' + colour });
          bar.style.width = 100 * share + '%';
          return T.html('div', { class: 'meter' }, [
            T.html('span', { text: name }),
            T.html('i', {}, [bar]),
            T.html('em', { text: T.percent(r[part] ? share : null) }),
          ]);
        }),
      ]),
    );
    box.replaceChildren(
      ...bars,
      T.html(
        'div',
        { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Losses and accuracies' },
        [T.html('table', { class: 'live' }, [head, T.html('tbody', {}, rows.map(line))])],
      ),
    );
  };

  // right, trained: 0 or 1 for each of the n² pairs.
  draw.map = function (c, n, right, trained, parted) {
    const heat = document.createElement('canvas');
    heat.width = heat.height = n;
    const ctx = heat.getContext('2d');
    const image = ctx.createImageData(n, n);
    const rgb = (name) => T.mix(T.colour(name), T.colour(name), 0).match(/\d+/g).map(Number);
    const colours = [rgb('test'), rgb('train')],
      wrong = rgb('background');
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const pair = i * n + j;
        const [r, g, b] = right[pair] ? colours[trained[pair]] : wrong;
        image.data.set([r, g, b, 255], 4 * ((n - 1 - i) * n + j));
      }
    ctx.putImageData(image, 0, 0);
    c.clear();
    c.ctx.imageSmoothingEnabled = false;
    c.ctx.drawImage(heat, 0, 0, c.width, c.width);
    c.ctx.strokeStyle = T.colour('faint');
    c.ctx.strokeRect(0.5, 0.5, c.width - 1, c.width - 1);
    parted.forEach(([, name, colour], i) => {
      T.readout(c.ctx, i ? name : `right: ${name}`, 94 * i + 14, c.width + 15);
      c.ctx.fillStyle = T.colour(colour);
      c.ctx.fillRect(94 * i, c.width + 6, 10, 10);
    });
    c.ctx.fillStyle = T.colour('muted');
    c.ctx.textAlign = 'right';
    c.ctx.fillText('b →   ↑ a', c.width, c.width + 15);
  };

  // heads: for each, the weights of a, of b and of the operation.
  draw.attention = function (ctx, heads, x0, width, height) {
    let at = x0;
    [
      ['mean', 'on a'],
      ['sine', 'on b'],
      ['other_frequency', 'on the operation'],
    ].forEach(([name, text]) => {
      ctx.fillStyle = T.colour(name);
      ctx.fillRect(at, 3, 9, 9);
      T.readout(ctx, text, at + 13, 12);
      at += 22 + ctx.measureText(text).width;
    });
    const wide = (width - 8) / heads.length;
    heads.forEach((weights, h) => {
      const names = ['mean', 'sine', 'other_frequency'];
      let y = 22;
      weights.forEach((w, i) => {
        ctx.fillStyle = T.colour(names[i]);
        ctx.fillRect(x0 + h * wide, y, wide - 6, w * height);
        y += w * height;
      });
      ctx.fillStyle = T.colour('muted');
      ctx.textAlign = 'center';
      ctx.fillText(wide > 44 ? `head ${h}` : String(h), x0 + (h + 0.5) * wide - 3, 22 + height + 14);
    });
  };

  draw.bars = function (ctx, x0, y0, x1, height, values, colour, label, best, right) {
    const low = Math.min(0, ...values),
      high = Math.max(1e-9, ...values);
    const y = T.scale([low, high], [y0 + height, y0 + 16]);
    const wide = (x1 - x0) / values.length;
    T.readout(ctx, label, x0, y0);
    values.forEach((v, i) => {
      ctx.fillStyle = T.colour(
        i === best ? (best === right ? 'samples' : 'test') : i === right ? 'ink' : colour,
      );
      ctx.fillRect(
        x0 + i * wide,
        Math.min(y(v), y(0)),
        Math.max(0.7, wide - 0.6),
        Math.max(0.5, Math.abs(y(v) - y(0))),
      );
    });
  };
})();
