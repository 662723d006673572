// The engine in WebAssembly (grokking/page/wasm): its memory as typed arrays, its calls as methods.
//
// Both engines have the same face: weights, exp_avg, exp_avg_sq and gradient, flat Float32Arrays in the order of
// network.sizes; nUpdates; advance(n, lr, decay), the train losses before each of n updates; lossAndGradient();
// evaluate(), losses and accuracies of train and test pairs, with ``correct`` by pair.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});

  lab.compiled = function (network) {
    const NAMES = [
      ['weights', Float32Array],
      ['gradient', Float32Array],
      ['exp_avg', Float32Array],
      ['exp_avg_sq', Float32Array],
      ['train', Int32Array],
      ['all', Int32Array],
      ['answers', Int32Array],
      ['isTrain', Uint8Array],
      ['correct', Uint8Array],
      ['losses', Float64Array],
      ['sums', Float64Array],
    ];
    const MOST_UPDATES = 1024;

    // bytes: of the module. Throws where the browser has no SIMD.
    function Compiled(bytes) {
      this.calls = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    }
    // Starts afresh: all memory is that of the new network.
    Compiled.prototype.open = function (settings) {
      const s = (this.shape = network.shape(settings));
      const found = network.pairs(settings);
      this.nTrain = found.train.length;
      this.calls.set_up(s.p, s.d_model, s.n_heads, s.d_mlp, this.nTrain);
      const n = s.p * s.p;
      const lengths = { train: this.nTrain, all: n, answers: n, isTrain: n, correct: n };
      Object.assign(lengths, { losses: MOST_UPDATES, sums: 4 });
      NAMES.forEach(([name, Kind], what) => {
        const length = lengths[name] || network.total(s);
        this[name] = new Kind(this.calls.memory.buffer, this.calls.where(what), length);
      });
      ['train', 'all', 'answers', 'isTrain'].forEach((name) => this[name].set(found[name]));
      this.weights.set(network.initial(s, settings.seed));
      this.nUpdates = 0;
      return this;
    };
    Compiled.prototype.continueFrom = function (nUpdates) {
      this.nUpdates = nUpdates;
      this.calls.continue_from(nUpdates);
    };
    // Bytes of memory that networks have taken so far, which a smaller one leaves as they are.
    Compiled.prototype.memory = function () {
      return this.calls.memory.buffer.byteLength;
    };
    Compiled.prototype.advance = function (n, lr, decay) {
      this.calls.advance(n, lr, decay);
      this.nUpdates += n;
      return this.losses.slice(0, n);
    };
    Compiled.prototype.lossAndGradient = function () {
      return this.calls.gradient();
    };
    Compiled.prototype.evaluate = function () {
      this.calls.evaluate();
      const [train_loss, test_loss, train, test] = this.sums;
      const nTest = this.all.length - this.nTrain;
      return { train_loss, test_loss, train_acc: train / this.nTrain, test_acc: test / nTest };
    };
    return Compiled;
  };
})();
