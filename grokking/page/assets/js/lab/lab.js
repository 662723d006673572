// The laboratory: settings, buttons and what happens when they are used.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});
  const part = (name) => lab.section.querySelector(`[data-lab=${name}]`);
  const field = (name) => part('settings').elements[name];
  const FIXED = ['task', 'p', 'fraction', 'width', 'seed', 'beside'];
  const LIVE = ['decay', 'lr', 'until'];

  const own = (lab.own = { runs: [], earlier: [], resume: false, epoch: null, loaded: null });

  lab.say = function (words, problem) {
    part('says').textContent = words;
    part('says').classList.toggle('problem', Boolean(problem));
  };

  function show(settings) {
    for (const name in settings) {
      if (!field(name)) continue;
      if (name === 'beside') field(name).checked = settings[name];
      else field(name).value = String(settings[name]);
      field(name).removeAttribute('aria-invalid');
    }
  }

  // The settings in the form; null, with words, where one of them is out of bounds.
  function read() {
    const found = { beside: field('beside').checked, task: field('task').value };
    for (const name of ['p', 'width']) found[name] = Number(field(name).value);
    let problem = null;
    for (const name in lab.BOUNDS) {
      const answer = lab.read(name, field(name).value);
      field(name).setAttribute('aria-invalid', String(Boolean(answer.problem)));
      problem = problem || answer.problem;
      found[name] = answer.value;
    }
    const pairs = found.p * found.p;
    if (!problem && (Math.floor(found.fraction * pairs) < 1 || Math.floor(found.fraction * pairs) >= pairs))
      problem = 'The train fraction leaves no pair to train or none to test; give another.';
    if (problem) lab.say(problem, true);
    return problem ? null : found;
  }

  const running = () => own.runs.some((run) => run.running);

  function follow() {
    part('start').textContent = running()
      ? 'Pause'
      : own.runs.some((run) => run.epoch > 0)
        ? 'Continue'
        : 'Start';
    FIXED.forEach((name) => {
      field(name).disabled = running();
    });
    own.runs.forEach((run) =>
      run.node.querySelectorAll('button').forEach((button) => {
        button.disabled = running() || run.rows.length < 2;
      }),
    );
  }

  function chart() {
    const kinds = ['first', 'second'];
    const lists = own.earlier.map((rows) => ({ rows, kind: 'earlier' }));
    own.runs.forEach((run, i) => lists.push({ rows: run.rows, kind: kinds[i] }));
    lab.drawCharts(part('charts'), lists);
    const speeds = own.runs.map((run) => run.speed).filter(Boolean);
    const engine = own.runs[0] && own.runs[0].kind ? ` · ${own.runs[0].kind}` : '';
    part('speed').textContent = speeds.length
      ? `${speeds.map((speed) => speed.toFixed(0)).join(' and ')} epochs/s${engine}`
      : '';
    const words = own.runs.map((run, i) => `${own.runs.length > 1 ? title(i) + ': ' : ''}${run.words()}`);
    part('caption').textContent = words.join('. ');
    part('charts').setAttribute('aria-label', `Accuracy, loss and weight norm. ${words.join('. ')}`);
  }
  let asked = 0;
  const draw = () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(chart);
  };

  const title = (i) => (i === 0 ? `Weight decay ${own.runs[0].settings.decay}` : 'Weight decay 0 (dashed)');
  function actions(run) {
    const button = (text, onclick) => T.html('button', { type: 'button', text, onclick });
    return [
      button('Show it in the figures above', () => lab.adopt(run)),
      button('Save', () => lab.save(run)),
    ];
  }
  function build() {
    part('runs').classList.toggle('two', own.runs.length > 1);
    own.runs.forEach((run, i) =>
      run.build(own.runs.length > 1 ? title(i) : lab.describe(run.settings), actions(run)),
    );
    follow();
    draw();
  }

  function heard(run, message) {
    if (message.type === 'failed') lab.say(`The run stopped: ${message.why}.`, true);
    if (message.type === 'diverged')
      lab.say(
        `This run diverged: at epoch ${T.count(message.at)} its loss was ${Number.isFinite(message.loss) ? T.show(message.loss) : 'no longer a finite number'}. The last good state, of epoch ${T.count(message.good)}, is kept. Lower the learning rate or the decay, then Continue from there, or Rewind.`,
        true,
      );
    if (message.type === 'opened') build();
    if (message.type === 'paused' && !running()) finished();
    follow();
    draw();
  }
  function finished() {
    const ended = own.runs.every((run) => run.epoch >= run.settings.until);
    if (ended && !own.runs.some((run) => run.diverged))
      lab.say(
        'All epochs are done. Raise “Epochs” to go on, or Rewind to train again from the same first weights.',
      );
  }

  // One run or two from the settings, at epoch 0, or where a saved run left off.
  function open(settings, from) {
    const wanted = settings.beside && !from ? 2 : 1;
    while (own.runs.length > wanted) own.runs.pop().close();
    while (own.runs.length < wanted) {
      const run = new lab.Run(heard);
      own.runs.push(run);
      part('runs').append(run.node);
    }
    own.runs[0].open(settings, from);
    if (wanted > 1) own.runs[1].open({ ...settings, decay: 0 });
  }

  function start() {
    if (running()) {
      own.runs.forEach((run) => run.tell({ type: 'pause' }));
      return;
    }
    const settings = read();
    if (!settings) return;
    if (!own.runs.length) open(settings);
    if (own.runs.every((run) => run.epoch >= settings.until)) {
      lab.say(`Epoch ${T.count(settings.until)} is reached. Raise “Epochs” to go on, or Rewind.`);
      return;
    }
    live();
    own.runs.forEach((run) => run.run());
    follow();
  }

  function rewind() {
    const settings = read();
    if (!settings) return;
    const same = own.runs.length && lab.describe(own.runs[0].settings) === lab.describe(settings);
    own.earlier = same && own.runs[0].rows.length > 1 ? [own.runs[0].rows] : [];
    lab.say(
      own.earlier.length ? 'Back at the same first weights. The earlier curves stay as thin lines.' : '',
    );
    open(settings);
  }

  function reset() {
    show(lab.DEFAULTS);
    own.earlier = [];
    lab.say('');
    open({ ...lab.DEFAULTS });
  }

  // Decay, learning rate and length may change while it trains; the second run keeps its decay of 0.
  function live() {
    const settings = read();
    if (!settings || !own.runs.length) return;
    own.runs.forEach((run, i) => {
      const decay = i === 0 ? settings.decay : 0;
      if (run.settings.lr !== settings.lr || run.settings.decay !== decay)
        run.tell({ type: 'change', lr: settings.lr, decay });
      run.tell({ type: 'until', epochs: settings.until });
      Object.assign(run.settings, { lr: settings.lr, decay, until: settings.until });
      run.diverged = null; // with other settings it may go on from its last good state
      if (own.runs.length > 1) run.node.querySelector('h4').textContent = title(i);
    });
    lab.say('');
  }

  async function load(event) {
    const file = event.target.files[0];
    event.target.value = '';
    if (!file) return;
    try {
      const { settings, from } = await lab.opened(file);
      const all = { ...settings, until: Math.max(settings.until, from.epoch) };
      show(all);
      own.earlier = [];
      open(all, from);
      lab.say(
        `${file.name} is open at epoch ${T.count(from.epoch)}. Raise “Epochs” and press Continue to go on.`,
      );
    } catch (error) {
      lab.say(`${file.name} cannot be opened: ${error.message}.`, true);
    }
  }

  function hide() {
    if (document.hidden) {
      own.resume = running();
      own.runs.forEach((run) => run.tell({ type: 'pause' }));
      if (own.resume) lab.say('Paused while this tab was hidden.');
    } else if (own.resume) {
      own.resume = false;
      own.runs.filter((run) => !run.diverged).forEach((run) => run.run());
      lab.say('');
      follow();
    }
  }

  // Called once the page is ready; a Worker starts only when the section comes into view.
  lab.mount = function (section) {
    lab.section = section;
    for (const name in lab.CHOICES)
      field(name).append(...lab.CHOICES[name].map(([value, text]) => T.html('option', { value, text })));
    part('legend').append(
      T.legend([
        ['train', 'train pairs'],
        ['test', 'test pairs'],
      ]),
    );
    show(lab.DEFAULTS);
    part('settings').addEventListener('submit', (event) => event.preventDefault());
    FIXED.forEach((name) => field(name).addEventListener('change', rewind));
    LIVE.forEach((name) => field(name).addEventListener('change', live));
    part('start').addEventListener('click', start);
    part('rewind').addEventListener('click', rewind);
    part('reset').addEventListener('click', reset);
    part('load').addEventListener('change', load);
    document.addEventListener('visibilitychange', hide);
    let theme = T.theme();
    T.listen(() => {
      if (theme === T.theme()) return;
      theme = T.theme();
      if (own.runs.length) setTimeout(build, 0); // once the colours are those of the new theme
    });
    let resizing = 0;
    window.addEventListener('resize', () => {
      clearTimeout(resizing);
      resizing = setTimeout(() => own.runs.length && build(), 150);
    });
    const seen = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting) || own.runs.length) return;
        seen.disconnect();
        open({ ...lab.DEFAULTS });
      },
      { rootMargin: '200px 0px' },
    );
    seen.observe(section);
  };
})();
