/*
 * What all pages have beside their text: forms that call the API, questions before something is done, and parts that stay alive.
 *
 *   <form data-api="POST /api/v1/egress/{name}/pause">   its fields are sent as JSON; {name} is filled from the field of that name, and
 *                                                       those of GET and DELETE that the path does not name are its query
 *   data-confirm="…"      is asked before; on the form or on the button that was pressed, as data-api and all others here
 *   data-preview          beside data-confirm: the call is made with `preview: true` first, and what it says is shown
 *   data-preview-text     what to say of it, such as "{changed} deliveries would bounce"
 *   data-done="…"         what to say once it worked; {field} is filled from the answer, or from what was sent
 *   data-then="/place"    where to go then; `stay`: nowhere; default: the page is looked at again
 *   data-as="number|list|lines|json|null|boolean"  on a field: how its text is sent; `list`: all fields of that name; `null`: null if empty.
 *                         Without it an empty field that is not required is left out. Dots in names make objects.
 *   data-reply="token"    an element in the form that gets that field of the answer; data-shown: elements that are shown then
 *   data-live="name"      replaced by itself as it is later
 *   <form data-filter>    a search: its empty fields stay out of the address
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

  // ---- forms

  const NONE = Symbol('none');

  function valueOf(field, form) {
    const as = field.dataset.as;
    const text = field.value;
    if (as === 'list') {
      const all = [...form.elements].filter((one) => one.name === field.name && !one.disabled);
      return all.flatMap((one) => {
        if (one.type === 'checkbox' || one.type === 'radio') return one.checked ? [one.value] : [];
        if (one.multiple) return [...one.selectedOptions].map((option) => option.value);
        return one.value.trim() === '' ? [] : [one.value.trim()];
      });
    }
    if (field.type === 'checkbox')
      return field.hasAttribute('value') && as !== 'boolean' ? (field.checked ? text : NONE) : field.checked;
    if (field.type === 'radio' && !field.checked) return NONE;
    if (as === 'lines')
      return text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '');
    if (as === 'null' && text.trim() === '') return null;
    if (text === '' && !field.required) return NONE;
    if (as === 'number' || field.type === 'number') return Number(text);
    if (as === 'boolean') return text === 'true';
    if (as === 'json') return JSON.parse(text);
    return text;
  }

  function fieldsOf(form, button) {
    const fields = {};
    for (const field of form.elements) {
      if (field.name === '' || field.disabled || field.type === 'submit' || field.type === 'button') continue;
      if (field.tagName === 'FIELDSET' || field.tagName === 'OUTPUT') continue;
      const value = valueOf(field, form);
      if (value !== NONE) fields[field.name] = value;
    }
    if (button?.name) fields[button.name] = button.value;
    return fields;
  }

  /** `a.b` becomes { a: { b } }. */
  function nested(fields) {
    const body = {};
    for (const [name, value] of Object.entries(fields)) {
      const parts = name.split('.');
      let place = body;
      for (const part of parts.slice(0, -1)) place = place[part] ??= {};
      place[parts.at(-1)] = value;
    }
    return body;
  }

  function askOf(api, fields) {
    const [method, template] = api.split(' ', 2);
    const left = { ...fields };
    const path = template.replaceAll(/\{([\w.]+)\}/g, (_, name) => {
      delete left[name];
      return encodeURIComponent(fields[name] ?? '');
    });
    if (method !== 'GET' && method !== 'DELETE') return { method, path, body: nested(left) };
    const query = new URLSearchParams(Object.entries(left).map(([name, value]) => [name, String(value)])).toString();
    return { method, path: query === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`, body: undefined };
  }

  function clearFaults(form) {
    for (const one of form.querySelectorAll('.fault')) one.remove();
    for (const one of form.querySelectorAll('[aria-invalid]')) {
      one.removeAttribute('aria-invalid');
      one.removeAttribute('aria-describedby');
    }
  }

  let faults = 0;
  /** What is wrong, beside the field that it is about, or at the end of the form. */
  function showFaults(form, problem) {
    const left = [];
    let first = null;
    for (const { path, text } of Array.isArray(problem?.errors) ? problem.errors : []) {
      const names = [path, String(path).replace(/\.\d+(\..*)?$/, ''), String(path).split('.')[0]];
      const field = [...form.elements].find(
        (one) => one.name !== '' && names.includes(one.name) && one.type !== 'hidden',
      );
      if (field === undefined) left.push(path === '' ? text : `${path}: ${text}`);
      else {
        const note = faultNote(text);
        note.id = `fault-${++faults}`;
        field.setAttribute('aria-invalid', 'true');
        field.setAttribute('aria-describedby', note.id);
        (field.closest('label') ?? field).after(note);
        first ??= field;
      }
    }
    const isTold = first !== null && left.length === 0;
    if (!isTold) form.append(faultNote(left.length > 0 ? left.join('; ') : textOf(problem)));
    first?.focus();
    announce(first === null ? textOf(problem) : words.failed, 'bad');
  }

  function faultNote(text) {
    const note = document.createElement('p');
    note.className = 'fault';
    note.textContent = text;
    return note;
  }

  function textOf(problem) {
    if (typeof problem === 'string' && problem !== '') return problem.slice(0, 500);
    return problem?.detail ?? problem?.title ?? words.failed;
  }

  const isSending = new WeakSet();
  async function send(form, button) {
    if (isSending.has(form)) return;
    isSending.add(form);
    form.setAttribute('aria-busy', 'true');
    try {
      await sendNow(form, button);
    } finally {
      isSending.delete(form);
      form.removeAttribute('aria-busy');
    }
  }

  async function sendNow(form, button) {
    const said = (name) => button?.dataset[name] ?? form.dataset[name];
    clearFaults(form);
    let fields;
    try {
      fields = fieldsOf(form, button);
    } catch (error) {
      return showFaults(form, { detail: String(error.message) });
    }
    const { method, path, body } = askOf(said('api'), fields);
    const question = said('confirm');
    if (question !== undefined) {
      const preview = said('preview') === undefined ? null : () => call(method, path, { ...body, preview: true });
      const text = said('previewText') ?? words.matches;
      const isSure = await confirm(filled(question, fields), {
        preview: preview === null ? null : async () => previewText(await preview(), text),
        button: button?.textContent.trim(),
        isGrave: button?.classList.contains('danger') ?? false,
      });
      if (!isSure) return;
    }
    const { ok, status, value } = await call(method, path, body);
    if (status === 401 && csrf() !== '') {
      announce(words.signedOut, 'bad');
      location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    form.dispatchEvent(new CustomEvent('relevo:answer', { bubbles: true, detail: { ok, status, value, fields } }));
    if (!ok) return showFaults(form, value);
    await done(form, { said, value, fields });
  }

  function previewText({ ok, value }, text) {
    return ok ? filled(text, value) : textOf(value);
  }

  async function done(form, { said, value, fields }) {
    const then = said('then');
    let isShown = false;
    for (const place of form.querySelectorAll('[data-reply]')) {
      const text = value?.[place.dataset.reply];
      if (text === undefined || text === null) continue;
      if ('value' in place) place.value = text;
      else place.textContent = text;
      isShown = true;
    }
    for (const one of form.querySelectorAll('[data-shown]')) one.hidden = false;
    if (then !== undefined && then !== 'stay') {
      location.assign(filled(then, value, fields));
      return;
    }
    announce(isShown && said('done') === undefined ? words.shown : filled(said('done') ?? words.done, value, fields));
    form.closest('dialog')?.close();
    if (then !== 'stay' && !isShown) {
      if (form.dataset.keep === undefined) form.reset();
      await refresh();
    }
  }

  // ---- questions

  /** Asks in a dialog; Escape is no. `preview`: resolves with a text that is shown as it comes. */
  function confirm(question, { preview = null, button, isGrave = false } = {}) {
    const dialog = document.createElement('dialog');
    const id = `question-${++faults}`;
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
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => {
        dialog.remove();
        resolve(dialog.returnValue === 'yes');
      });
    });
  }

  // ---- what is live

  /** What somebody is about to change there is not taken from under the hand. */
  function isInUse(region) {
    const focused = document.activeElement;
    if (region.querySelector('dialog[open], form[aria-busy=true], .fault') !== null) return true;
    if (focused === null || !region.contains(focused)) return false;
    return (
      focused.matches('input:not([type=checkbox], [type=radio]), textarea, select') || String(getSelection()) !== ''
    );
  }

  function replace(region, fresh) {
    if (isInUse(region) || region.outerHTML === fresh.outerHTML) return;
    const focused = region.contains(document.activeElement) ? pathTo(region, document.activeElement) : null;
    const open = [...region.querySelectorAll('details[open]')].map((one) => pathTo(region, one));
    const checked = [...region.querySelectorAll('input:checked')].map((one) => one.id).filter((id) => id !== '');
    if (region.open === true) fresh.open = true;
    region.replaceWith(fresh);
    for (const path of open) at(fresh, path)?.setAttribute('open', '');
    for (const id of checked) {
      const box = fresh.querySelector(`#${CSS.escape(id)}`);
      if (box !== null) box.checked = true;
    }
    if (focused !== null) at(fresh, focused)?.focus();
    fresh.dispatchEvent(new CustomEvent('relevo:replaced', { bubbles: true }));
  }

  /** By id, or by place. */
  function pathTo(region, element) {
    if (element === region) return [];
    if (element.id !== '') return element.id;
    const path = [];
    for (let one = element; one !== region; one = one.parentElement)
      path.unshift([...one.parentElement.children].indexOf(one));
    return path;
  }

  function at(region, path) {
    if (typeof path === 'string') return region.querySelector(`#${CSS.escape(path)}`);
    return path.reduce((one, place) => one?.children[place], region);
  }

  function elementOf(html) {
    const template = document.createElement('template');
    template.innerHTML = html;
    return template.content.firstElementChild;
  }

  const regionNamed = (name) => document.querySelector(`[data-live="${CSS.escape(name)}"]`);

  /** Looks at the page again, and replaces what is live of it. */
  async function refresh() {
    try {
      const response = await fetch(location.href, { credentials: 'same-origin', headers: { accept: 'text/html' } });
      if (!response.ok || response.redirected) return location.reload();
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      for (const fresh of page.querySelectorAll('[data-live]')) {
        const region = regionNamed(fresh.dataset.live);
        if (region !== null) replace(region, document.adoptNode(fresh));
      }
    } catch {
      announce(words.unreachable, 'bad');
    }
  }

  const SILENCE_MS = 30_000;
  let source = null;
  let silence = 0;
  let isLost = false;

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(lost, SILENCE_MS);
    document.documentElement.dataset.state = 'live';
    if (isLost) announce(words.back);
    isLost = false;
  }

  function lost() {
    if (!isLost) announce(words.lost, 'bad');
    isLost = true;
    document.documentElement.dataset.state = 'lost';
  }

  function watch() {
    if (
      source !== null ||
      document.hidden ||
      document.body.classList.contains('bare') ||
      document.querySelector('[data-live]') === null
    )
      return;
    source = new EventSource(`/live?path=${encodeURIComponent(location.pathname + location.search)}`);
    source.addEventListener('region', ({ data }) => {
      heard();
      const { name, html } = JSON.parse(data);
      const region = regionNamed(name);
      if (region !== null) replace(region, elementOf(html));
    });
    source.addEventListener('beat', heard);
    source.addEventListener('error', () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      // Refused, such as for too many who watch: the browser would not ask again by itself.
      unwatch();
      lost();
      setTimeout(watch, SILENCE_MS);
    });
  }

  function unwatch() {
    source?.close();
    source = null;
    clearTimeout(silence);
  }

  // ---- what it hangs on

  document.addEventListener('submit', (event) => {
    const form = event.target;
    const api = event.submitter?.dataset.api ?? form.dataset.api;
    if (form.dataset.filter !== undefined) {
      for (const field of form.elements) if (field.name !== '' && field.value === '') field.disabled = true;
      return;
    }
    if (api === undefined) return;
    event.preventDefault();
    void send(form, event.submitter);
  });

  document.addEventListener('click', (event) => {
    const opener = event.target.closest?.('[data-dialog]');
    if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
    if (event.target.closest?.('[data-close]')) event.target.closest('dialog')?.close();
    const copied = event.target.closest?.('[data-copy]');
    if (copied) void navigator.clipboard?.writeText(document.getElementById(copied.dataset.copy)?.textContent ?? '');
  });

  document.addEventListener('visibilitychange', () => (document.hidden ? unwatch() : watch()));
  // A page that comes back from where the browser kept it is old.
  window.addEventListener('pageshow', (event) => {
    for (const field of document.querySelectorAll('form[data-filter] :disabled')) field.disabled = false;
    if (event.persisted) void refresh();
    watch();
  });
  window.addEventListener('pagehide', unwatch);

  window.relevo = { announce, call, confirm, filled, refresh, words };
})();
