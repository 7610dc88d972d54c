/** The wizard: providers, basics, advanced, test, done. */
import { html, raw } from 'hono/html';
import { WIZARD_STEPS, type WizardStep } from '../../operations/wizard/answers.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Language, Page } from '../page.ts';
import { FORM_WORDS } from './policy-forms-words.ts';
import { fieldOf, providerKinds } from './policy-provider-forms.ts';
import { WIZARD_SCRIPT_WORDS, WIZARD_WORDS } from './wizard-words.ts';

type WizardWords = (typeof WIZARD_WORDS)[Language];

export function wizardPage({ policies, policy }: Pick<RouteNeeds, 'policies' | 'policy'>): Page {
  return {
    path: '/policy/wizard',
    scope: 'admin',
    nav: null,
    render: async ({ language }) => {
      const words = WIZARD_WORDS[language];
      const { etag } = await policies.operations.file();
      const { hostname, domains } = policy();
      const [domain = ''] = Object.keys(domains);
      const main = html`<link rel="stylesheet" href="/assets/policy.css" />
        <p class="lead">${words.lead}</p>
        <p><a href="/policy">${words.back}</a></p>
        <div id="wizard" data-words="${JSON.stringify(WIZARD_SCRIPT_WORDS[language])}" data-etag="${etag}">
          <ol class="steps" id="wizard-steps" aria-label="${words.stepsName}">
            ${words.steps.map((name, at) => html`<li ${at === 0 ? raw('aria-current="step"') : ''}>${at + 1}. ${name}</li>`)}
          </ol>
          <div class="notice bad" id="wizard-problem" tabindex="-1" role="alert" hidden>
            <strong>${words.wrong}</strong>
            <ul id="wizard-faults"></ul>
          </div>
          ${providersStep(language)} ${basicsStep(words, { hostname, domain })} ${advancedStep(words)}
          ${testStep(words)} ${doneStep(words)}
        </div>`;
      return { title: words.title, main, scripts: ['wizard.js'] };
    },
  };
}

function stepOf(words: WizardWords, step: WizardStep, content: Html): Html {
  const at = WIZARD_STEPS.indexOf(step);
  const back = html`<button type="button" data-do="back">${words.previous}</button>`;
  const next = html`<button type="button" class="main" data-do="next">${words.next}</button>`;
  return html`<section class="card" data-step="${step}" ${at === 0 ? '' : raw('hidden')}>
    <h2>${at + 1}. ${words.steps[at] ?? ''}</h2>
    ${content}
    <div class="buttons">${at === 0 ? '' : back} ${step === 'done' ? '' : next}</div>
  </section>`;
}

function providersStep(language: Language): Html {
  const [words, forms] = [WIZARD_WORDS[language], FORM_WORDS[language]];
  const kinds = [...providerKinds(forms), { type: 'mx', title: words.mx, fields: [] }];
  return stepOf(
    words,
    'providers',
    html`<p>${words.providersLead}</p>
      <p class="hint">${forms.secretHint}</p>
      <div id="wizard-providers" class="grid"></div>
      <div class="filters">
        <label class="field"
          >${words.addLabel}
          <select id="wizard-type">
            ${kinds.map(({ type, title }) => html`<option value="${type}">${title}</option>`)}
          </select></label
        >
        <button type="button" id="wizard-add" data-do="add">${words.add}</button>
      </div>
      ${kinds.map(
        ({ type, title, fields }) =>
          html`<template data-type="${type}"
            ><fieldset data-type="${type}">
              <legend>${title}</legend>
              ${fieldOf({ name: 'name', label: forms.name, value: type })} ${fields.map(fieldOf)}
              <button type="button" data-remove>${words.remove}</button>
            </fieldset></template
          >`,
      )}`,
  );
}

type Answer = { readonly answer: string; readonly label: string; readonly value?: string; readonly rows?: number };

function answerOf({ answer, label, value = '', rows }: Answer): Html {
  if (rows === undefined)
    return html`<label class="field"
      >${label} <input data-answer="${answer}" value="${value}" autocomplete="off"
    /></label>`;
  return html`<label class="field"
    >${label} <textarea data-answer="${answer}" data-as="lines" rows="${rows}"></textarea>
  </label>`;
}

function basicsStep(
  words: WizardWords,
  { hostname, domain }: { readonly hostname: string; readonly domain: string },
): Html {
  const answers: readonly Answer[] = [
    { answer: 'basics.hostname', label: words.hostname, value: hostname },
    { answer: 'basics.domain', label: words.domain, value: domain },
    { answer: 'basics.client', label: words.client, value: 'app' },
    { answer: 'basics.postmaster', label: words.postmaster },
    { answer: 'basics.networks', label: words.networks, rows: 3 },
  ];
  return stepOf(words, 'basics', html`${answers.map(answerOf)}`);
}

function advancedStep(words: WizardWords): Html {
  const box = (answer: string, label: string, isChecked: boolean): Html =>
    html`<p>
      <label><input type="checkbox" data-answer="${answer}" ${isChecked ? raw('checked') : ''} /> ${label}</label>
    </p>`;
  return stepOf(
    words,
    'advanced',
    html`<label class="field"
        >${words.first}
        <select data-answer="advanced.first">
          <option value="own">${words.own}</option>
          <option value="cloud">${words.cloud}</option>
        </select></label
      >
      ${box('advanced.warmup', words.warmup, false)} ${box('advanced.marketing', words.marketing, true)}
      ${answerOf({ answer: 'advanced.timeZone', label: words.timeZone, value: 'UTC' })}
      ${answerOf({ answer: 'advanced.alertsTo', label: words.alertsTo, rows: 2 })}`,
  );
}

function testStep(words: WizardWords): Html {
  return stepOf(
    words,
    'test',
    html`<p>${words.testLead}</p>
      <label class="field">${words.testTo} <input id="wizard-to" autocomplete="off" /></label>
      <div class="buttons"><button type="button" data-do="test">${words.test}</button></div>
      <ul class="plain" id="wizard-result" aria-live="polite"></ul>`,
  );
}

function doneStep(words: WizardWords): Html {
  return stepOf(
    words,
    'done',
    html`<div id="wizard-before">
        <p>${words.doneLead}</p>
        <pre class="diff" id="wizard-diff" tabindex="0" aria-label="${words.diff}"></pre>
        <label class="field">${words.comment} <input id="wizard-comment" maxlength="500" autocomplete="off" /></label>
        <div class="buttons">
          <button type="button" class="main" id="wizard-apply" data-do="apply">${words.apply}</button>
        </div>
      </div>
      <div id="wizard-after" hidden>
        <h3 tabindex="-1">${words.after}</h3>
        <p>${words.login}</p>
        <pre id="wizard-login"></pre>
        <p>${words.records}</p>
        <pre id="wizard-records"></pre>
        <p>${words.swaks}</p>
        <pre id="wizard-swaks"></pre>
      </div>`,
  );
}
