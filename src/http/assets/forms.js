/*
 * Forms that call the API.
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
 *   data-reply="token"    an element in the form that gets that field of the answer; data-shown: elements that are shown then;
 *                       data-optional: one around a reply that is shown only if the answer has that field
 *   <form data-filter>    a search: its empty fields stay out of the address
 */
(() => {
  'use strict';
  const { announce, call, confirm, csrf, filled, words } = window.relevo;

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
      const look = async () => {
        const seen = await call(method, path, { ...body, preview: true });
        leaveIfSignedOut(seen);
        return seen;
      };
      const preview = said('preview') === undefined ? null : look;
      const text = said('previewText') ?? words.matches;
      const isSure = await confirm(filled(question, fields), {
        preview: preview === null ? null : async () => previewText(await preview(), text),
        button: button?.textContent.trim(),
        isGrave: button?.classList.contains('danger') ?? false,
      });
      if (!isSure) return;
    }
    const { ok, status, value } = await call(method, path, body);
    if (leaveIfSignedOut({ status })) return;
    form.dispatchEvent(new CustomEvent('relevo:answer', { bubbles: true, detail: { ok, status, value, fields } }));
    if (!ok) return showFaults(form, value);
    await done(form, { said, value, fields });
  }

  function leaveIfSignedOut({ status }) {
    if (status !== 401 || csrf() === '') return false;
    announce(words.signedOut, 'bad');
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
    return true;
  }

  function previewText({ ok, value }, text) {
    return ok ? filled(text, value) : textOf(value);
  }

  async function done(form, { said, value, fields }) {
    const then = said('then');
    let isShown = false;
    for (const place of form.querySelectorAll('[data-reply]')) {
      const text = value?.[place.dataset.reply];
      const isThere = text !== undefined && text !== null;
      const around = place.closest('[data-optional]');
      if (around !== null) around.hidden = !isThere;
      if (!isThere) continue;
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
      // It is over: a part that a form is busy in would stay as it was, and the next press of a button is another one.
      form.removeAttribute('aria-busy');
      isSending.delete(form);
      await window.relevo.refresh();
    }
  }

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

  // Where the browser brings a page back as it left it.
  window.addEventListener('pageshow', () => {
    for (const field of document.querySelectorAll('form[data-filter] :disabled')) field.disabled = false;
  });
})();
