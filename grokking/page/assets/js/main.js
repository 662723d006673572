// Starts the page once everything has arrived.
(function () {
  'use strict';
  const T = window.Timeless;

  // Each claim is shown under its section; verdicts come from docs/claims.md at build time.
  // A verdict's first words; all of it stands with the evidence.
  const short = (verdict) => {
    const first = verdict.split(/[:;,]/)[0];
    return first.length < verdict.length ? first + ' …' : first;
  };
  const kindOf = (row) =>
    !row
      ? 'open'
      : /^(holds in part|not shown|holds for|true for|found)/i.test(row.verdict)
        ? 'partly'
        : /^holds/i.test(row.verdict)
          ? 'holds'
          : 'fails';
  function showClaims() {
    const item = (text, row) => {
      const words = [
        T.html('span', { text: text.replace(/^["“]|["”]$/g, '') + ' ' }),
        T.html('span', {
          class: 'verdict-word ' + (row ? 'judged' : 'open'),
          text: row ? short(row.verdict) : 'not measured yet',
        }),
      ];
      const evidence =
        row &&
        [row.verdict, row.measured, row.command && 'Command: ' + row.command].filter(Boolean).join(' · ');
      const line = evidence
        ? T.html('details', {}, [
            T.html('summary', {}, words),
            T.html('p', { class: 'evidence', text: evidence }),
          ])
        : T.html('p', { class: 'unmeasured' }, words);
      return T.html('li', { class: kindOf(row) }, [line]);
    };
    document.querySelectorAll('[data-claims]').forEach((node) => {
      const mine = T.page.claims.claims.filter((c) => c.section === node.dataset.claims);
      if (!mine.length) return;
      node.append(
        T.html('h4', {
          text: 'Claims of the sources, and what runs of this project show',
        }),
        T.html(
          'ul',
          { class: 'claims' },
          mine.map((c) => item(c.text, c.row)),
        ),
      );
    });
    const rest = T.page.claims.others;
    const all = document.getElementById('otherclaims');
    if (all && rest.length)
      all.append(
        T.html('h3', { text: 'Further claims that were measured' }),
        T.html(
          'ul',
          { class: 'claims' },
          rest.map((row) => item(row.claim, row)),
        ),
      );
  }

  function showRuns() {
    const box = document.getElementById('runs');
    T.page.subjects.forEach((s) =>
      box.append(
        T.html('li', {}, [
          T.html('b', { text: s.label }),
          T.html('span', {
            text: ` — seed ${s.seed ?? 'unknown'}, ${T.count(s.epochs)} epochs, commit ${s.commit || 'not recorded'}; made by `,
          }),
          T.html('code', { text: s.command || 'a command that was not recorded' }),
        ]),
      ),
    );
  }

  async function start() {
    T.page = await T.load('page');
    showClaims();
    showRuns();
    await T.startClock();
    T.mountAll();
    const laboratory = document.getElementById('laboratory');
    if (laboratory) T.lab.mount(laboratory);
    T.playOnce();
    document.documentElement.dataset.ready = 'yes';
  }
  start().catch((error) => {
    const box = document.getElementById('failure');
    box.hidden = false;
    box.textContent = 'The page could not be started: ' + error.message;
    throw error;
  });
})();
