// A run as it arrives, made ready: arrays decoded when first used, the clock's steps, lookups by epoch.
(function () {
  'use strict';
  const T = window.Timeless;

  // Half precision by table: 65,536 entries, made once.
  let halves = null;
  function halfTable() {
    if (halves) return halves;
    halves = new Float32Array(65536);
    for (let bits = 0; bits < 65536; bits++) {
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      halves[bits] =
        exponent === 0
          ? sign * fraction * 2 ** -24
          : exponent === 31
            ? fraction
              ? NaN
              : sign * Infinity
            : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    }
    return halves;
  }

  T.unpack = function (record) {
    if (record.values) return record.values; // made in the page
    const text = atob(record.base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    if (record.kind === 'u8') return bytes;
    const words = new DataView(bytes.buffer);
    const length = bytes.length / 2;
    if (record.kind === 'i16') return Int16Array.from({ length }, (_, i) => words.getInt16(2 * i, true));
    if (record.kind !== 'f16')
      throw new Error(`the page's data have an array of kind "${record.kind}"; accepted: u8, i16, f16`);
    const table = halfTable();
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) values[i] = table[words.getUint16(2 * i, true)];
    return values;
  };

  // subject.array('means') is flat; subject.at('means', step) is the slice of one step.
  function Subject(record) {
    Object.assign(this, record);
    this.decoded = {};
  }
  Subject.prototype.array = function (name) {
    if (!this.decoded[name]) this.decoded[name] = T.unpack(this.arrays[name]);
    return this.decoded[name];
  };
  Subject.prototype.at = function (name, step) {
    const size = this.arrays[name].shape.slice(1).reduce((x, y) => x * y, 1);
    return this.array(name).subarray(step * size, (step + 1) * size);
  };
  Subject.prototype.has = function (name) {
    return name in this.arrays;
  };

  // The step whose epoch is nearest: for what is pointed at.
  Subject.prototype.stepOf = function (epoch) {
    let best = 0;
    this.steps.forEach((e, i) => {
      if (Math.abs(e - epoch) < Math.abs(this.steps[best] - epoch)) best = i;
    });
    return best;
  };
  // The first step at or after an epoch: for what holds from then on; the last where none is.
  Subject.prototype.stepFrom = function (epoch) {
    const found = this.steps.findIndex((e) => e >= epoch);
    return found < 0 ? this.steps.length - 1 : found;
  };

  // The last row at or before an epoch, of increasing epochs; the first where all are later.
  T.rowAt = (epochs, epoch) => {
    let row = 0;
    while (row + 1 < epochs.length && epochs[row + 1] <= epoch) row++;
    return row;
  };
  // Rows of the history are rarer than kept weights: what was measured at another epoch than that shown says so.
  T.measuredAt = (epochs, epoch) => {
    const found = epochs[T.rowAt(epochs, epoch)];
    return found === epoch ? '' : ` at epoch ${T.count(found)}`;
  };

  // A logged metric at the last row at or before an epoch; null where there is none.
  Subject.prototype.logged = function (name, epoch) {
    const values = this.history[name];
    return values && values.length ? values[T.rowAt(this.history.epochs, epoch)] : null;
  };
  Subject.prototype.loggedWhen = function (epoch) {
    return T.measuredAt(this.history.epochs, epoch);
  };
  Subject.prototype.phaseAt = function (epoch) {
    const reached = this.phases.filter((span) => epoch >= span[1]);
    return reached.length ? reached[reached.length - 1][0] : null;
  };
  Subject.prototype.lastEpoch = function () {
    return Math.max(this.steps[this.steps.length - 1], this.history.epochs[this.history.epochs.length - 1]);
  };

  // Whether the train split is known; for weights trained elsewhere it often is not.
  Subject.prototype.knowsSplit = function () {
    return Boolean(this.split_sizes);
  };

  // Epochs that the text may link to; null for one that was never reached, or that cannot be known.
  Subject.prototype.moment = function (name) {
    const phase = (wanted) => {
      const span = this.phases.find((s) => s[0] === wanted);
      return span ? span[1] : null;
    };
    return {
      start: 0,
      end: this.steps[this.steps.length - 1],
      grokking: this.story.grokking,
      memorised: this.story.memorised,
      half: this.story.half,
      still: this.story.still_to,
      formation: phase('circuit formation'),
      cleanup: phase('cleanup'),
      hidden: this.hidden ?? null,
    }[name];
  };

  const subjects = {};
  T.subject = function (id) {
    if (!subjects[id])
      subjects[id] = T.load(id).then((record) => {
        subjects[id].ready = new Subject(record);
        return subjects[id].ready;
      });
    return subjects[id];
  };
  T.subjectNow = (id) => (subjects[id] && subjects[id].ready) || null;
  T.current = () => T.subjectNow(T.state.run);
  T.step = () => {
    const s = T.current();
    return s ? s.stepFrom(T.state.epoch === null ? s.lastEpoch() : T.state.epoch) : 0;
  };
})();
