/* What is done with the text in the policy's editor: compared, saved, taken back, tried on the mail that came. */
(() => {
  'use strict';
  const { announce, call, editor } = window.relevo;
  if (editor === undefined) return;
  const { place, words, get, make, textOf, sendYaml, showProblems, settle } = editor;
  let etag = place.dataset.etag;

  // ---- differences, saving, going back

  function diffOf({ unified, changes }) {
    const both = document.createDocumentFragment();
    if (unified === '') both.append(make('p', words.same));
    const meaning = make('ul', '', 'plain');
    const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
    for (const { key, from, to } of changes ?? [])
      meaning.append(
        make(
          'li',
          `${key}: ${from === undefined ? words.unset : text(from)} → ${to === undefined ? words.unset : text(to)}`,
        ),
      );
    const lines = make('pre', '', 'diff');
    const kinds = { '+': 'ins', '-': 'del' };
    lines.tabIndex = 0;
    for (const line of unified.split('\n').slice(0, 2_000)) lines.append(make(kinds[line[0]] ?? 'span', `${line}\n`));
    both.append(meaning, ...(unified === '' ? [] : [lines]));
    return both;
  }

  const dialog = get('dialog');
  let going = null;

  /** @param run null: there is nothing to do but look */
  function ask(title, diff, run) {
    get('dialog-title').textContent = title;
    get('dialog-diff').replaceChildren(...(Array.isArray(diff) ? diff : [diffOf(diff)]));
    get('dialog-fault').textContent = '';
    get('comment').value = '';
    for (const one of dialog.querySelectorAll('[data-run]')) one.hidden = run === null;
    going = run;
    if (!dialog.open) dialog.showModal();
  }

  async function review() {
    const { ok, value } = await call('POST', '/api/v1/policy/diff', { text: textOf() });
    if (!ok) return announce(value.detail, 'bad');
    ask(words.review, value, value.unified === '' ? null : save);
  }

  async function save(comment) {
    const query = new URLSearchParams({ comment });
    return written(await sendYaml(`/api/v1/policy?${query}`, { isPut: true, headers: { 'if-match': `"${etag}"` } }));
  }

  async function written({ ok, status, value }) {
    if (ok) {
      etag = value.etag;
      settle();
      dialog.close();
      announce(words.inForce);
      await window.relevo.refresh();
    } else if (status === 409 && value.diff !== undefined) {
      const parts = [make('p', words.stale, 'notice bad')];
      if (value.theirs !== null) parts.push(make('h3', words.theirs), diffOf(value.theirs));
      parts.push(make('h3', words.mine), diffOf(value.diff));
      etag = value.etag;
      ask(words.staleTitle, parts, save);
    } else {
      get('dialog-fault').textContent = [value.detail, ...(value.problems ?? []).map(({ text }) => text)].join(' · ');
      if (value.problems !== undefined) showProblems(value.problems);
    }
  }

  async function go(form) {
    form.setAttribute('aria-busy', 'true');
    await going?.(get('comment').value);
    form.removeAttribute('aria-busy');
  }
  get('dialog-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void go(event.target);
  });

  const actions = {
    review,
    simulate,
    compare: async (id) => {
      const { ok, value } = await call('POST', '/api/v1/policy/diff', { from: Number(id), text: textOf() });
      if (ok) ask(words.compare.replace('{id}', id), value, null);
      else announce(value.detail, 'bad');
    },
    rollback: async (id) => {
      const { ok, value } = await call('POST', '/api/v1/policy/diff', { to: Number(id) });
      if (!ok) return announce(value.detail, 'bad');
      ask(words.rollback.replace('{id}', id), value, async (comment) => {
        const reply = await call('POST', `/api/v1/policy/versions/${id}/rollback`, { etag, comment });
        if (!reply.ok) return written(reply);
        settle();
        location.reload();
      });
    },
  };
  place.addEventListener('click', (event) => {
    const button = event.target.closest('[data-policy]');
    if (button !== null) void actions[button.dataset.policy](button.dataset.version);
  });

  // ---- what it would have made of the mail of the last hours

  async function simulate() {
    const result = get('simulation');
    result.replaceChildren(make('p', words.simulating));
    const { ok, value } = await call('POST', '/api/v1/policy/simulate', {
      text: textOf(),
      hours: Number(get('hours').value),
    });
    if (!ok) {
      if (value.problems !== undefined) showProblems(value.problems);
      return result.replaceChildren(make('p', value.detail, 'notice bad'));
    }
    const { inForce, candidate, recorded, changes } = value;
    const table = make('table');
    const head = table.createTHead().insertRow();
    for (const text of ['', words.recorded, words.now, words.candidate])
      head.append(Object.assign(make('th', text), { scope: 'col' }));
    const body = table.createTBody();
    const add = (name, ...figures) => {
      const row = body.insertRow();
      row.append(Object.assign(make('th', name), { scope: 'row' }));
      for (const figure of figures) row.append(make('td', String(figure ?? '–'), 'num'));
    };
    const countIn = (exits, name) => exits.find((one) => (one.name ?? one.egress) === name)?.count ?? 0;
    const names = new Set([...inForce.exits, ...candidate.exits].map(({ egress }) => egress));
    for (const name of names)
      add(name, countIn(recorded.exits, name), countIn(inForce.exits, name), countIn(candidate.exits, name));
    const seconds = (ms) => `${(ms / 1_000).toFixed(1)} s`;
    const cost = ({ costs }) =>
      costs.map(({ amount, currency }) => `${amount.toFixed(2)} ${currency}`).join(' + ') || '–';
    add(words.refused, '–', inForce.refused, candidate.refused);
    add(words.waiting, recorded.unsent, inForce.waiting, candidate.waiting);
    add(words.delay, seconds(recorded.delay.meanMs), seconds(inForce.delay.meanMs), seconds(candidate.delay.meanMs));
    add(words.cost, '–', cost(inForce), cost(candidate));
    const moved = [...changes.routes, ...changes.streams, ...changes.priorities].map(
      ({ from, to, count }) => `${count}: ${from} → ${to}`,
    );
    const notes = [
      ...changes.refused.map(({ name, count }) => `${count}: ${name}`),
      ...moved.slice(0, 30),
      ...value.notes,
    ];
    const rows = make('ul');
    rows.append(...notes.map((text) => make('li', text)));
    const scroller = make('div', '', 'scroll');
    scroller.append(table);
    result.replaceChildren(make('p', words.simulated.replace('{messages}', value.messages)), scroller, rows);
  }

  place.addEventListener('relevo:review', () => void review());
})();
