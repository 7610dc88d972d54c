/*
 * What all pages have beside their text, and what their scripts share as `relevo`: calls of the API, outcomes told, questions asked.
 *
 *   <button data-dialog="id">   opens a <dialog>, in which data-close closes it
 */
(() => {
  'use strict';
  const words = JSON.parse(document.querySelector('meta[name=relevo-words]')?.content ?? '{}');
  const csrf = () => document.querySelector('meta[name=relevo-csrf]')?.content ?? '';
  const told = () => document.getElementById('outcome');

  /** `{field}` of a text, from objects, the first that has it. */
  const filled = (text, ...from) =>
    text.replaceAll(/\{([\w.]+)\}/g, (whole, name) => {
      for (const one of from) if (one?.[name] !== undefined && one[name] !== null) return String(one[name]);
      return whole;
    });

  let hiding = 0;
  function announce(text, kind = 'good') {
    const place = told();
    place.textContent = text;
    place.className = kind;
    clearTimeout(hiding);
    if (kind === 'good') hiding = setTimeout(() => (place.className = 'gone'), 8_000);
  }

  /** One call of the API. Resolves with { ok, status, value }, also where it is refused; never rejects. */
  async function call(method, path, body) {
    try {
      const response = await fetch(path, {
        method,
        credentials: 'same-origin',
        headers: {
          accept: 'application/json',
          'x-relevo-csrf': csrf(),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get('content-type') ?? '');
      return { ok: response.ok, status: response.status, value: isJson && text !== '' ? JSON.parse(text) : text };
    } catch {
      return { ok: false, status: 0, value: { detail: words.unreachable } };
    }
  }

  /** Opens a dialog; once it is closed, the focus is where it was, though that was replaced meanwhile. */
  function show(dialog) {
    const { id } = document.activeElement ?? { id: '' };
    const back = () => {
      // What had it in the dialog has it until the browser draws again.
      const isLost = document.activeElement === document.body || dialog.contains(document.activeElement);
      if (isLost && id !== '') document.getElementById(id)?.focus();
    };
    dialog.addEventListener('close', back, { once: true });
    dialog.showModal();
  }

  let asked = 0;
  /** Asks in a dialog; Escape is no. `preview`: resolves with a text that is shown as it comes. */
  function confirm(question, { preview = null, button, isGrave = false } = {}) {
    const dialog = document.createElement('dialog');
    const id = `question-${++asked}`;
    dialog.setAttribute('aria-labelledby', id);
    const text = document.createElement('p');
    text.id = id;
    text.textContent = question;
    const found = document.createElement('p');
    found.className = 'preview';
    found.setAttribute('aria-live', 'polite');
    const yes = document.createElement('button');
    yes.textContent = button || words.confirm;
    yes.value = 'yes';
    yes.className = isGrave ? 'danger' : 'main';
    const no = document.createElement('button');
    no.textContent = words.cancel;
    no.value = 'no';
    no.autofocus = true;
    const form = document.createElement('form');
    form.method = 'dialog';
    const row = document.createElement('div');
    row.className = 'buttons';
    row.append(no, yes);
    form.append(text, found, row);
    dialog.append(form);
    document.body.append(dialog);
    if (preview !== null) {
      found.textContent = words.counting;
      void preview().then((shown) => (found.textContent = shown));
    }
    show(dialog);
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => {
        dialog.remove();
        resolve(dialog.returnValue === 'yes');
      });
    });
  }

  document.addEventListener('click', (event) => {
    const opener = event.target.closest?.('[data-dialog]');
    if (opener) show(document.getElementById(opener.dataset.dialog));
    if (event.target.closest?.('[data-close]')) event.target.closest('dialog')?.close();
  });

  window.relevo = { announce, call, confirm, csrf, filled, show, words };
})();
