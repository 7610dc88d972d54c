/* The wizard: five steps, each checked by the API before the next one is shown; what comes of it is put in force at the end. */
(() => {
  'use strict';
  const place = document.getElementById('wizard');
  if (place === null) return;
  const { announce, call } = window.relevo;
  const words = JSON.parse(place.dataset.words);
  const steps = [...place.querySelectorAll('[data-step]')];
  const get = (id) => document.getElementById(`wizard-${id}`);
  const make = (tag, textContent = '', className = '') =>
    Object.assign(document.createElement(tag), { textContent, className });
  let records = null;
  let count = 0;

  // ---- answers

  function valueOf(field) {
    if (field.type === 'checkbox') return field.checked;
    if (field.dataset.as === 'lines')
      return field.value
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '');
    if (field.type === 'number') return field.value === '' ? undefined : Number(field.value);
    return field.value.trim();
  }

  function answers() {
    const given = { providers: [], basics: {}, advanced: {} };
    for (const field of place.querySelectorAll('[data-answer]')) {
      const [step, key] = field.dataset.answer.split('.');
      given[step][key] = valueOf(field);
    }
    for (const provider of get('providers').children) {
      const one = { type: provider.dataset.type };
      for (const field of provider.querySelectorAll('[name]')) {
        const value = valueOf(field);
        if (value !== undefined && value !== '') one[field.name] = value;
      }
      given.providers.push(one);
    }
    return given;
  }

  function addProvider(type) {
    const template = place.querySelector(`template[data-type="${type}"]`);
    const one = template.content.firstElementChild.cloneNode(true);
    const names = new Set(answers().providers.map(({ name }) => name));
    const name = one.querySelector('[name=name]');
    while (names.has(name.value)) name.value = `${type}-${++count}`;
    one.querySelector('[data-remove]').addEventListener('click', () => {
      one.remove();
      get('add').focus();
    });
    get('providers').append(one);
    (one.querySelectorAll('input')[1] ?? name).focus();
  }

  // ---- steps

  const current = () => steps.findIndex((step) => !step.hidden);

  function show(at) {
    for (const [index, step] of steps.entries()) step.hidden = index !== at;
    for (const [index, one] of [...get('steps').children].entries()) {
      if (index === at) one.setAttribute('aria-current', 'step');
      else one.removeAttribute('aria-current');
    }
    place.dataset.at = steps[at].dataset.step;
    faults([]);
    const heading = steps[at].querySelector('h2');
    heading.tabIndex = -1;
    heading.focus();
  }

  function faults(found) {
    for (const field of place.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
    get('faults').replaceChildren(
      ...found.map(({ step, path, text }) => {
        const field = fieldAt(step, path);
        field?.setAttribute('aria-invalid', 'true');
        const label = field?.closest('label')?.firstChild?.textContent.trim() ?? path;
        return make('li', label === '' ? text : `${label}: ${text}`);
      }),
    );
    get('problem').hidden = found.length === 0;
    if (found.length > 0) (fieldAt(found[0].step, found[0].path) ?? get('problem')).focus();
  }

  function fieldAt(step, path) {
    if (step !== 'providers') return place.querySelector(`[data-answer="${step}.${path.split('.')[0]}"]`);
    const [index, key] = path.split('.');
    return get('providers').children[Number(index)]?.querySelector(`[name="${key ?? 'name'}"]`) ?? null;
  }

  async function next() {
    const until = steps[current()].dataset.step;
    const { ok, value } = await call('POST', '/api/v1/policy/wizard/check', { answers: answers(), until });
    if (!ok) return announce(value.detail, 'bad');
    if (value.faults.length > 0) return faults(value.faults);
    show(current() + 1);
    if (place.dataset.at === 'done') await test();
  }

  // ---- whether it works, and what comes of it

  function row(isGood, text) {
    const one = make('li');
    one.append(make('span', isGood ? words.good : words.bad, `tag ${isGood ? 'good' : 'bad'}`), ` ${text}`);
    return one;
  }

  /** @returns whether it could be tried */
  async function test() {
    const result = get('result');
    result.replaceChildren(make('li', words.testing));
    place.dataset.tested = '';
    const { ok, value } = await call('POST', '/api/v1/policy/wizard/test', {
      answers: answers(),
      testTo: get('to').value.trim(),
    });
    if (!ok) {
      const texts = [value.detail, ...(value.problems ?? []).map(({ path, text }) => `${path}: ${text}`)];
      result.replaceChildren(...texts.map((text) => row(false, text)));
      get('diff').textContent = '';
      place.dataset.tested = 'bad';
      return;
    }
    records = value.records;
    const { message } = value;
    const state = message?.trial?.state ?? null;
    const how = message?.why ?? message?.trial?.reply?.text ?? '';
    result.replaceChildren(
      ...value.problems.map((text) => row(false, text)),
      ...value.exits.map(({ egress, isWell, why }) => row(isWell, why === null ? egress : `${egress}: ${why}`)),
      ...value.records.map(({ type, name, state: there }) => row(there === 'present', `${type} ${name}`)),
      ...(message === null ? [] : [row(state === 'delivered', `${words.message}: ${state ?? how}`)]),
    );
    get('diff').textContent = value.unified === '' ? words.same : value.unified;
    place.dataset.tested = 'done';
  }

  async function apply() {
    const button = get('apply');
    button.disabled = true;
    const { ok, value } = await call('POST', '/api/v1/policy/wizard', {
      answers: answers(),
      etag: place.dataset.etag,
      comment: get('comment').value,
    });
    button.disabled = false;
    if (!ok) return announce([value.detail, ...(value.problems ?? []).map(({ text }) => text)].join(' · '), 'bad');
    place.dataset.etag = value.etag;
    announce(words.inForce);
    const { basics } = answers();
    const missing = (records ?? []).filter(({ state }) => state !== 'present');
    const login = value.password ?? 'PASSWORD';
    get('login').textContent =
      value.password === null ? `${value.client}: ${words.known}` : `${value.client} / ${value.password}`;
    get('records').textContent = missing.length === 0 ? words.published : missing.map(({ line }) => line).join('\n');
    get('swaks').textContent =
      `swaks --server ${basics.hostname}:587 --tls --auth PLAIN --auth-user ${value.client} --auth-password ${login} --from postmaster@${basics.domain} --to you@demo.test`;
    get('before').hidden = true;
    get('after').hidden = false;
    place.dataset.applied = 'yes';
    get('after').querySelector('h3').focus();
  }

  place.addEventListener('click', (event) => {
    const action = event.target.closest('[data-do]')?.dataset.do;
    if (action === 'next') void next();
    else if (action === 'back') show(current() - 1);
    else if (action === 'test') void test();
    else if (action === 'apply') void apply();
    else if (action === 'add') addProvider(get('type').value);
  });
  place.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !event.target.matches('input:not([type=checkbox])')) return;
    event.preventDefault();
    if (place.dataset.at !== 'done' && place.dataset.at !== 'test') void next();
  });
  place.dataset.at = 'providers';
})();
