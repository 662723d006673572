// Which story a network of the laboratory tells, as grokking/page/story.py decides it from a run's history.
(function () {
  'use strict';
  const T = window.Timeless;
  const lab = (T.lab = T.lab || {});
  const STILL = 0.1, // test accuracy counts as still while it is at most this much above where memorising left it
    STILL_SHARE = 0.5, // a plateau fills at least this share of the time from memorising to grokking
    DELAYED = 2,
    HALF = 0.5;

  function kindOf(memorised, grokking, stillTo) {
    if (grokking === null) return 'memorised';
    if (grokking < DELAYED * memorised || grokking <= memorised) return 'together';
    const still = stillTo === null ? 0 : stillTo - memorised;
    return still >= STILL_SHARE * (grokking - memorised) ? 'plateau' : 'gradual';
  }

  // The first row from memorising on, and the last before test accuracy leaves that level; null if there is none.
  function stillRows(rows, memorised, end) {
    const between = rows.filter((row) => row.epoch >= memorised && row.epoch <= end);
    if (!between.length) return null;
    const leaves = between.findIndex((row) => row.test_acc > between[0].test_acc + STILL);
    return between.slice(0, leaves < 0 ? between.length : leaves);
  }

  // rows: of the history.  moments: {memorised, grokking}, epochs or null.
  lab.story = function (rows, moments) {
    const memorised = moments.memorised ?? null,
      grokking = moments.grokking ?? null;
    const reached = rows.find((row) => row.test_acc >= HALF);
    const story = {
      kind: 'unlearnt',
      memorised,
      grokking,
      half: reached ? reached.epoch : null,
      still_from: null,
      still_to: null,
      level: null,
      level_to: null,
      level_most: null,
      best: Math.max(...rows.map((row) => row.test_acc)),
    };
    if (memorised === null) return story;
    const still = stillRows(rows, memorised, grokking ?? rows[rows.length - 1].epoch);
    if (still) {
      const last = still[still.length - 1];
      Object.assign(story, {
        still_from: still[0].epoch,
        still_to: last.epoch,
        level: still[0].test_acc,
        level_to: last.test_acc,
        level_most: Math.max(...still.map((row) => row.test_acc)),
      });
    }
    return { ...story, kind: kindOf(memorised, grokking, story.still_to) };
  };
})();
