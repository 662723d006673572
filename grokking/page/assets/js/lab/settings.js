// The settings of a run in the laboratory: defaults, bounds, and the words for what lies outside them.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});

  lab.DEFAULTS = {
    task: 'add',
    p: 59,
    fraction: 0.4,
    width: 64,
    seed: 0,
    until: 3000,
    decay: 1,
    lr: 0.002,
    beside: false,
  };
  lab.CHOICES = {
    task: [
      ['add', 'a + b'],
      ['mul', 'a · b'],
    ],
    p: [
      11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
      113,
    ].map((p) => [p, String(p)]),
    width: [16, 32, 64, 128].map((width) => [width, String(width)]),
  };
  // Of every number: its name in words, the least and the largest, and whether it is whole.
  lab.BOUNDS = {
    fraction: ['Train fraction', 0.05, 0.95, false],
    seed: ['Seed', 0, 2 ** 31 - 1, true],
    until: ['Epochs', 10, 100000, true],
    decay: ['Weight decay', 0, 20, false],
    lr: ['Learning rate', 0.00001, 1, false],
  };

  // {value} of a text, or {problem} in words.
  lab.read = function (name, text) {
    const [words, low, high, whole] = lab.BOUNDS[name];
    const typed = text.trim().replace(',', '.');
    const value = Number(typed);
    const form = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(typed);
    if (form && value >= low && value <= high && (!whole || Number.isInteger(value))) return { value };
    const kind = whole ? 'a whole number' : 'a number';
    return { problem: `${words} is “${text.slice(0, 20)}”; give ${kind} from ${low} to ${high}.` };
  };

  // Settings read from a file, each checked as if it had been typed; throws an Error in words.
  lab.checked = function (settings) {
    const found = { ...lab.DEFAULTS };
    for (const name in lab.CHOICES) {
      if (!lab.CHOICES[name].some(([value]) => value === settings[name]))
        throw new Error(
          `its ${name} is ${String(settings[name]).slice(0, 20)}, which the laboratory does not offer`,
        );
      found[name] = settings[name];
    }
    for (const name in lab.BOUNDS) {
      if (settings[name] === undefined) continue;
      const { value, problem } = lab.read(name, String(settings[name]));
      if (problem) throw new Error(problem);
      found[name] = value;
    }
    return found;
  };
  lab.describe = (s) =>
    `${s.task === 'mul' ? 'a · b' : 'a + b'} mod ${s.p}, fraction ${s.fraction}, width ${s.width}, seed ${s.seed}`;
})();
