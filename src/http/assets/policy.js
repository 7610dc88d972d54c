/* The policy page: an editor that marks faults in their place, offers what may be written there, and shows what a save changes. */
(() => {
  'use strict';
  const place = document.getElementById('policy');
  if (place === null) return;
  const { call } = window.relevo;
  const words = JSON.parse(place.dataset.words);
  const get = (id) => document.getElementById(`policy-${id}`);
  const [editor, gutter, marks, list, faults] = ['text', 'gutter', 'marks', 'completions', 'faults'].map(get);
  const csrf = () => document.querySelector('meta[name=relevo-csrf]')?.content ?? '';
  const CHECK_MS = 500;
  const OFFER_MS = 120;
  // A textarea is given its text with LF; what the file has between its lines is put back.
  const isCrLf = place.dataset.newline === 'crlf';
  let saved = editor.value;

  const textOf = () => (isCrLf ? editor.value.replaceAll('\n', '\r\n') : editor.value);
  const isDirty = () => editor.value !== saved;

  async function sendYaml(path, { isPut = false, headers = {} } = {}) {
    try {
      const response = await fetch(path, {
        method: isPut ? 'PUT' : 'POST',
        credentials: 'same-origin',
        headers: { accept: 'application/json', 'content-type': 'text/yaml', 'x-relevo-csrf': csrf(), ...headers },
        body: textOf(),
      });
      return { ok: response.ok, status: response.status, value: await response.json() };
    } catch {
      return { ok: false, status: 0, value: { detail: words.unreachable } };
    }
  }

  const make = (tag, textContent = '', className = '') =>
    Object.assign(document.createElement(tag), { textContent, className });

  // ---- lines, and what is wrong in them

  let problems = [];
  let numbered = 0;

  function number() {
    const count = editor.value.split('\n').length;
    const bad = new Set(problems.map(({ line }) => line));
    if (count === numbered && gutter.dataset.bad === [...bad].join()) return;
    numbered = count;
    gutter.dataset.bad = [...bad].join();
    gutter.replaceChildren(
      ...Array.from({ length: count }, (_, at) => make('div', String(at + 1), bad.has(at + 1) ? 'bad' : '')),
    );
    marks.replaceChildren(
      ...[...bad]
        .filter((line) => line !== null && line <= count)
        .map((line) => {
          const mark = make('div');
          mark.style.top = `${(line - 1) * heightOfLine()}px`;
          mark.dataset.line = line;
          return mark;
        }),
    );
    scroll();
  }

  const heightOfLine = () => Number.parseFloat(getComputedStyle(editor).lineHeight);

  function scroll() {
    gutter.scrollTop = editor.scrollTop;
    marks.style.transform = `translateY(${-editor.scrollTop}px)`;
    if (!list.hidden) hideOffers();
  }

  function jump({ line, column }) {
    const lines = editor.value.split('\n');
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0) + (column ?? 1) - 1;
    editor.focus();
    editor.setSelectionRange(start, start);
    editor.scrollTop = Math.max(0, (line - 6) * heightOfLine());
    scroll();
  }

  function showProblems(found, warnings = []) {
    problems = found;
    editor.toggleAttribute('aria-invalid', found.length > 0);
    const rows = [
      ...found.map((one) => ({ ...one, kind: 'bad' })),
      ...warnings.map((text) => ({ text, line: null, kind: 'warn' })),
    ];
    faults.replaceChildren(
      ...rows.map((one) => {
        const row = make('li', '', one.kind);
        const text = `${one.path ? `${one.path}: ` : ''}${one.text}`;
        if (one.line === null) row.append(text);
        else {
          const button = make('button', `${words.line} ${one.line}`);
          button.type = 'button';
          button.addEventListener('click', () => jump(one));
          row.append(button, ` ${text}`);
        }
        return row;
      }),
    );
    const told = found.length > 0 ? words.problems.replace('{count}', found.length) : words.sound;
    get('verdict').textContent = told;
    get('verdict').className = `tag ${found.length > 0 ? 'bad' : 'good'}`;
    place.dataset.checked = found.length > 0 ? 'bad' : 'good';
    number();
  }

  let checking = 0;
  let asked = 0;
  async function check() {
    const turn = ++asked;
    const { ok, value } = await sendYaml('/api/v1/policy/check');
    if (turn !== asked) return;
    if (ok) showProblems(value.problems, value.warnings);
    else showProblems([{ line: null, text: value.detail }]);
  }

  function edited() {
    number();
    place.dataset.checked = '';
    get('state').textContent = isDirty() ? words.unsaved : '';
    clearTimeout(checking);
    checking = setTimeout(check, CHECK_MS);
  }

  // ---- what may be written here

  let offers = [];
  let offeredFrom = 0;
  let chosen = -1;
  let offering = 0;

  const caret = () => {
    const before = editor.value.slice(0, editor.selectionStart);
    const line = before.split('\n').length;
    return { line, column: before.length - before.lastIndexOf('\n') };
  };

  function hideOffers() {
    list.hidden = true;
    offers = [];
    editor.removeAttribute('aria-activedescendant');
  }

  function choose(at) {
    chosen = at;
    for (const [place, option] of [...list.children].entries()) {
      option.setAttribute('aria-selected', String(place === at));
      if (place === at) option.scrollIntoView({ block: 'nearest' });
    }
    if (at < 0) editor.removeAttribute('aria-activedescendant');
    else editor.setAttribute('aria-activedescendant', `policy-offer-${at}`);
  }

  async function offer(isAsked) {
    const at = caret();
    const before = editor.value;
    const { ok, value } = await call('POST', '/api/v1/policy/complete', { text: before, ...at });
    if (!ok || editor.value !== before || document.activeElement !== editor) return;
    if (value.completions.length === 0) return hideOffers();
    offers = value.completions;
    offeredFrom = editor.selectionStart - (at.column - value.column);
    list.replaceChildren(
      ...offers.map(({ label, kind, description, value: form }, place) => {
        const option = make('li', '', kind);
        option.id = `policy-offer-${place}`;
        option.setAttribute('role', 'option');
        option.append(make('b', label), make('small', [form, description].filter((one) => one !== '').join(' – ')));
        option.addEventListener('mousedown', (event) => {
          event.preventDefault();
          accept(place);
        });
        return option;
      }),
    );
    const style = getComputedStyle(editor);
    list.style.left = `calc(${value.column - 1}ch + ${style.paddingLeft} - ${editor.scrollLeft}px)`;
    list.style.top = `${at.line * heightOfLine() + Number.parseFloat(style.paddingTop) - editor.scrollTop}px`;
    list.hidden = false;
    choose(isAsked ? 0 : -1);
    get('told').textContent = words.offers.replace('{count}', offers.length);
  }

  /** As if it had been typed, so that it can be undone. */
  function type(from, to, text) {
    editor.setSelectionRange(from, to);
    if (!document.execCommand('insertText', false, text)) {
      editor.setRangeText(text, from, to, 'end');
      edited();
    }
  }

  function accept(at) {
    const { insert } = offers[at];
    const end = editor.selectionStart;
    // With the rest of the name that the caret is in.
    const rest = /^[\w.-]*(?::(?= ?$| ?\n))?/.exec(editor.value.slice(end))?.[0] ?? '';
    hideOffers();
    type(offeredFrom, end + rest.length, insert);
    if (insert.endsWith(': ')) void offer(false);
  }

  function newLine() {
    const from = editor.selectionStart;
    const line = editor.value.slice(editor.value.lastIndexOf('\n', from - 1) + 1, from);
    const indent = /^ *(?:- +)?/.exec(line)[0].replaceAll('-', ' ');
    type(from, editor.selectionEnd, `\n${indent}${/:\s*$/.test(line) ? '  ' : ''}`);
  }

  editor.addEventListener('keydown', (event) => {
    const isOpen = !list.hidden;
    const { key, ctrlKey, metaKey } = event;
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (key === ' ' && ctrlKey) void offer(true);
    else if (key === 's' && (ctrlKey || metaKey)) place.dispatchEvent(new Event('relevo:review'));
    else if (isOpen && step !== undefined)
      choose((chosen + step + offers.length + (chosen < 0 && step < 0 ? 1 : 0)) % offers.length);
    else if (isOpen && key === 'Escape') hideOffers();
    else if (isOpen && chosen >= 0 && (key === 'Enter' || key === 'Tab')) accept(chosen);
    else if (key === 'Enter' && !ctrlKey && !event.isComposing) newLine();
    else return;
    event.preventDefault();
  });
  editor.addEventListener('input', (event) => {
    edited();
    clearTimeout(offering);
    hideOffers();
    if (event.inputType === 'insertText' && /^[\w.:-]$/.test(event.data ?? ''))
      offering = setTimeout(() => offer(false), OFFER_MS);
  });
  editor.addEventListener('blur', hideOffers);
  editor.addEventListener('click', hideOffers);
  editor.addEventListener('scroll', scroll);

  // ---- for what is done with the text (policy-save.js)

  /** What is in the editor is what the file has. */
  function settle() {
    saved = editor.value;
    edited();
  }
  window.relevo.editor = { place, words, get, make, textOf, sendYaml, showProblems, settle };

  window.addEventListener('beforeunload', (event) => {
    if (isDirty()) event.preventDefault();
  });
  number();
  void check();
})();
