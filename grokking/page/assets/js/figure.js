// The frame around every figure: title, stage, controls, caption, how to read, table, data, provenance.
//
//     T.figure('circle', { title, units, caption, read, needs, source, build })
//
// needs(subject) is null, or why this run cannot show the figure and which command helps.  build(parts,
// subject) draws into parts.stage and parts.tools once per run, theme and width, and returns
// { update(state, step), describe(step), table(step), data(step) }. Who computes after update has returned calls
// parts.rested() for the words and the table to follow, and may say with ready() whether there is a picture yet.
(function () {
  'use strict';
  const T = window.Timeless;
  const figures = (T.figures = {});
  T.figure = (id, options) => {
    figures[id] = options;
  };

  function shell(node, id, options) {
    const part = {};
    part.stage = T.html('div', {
      class: 'stage',
      role: options.interactive ? 'group' : 'img',
      'aria-label': options.title,
    });
    part.tools = T.html('div', { class: 'tools' });
    part.caption = T.html('p', { class: 'caption' });
    part.reading = T.html('details', { class: 'read', open: Boolean(options.open) }, [
      T.html('summary', { text: 'How to read it' }),
      T.html('p', { text: options.read }),
    ]);
    part.tableBox = T.html('div', {
      class: 'scroll',
      tabindex: '0',
      role: 'group',
      'aria-label': 'Table: ' + options.title,
    });
    part.table = T.html('details', { class: 'astable' }, [
      T.html('summary', { text: 'As a table' }),
      part.tableBox,
    ]);
    part.words = T.html('p', { class: 'provenance' });
    part.download = T.html('button', { type: 'button', class: 'quiet', text: 'Download the data (JSON)' });
    part.source = T.html('details', {}, [
      T.html('summary', { text: 'Where it comes from' }),
      part.words,
      part.download,
    ]);
    part.more = T.html('div', { class: 'more' }, [part.reading, part.table, part.source]);
    node.append(
      T.html('h3', { id: id + '-title', text: options.title }),
      part.tools,
      part.stage,
      T.html('figcaption', {}, [part.caption, part.more]),
    );
    node.setAttribute('aria-labelledby', id + '-title');
    return part;
  }

  T.provenance = function (subject) {
    const c = subject.config;
    const commit = subject.commit ? `commit ${subject.commit}` : 'commit not recorded';
    const recorded = subject.recorded
      ? ' Recorded copy: weights of some epochs, rounded to half precision.'
      : '';
    return `Run ${subject.run}, ${subject.symbol} mod ${subject.p}, seed ${c.seed ?? 'unknown'}, ${commit}. Made by: ${subject.command || 'a command that was not recorded'}.${recorded}`;
  };

  function table(content) {
    const row = (cells, tag) =>
      T.html(
        'tr',
        {},
        cells.map((cell) =>
          T.html(tag, {
            text:
              typeof cell === 'number' ? T.show(cell, 4) : cell === null || cell === undefined ? '–' : cell,
          }),
        ),
      );
    return T.html('table', {}, [
      T.html('thead', {}, [row(content.head, 'th')]),
      T.html(
        'tbody',
        {},
        content.rows.map((cells) => row(cells, 'td')),
      ),
    ]);
  }

  function save(name, record) {
    const url = URL.createObjectURL(new Blob([JSON.stringify(record)], { type: 'application/json' }));
    T.html('a', { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  class Mounted {
    constructor(node) {
      this.id = node.dataset.figure;
      this.options = figures[this.id];
      this.node = node;
      this.part = shell(node, 'fig-' + this.id, this.options);
      this.visible = false;
      this.subject = null;
      this.part.table.addEventListener('toggle', () => this.refreshTable());
      this.part.download.addEventListener(
        'click',
        () =>
          this.drawn &&
          save(
            this.subject.id + '-' + this.id + '.json',
            Object.assign(
              {
                figure: this.id,
                provenance: T.provenance(this.subject),
                epoch: this.subject.steps[this.step()],
              },
              this.drawn.data(this.step()),
            ),
          ),
      );
    }
    step() {
      return this.subject === T.current() || !this.subject
        ? T.step()
        : this.subject.stepOf(T.step.share(this.subject));
    }
    async show() {
      const wanted = this.options.source ? this.options.source() : T.state.run;
      const stamp = [
        wanted,
        T.theme(),
        this.part.stage.clientWidth,
        this.options.rebuild ? this.options.rebuild(T.state) : '',
      ].join('|');
      if (stamp !== this.stamp) {
        this.stamp = stamp;
        const subject = wanted ? await T.subject(wanted) : T.current();
        if (stamp !== this.stamp || !subject) return;
        this.build(subject);
      }
      if (this.drawn) this.update();
    }
    build(subject) {
      const { part, options } = this;
      this.subject = subject;
      this.drawn = null;
      part.stage.replaceChildren();
      part.tools.replaceChildren();
      const missing = options.needs ? options.needs(subject) : null;
      this.node.classList.toggle('absent', Boolean(missing));
      part.more.hidden = Boolean(missing);
      part.caption.textContent =
        missing || (typeof options.caption === 'function' ? options.caption(subject) : options.caption);
      part.stage.setAttribute('aria-label', missing || options.title);
      part.words.textContent = options.provenance ? options.provenance() : T.provenance(subject);
      if (!missing)
        this.drawn = options.build(
          { stage: part.stage, tools: part.tools, width: part.stage.clientWidth, rested: () => this.rest() },
          subject,
        );
    }
    update() {
      const step = this.step();
      this.drawn.update(T.state, step);
      clearTimeout(this.later); // words and tables follow when the clock rests
      this.later = setTimeout(() => this.rest(), 120);
    }
    ready() {
      return !this.drawn || !this.drawn.ready || this.drawn.ready();
    }
    rest() {
      if (!this.drawn) return;
      this.part.stage.setAttribute(
        'aria-label',
        this.options.title + '. ' + this.drawn.describe(this.step()),
      );
      this.refreshTable();
    }
    refreshTable() {
      if (this.part.table.open && this.drawn)
        this.part.tableBox.replaceChildren(table(this.drawn.table(this.step())));
    }
  }

  // The clock's place in another run: the same share of its steps.
  T.step.share = function (subject) {
    const now = T.current();
    if (now && now.run === subject.run) return now.steps[T.step()];
    const share = now ? T.step() / (now.steps.length - 1) : 1;
    return subject.steps[Math.round(share * (subject.steps.length - 1))];
  };

  T.mountAll = function () {
    T.measureLetter();
    const all = [...document.querySelectorAll('figure[data-figure]')].map((node) => new Mounted(node));
    const watch = new IntersectionObserver(
      (entries) =>
        entries.forEach((entry) => {
          const mounted = all.find((m) => m.node === entry.target);
          mounted.visible = entry.isIntersecting;
          if (mounted.visible) mounted.show();
        }),
      { rootMargin: '120px 0px' },
    );
    all.forEach((m) => watch.observe(m.node));
    T.refresh = () =>
      all.forEach((m) => {
        if (m.visible) m.show();
      });
    T.listen(T.refresh);
    let resizing = 0;
    window.addEventListener('resize', () => {
      clearTimeout(resizing);
      resizing = setTimeout(() => {
        T.measureLetter();
        T.refresh();
      }, 120);
    });
    // On paper nothing scrolls into view, and nothing is waited for: other runs are there by then, and a figure
    // that still computes is left out.
    T.whenIdle(() =>
      all.forEach((m) => m.options.source && m.options.source() && T.subject(m.options.source())),
    );
    window.addEventListener('beforeprint', () =>
      all.forEach(async (m) => {
        await m.show();
        m.node.classList.toggle('unready', !m.ready());
      }),
    );
    T.mounted = all;
  };

  // Buttons of which one is chosen; sets a field of the state.
  T.choice = function (label, field, options) {
    const buttons = options.map(([value, text]) =>
      T.html('button', {
        type: 'button',
        text,
        'data-value': String(value),
        onclick: () => T.set({ [field]: value }),
      }),
    );
    const node = T.html('div', { class: 'choice', role: 'group', 'aria-label': label }, [
      T.html('span', { class: 'choicelabel', text: label }),
      ...buttons,
    ]);
    node.refresh = () =>
      buttons.forEach((b) =>
        b.setAttribute('aria-pressed', String(b.dataset.value === String(T.state[field]))),
      );
    node.refresh();
    return node;
  };
  T.legend = (items) =>
    T.html(
      'div',
      { class: 'legend' },
      items.map(([name, text, kind]) =>
        T.html('span', {}, [
          T.html('i', { class: 'swatch ' + (kind || 'solid') + ' bg-' + name }),
          document.createTextNode(text),
        ]),
      ),
    );
})();
