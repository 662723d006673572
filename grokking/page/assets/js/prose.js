// The prose says of the run on show what holds of it: sentences by kind of run, numbers, links to moments.
//
//     data-when="plateau gradual"  shown for runs that tell one of these stories (grokking/page/story.py)
//     data-if="hidden"             shown where the fact is known;  data-unless: where it is not
//     data-fill="memorised"        a number or a word of the run
//     data-moment="memorised"      a link that sets the clock, and the clock only
(function () {
  'use strict';
  const T = window.Timeless;
  const THINGS = { add: 'sums', sub: 'differences', mul: 'products', div: 'quotients' };
  const LEAD = 0.2; // the waves count as ahead of the network from here on

  // Values at the step that a link to a moment shows.
  function atMoment(s, name, moment) {
    const epoch = s.moment(moment);
    const values = s.at_steps && s.at_steps[name];
    return epoch === null || !values ? null : values[s.stepFrom(epoch)];
  }
  function loggedAt(s, metric, moment) {
    const epoch = s.moment(moment);
    return epoch === null ? null : s.logged(metric, s.steps[s.stepFrom(epoch)]);
  }

  // Of an audit over training: how far a number must be moved to flip its answers, by the epoch of a moment.
  function flipAt(s, moment) {
    const epoch = s.moment(moment);
    const values = s.audit && s.audit.robustness;
    return epoch === null || !values ? null : values[T.rowAt(s.audit.epochs, s.steps[s.stepFrom(epoch)])];
  }

  // What can be said of this run at all.
  T.facts = (s) => {
    const alone = atMoment(s, 'waves_alone', 'hidden');
    const without = atMoment(s, 'waves_without', 'memorised');
    const formed = loggedAt(s, 'train_acc', 'formation');
    return {
      split: s.knowsSplit(),
      keys: Boolean(s.keys && s.keys.length),
      hidden: alone !== null && alone - loggedAt(s, 'test_acc', 'hidden') >= LEAD,
      phases: s.phases.length > 1,
      live: Boolean(s.live.foldable && s.keys && s.keys.length),
      early: without !== null && without < 0.5, // the keys matter at memorising already
      late: without !== null && without >= 0.5,
      formedfirst: formed !== null && formed < 0.9, // the keys are needed before the pairs are memorised
      flipped: flipAt(s, 'memorised') !== null && flipAt(s, 'end') !== null,
      nulled: s.logged('embedding_circularity_null', s.lastEpoch()) !== null,
    };
  };

  function numbers(s) {
    const [train, test] = s.split_sizes || [null, null];
    return {
      p: s.p,
      n: s.n || s.p,
      pairs: T.count(train === null ? s.p ** 2 : train + test),
      train: train === null ? '–' : T.count(train),
      test: test === null ? '–' : T.count(test),
      fraction: train === null ? '–' : T.percent(train / (train + test)),
      epochs: T.count(s.lastEpoch()),
      d_mlp: s.shape.d_mlp,
      d_model: s.shape.d_model,
      heads: s.shape.n_heads,
      parameters: T.count(s.shape.parameters),
      n_keys: s.keys ? s.keys.length : 0,
      decay: s.config.weight_decay ?? 'unknown',
      lr: s.config.lr ?? 'unknown',
      temperature: s.config.attention_temperature,
    };
  }
  function words(s) {
    return {
      things: THINGS[s.operation] || 'results',
      symbol: s.symbol,
      name: s.name,
      keys: s.keys && s.keys.length ? s.keys.join(', ') : 'none',
      k: s.circle || '–',
      activation: s.shape.activation_label,
      layernorm: s.config.layer_norm ? 'with layer norm' : 'without layer norm',
    };
  }
  function moments(s) {
    const names = ['grokking', 'memorised', 'half', 'still', 'formation', 'cleanup', 'hidden', 'end'];
    return Object.fromEntries(
      names.map((name) => {
        const epoch = s.moment(name);
        return [name, epoch === null ? 'never, in this run' : T.count(epoch)];
      }),
    );
  }
  function accuracies(s) {
    const { level, level_to: to, level_most: most, best, memorised, still_to: end } = s.story;
    const shown = {
      level,
      level_to: to,
      level_most: most,
      best,
      train_end: s.logged('train_acc', s.lastEpoch()),
      test_end: s.logged('test_acc', s.lastEpoch()),
      hidden_alone: atMoment(s, 'waves_alone', 'hidden'),
      hidden_network: loggedAt(s, 'test_acc', 'hidden'),
      without_memorised: atMoment(s, 'waves_without', 'memorised'),
      others_memorised: atMoment(s, 'waves_without_others', 'memorised'),
      without_end: atMoment(s, 'waves_without', 'end'),
      formed_train: loggedAt(s, 'train_acc', 'formation'),
      flip_memorised: flipAt(s, 'memorised'),
      flip_end: flipAt(s, 'end'),
    };
    const texts = Object.fromEntries(Object.entries(shown).map(([name, x]) => [name, T.percent(x)]));
    return { ...texts, still_for: memorised === null || end === null ? '–' : T.count(end - memorised) };
  }
  function sizes(s) {
    const at = (name, epoch) => T.show(s.logged(name, epoch));
    return {
      norm0: at('weight_norm', 0),
      norm_top: T.show(Math.max(...(s.history.weight_norm || []).filter((x) => x !== null))),
      norm1: at('weight_norm', s.lastEpoch()),
      circularity: at('embedding_circularity', s.lastEpoch()),
      circularity_null: at('embedding_circularity_null', s.lastEpoch()),
    };
  }
  T.fill = (name, s) =>
    String({ ...numbers(s), ...words(s), ...moments(s), ...accuracies(s), ...sizes(s) }[name] ?? '–');

  function showLink(link, s) {
    const epoch = s.moment(link.dataset.moment);
    link.classList.toggle('nowhere', epoch === null);
    if (epoch === null) link.removeAttribute('href');
    else link.href = `#run=${s.id}&epoch=${s.steps[s.stepFrom(epoch)]}`;
    link.title =
      epoch === null
        ? s.knowsSplit()
          ? 'this run never gets there'
          : 'not known of this run, since its train pairs are not'
        : `sets the clock to epoch ${T.count(s.steps[s.stepFrom(epoch)])}`;
  }

  T.showProse = function (s) {
    const facts = T.facts(s);
    const each = (selector, show) => document.querySelectorAll(selector).forEach(show);
    const holds = (node) =>
      (!node.dataset.when || node.dataset.when.split(' ').includes(s.story.kind)) &&
      (!node.dataset.if || node.dataset.if.split(' ').every((fact) => facts[fact])) &&
      (!node.dataset.unless || !facts[node.dataset.unless]);
    each('[data-when], [data-if], [data-unless]', (node) => {
      node.hidden = !holds(node);
    });
    each('[data-fill]', (node) => {
      node.textContent = T.fill(node.dataset.fill, s);
    });
    each('a[data-moment]', (link) => showLink(link, s));
  };

  // A link sets the clock and leaves the rest of the state to the reader; opened elsewhere it is an address.
  document.addEventListener('click', (event) => {
    const link = event.target.closest && event.target.closest('a[data-moment]');
    const s = T.current();
    if (!link || !s || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const epoch = s.moment(link.dataset.moment);
    if (epoch !== null) T.setClock(s.steps[s.stepFrom(epoch)]);
  });
})();
