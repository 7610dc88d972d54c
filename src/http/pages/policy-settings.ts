/** The simple form of the policy: preset, providers, limits, alerts. */
import { html, raw } from 'hono/html';
import { defaultOf, settingsIn, type WrittenExit, type WrittenSettings } from '../../operations/policy/settings.ts';
import { presetTotals } from '../../policy/presets/presets.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Language, Page } from '../page.ts';
import { count } from './format.ts';
import { FORM_WORDS } from './policy-forms-words.ts';
import { type FormField, fieldOf, providerForms, TLS_OPTIONS } from './policy-provider-forms.ts';

type View = {
  readonly settings: WrittenSettings;
  readonly etag: string;
  readonly language: Language;
  readonly words: (typeof FORM_WORDS)[Language];
};

const SAVE = 'POST /api/v1/policy/settings';
const HERE = '/policy/settings';

export function policySettingsPage({ policies }: Pick<RouteNeeds, 'policies'>): Page {
  return {
    path: HERE,
    scope: 'admin',
    nav: null,
    render: async ({ language }) => {
      const words = FORM_WORDS[language];
      const { text, etag, notWritable } = await policies.operations.file();
      const settings = settingsIn(text);
      const back = html`<p><a href="/policy">${words.back}</a></p>`;
      if (settings === null)
        return {
          title: words.title,
          main: html`${back}
            <p class="notice bad">${words.unreadable}</p>`,
        };
      const view: View = { settings, etag, language, words };
      const main = html`<p class="lead">${words.lead}</p>
        ${back} ${notWritable === null ? '' : html`<p class="notice warn">${notWritable}</p>`} ${formOf(view)}
        <section class="card">
          <h2>${words.add}</h2>
          <p class="hint">${words.addHint} ${words.secretHint}</p>
          ${providerForms({ words, etag, api: SAVE, after: HERE })}
        </section>`;
      return { title: words.title, main };
    },
  };
}

function formOf(view: View): Html {
  const { settings, etag, words } = view;
  return html`<form class="stack" data-api="${SAVE}" data-done="${words.done}" data-then="${HERE}">
    <input type="hidden" name="etag" value="${etag}" />
    ${presetOf(view)}
    <fieldset>
      <legend>${words.exits}</legend>
      ${settings.exits.length === 0 ? html`<p>${words.noExits}</p>` : html`<p class="hint">${words.secretHint}</p>`}
      <div class="grid">${settings.exits.map((exit, place) => exitOf(exit, place, words))}</div>
    </fieldset>
    ${limitsOf(view)} ${alertsOf(view)}
    <label>${words.comment} <input name="comment" maxlength="500" autocomplete="off" /></label>
    <div class="buttons"><button class="main">${words.save}</button></div>
  </form>`;
}

function presetOf({ settings, language, words }: View): Html {
  const options = presetTotals().map(({ name, perDay }) => {
    const selected = name === settings.preset ? raw('selected') : '';
    return html`<option value="${name}" ${selected}>${name} – ${count(perDay, language)} ${words.perDay}</option>`;
  });
  return html`<fieldset>
    <legend>${words.preset}</legend>
    <label class="field"
      >${words.preset}
      <select name="preset" data-as="null" aria-describedby="preset-hint">
        <option value="">${words.none}</option>
        ${options}
      </select></label
    >
    <p class="hint" id="preset-hint">${words.presetHint}</p>
  </fieldset>`;
}

function exitOf(exit: WrittenExit, place: number, words: View['words']): Html {
  const { name, type, isEnabled, hasSecret } = exit;
  const at = `exits.${place}`;
  const isServer = type === 'smtp';
  const fields: FormField[] = [
    ...(isServer
      ? ([
          { name: `${at}.host`, label: words.host, value: exit.host, as: 'null' },
          { name: `${at}.port`, label: words.port, value: exit.port, as: 'null' },
          { name: `${at}.tls`, label: words.tls, value: exit.tls === '' ? 'starttls' : exit.tls, options: TLS_OPTIONS },
          { name: `${at}.username`, label: words.username, value: exit.username, as: 'null' },
        ] as const)
      : []),
    { name: `${at}.dailyLimit`, label: words.dailyLimit, value: exit.dailyLimit, as: 'null' },
  ];
  const secret: FormField = {
    name: `${at}.secret`,
    label: hasSecret ? `${words.secret} (${words.secretKept})` : words.secret,
    isSecret: true,
  };
  const hasKey = isServer || type === 'sendgrid' || type === 'mailgun' || type === 'ses';
  return html`<fieldset>
    <legend>${name} (${type})</legend>
    <input type="hidden" name="${at}.name" value="${name}" />
    <label
      ><input type="checkbox" name="${at}.isEnabled" data-as="boolean" ${isEnabled ? raw('checked') : ''} />
      ${words.isEnabled}</label
    >
    ${fields.map(fieldOf)} ${hasKey ? fieldOf(secret) : ''}
  </fieldset>`;
}

function limitsOf({ settings, words }: View): Html {
  const fields = Object.entries(words.limit).map(([key, label]): FormField => {
    const value = settings.limits[key as keyof WrittenSettings['limits']];
    return { name: `limits.${key}`, label, value, as: 'null', fallback: defaultOf('limits', key) };
  });
  return html`<fieldset>
    <legend>${words.limits}</legend>
    <p class="hint">${words.limitsHint}</p>
    <div class="grid">${fields.map(fieldOf)}</div>
  </fieldset>`;
}

function alertsOf({ settings: { alerts }, words }: View): Html {
  const lines = alerts.to.join('\n');
  return html`<fieldset>
    <legend>${words.alerts}</legend>
    ${
      alerts.isPlain
        ? html`<label class="field"
            >${words.alertsTo} <textarea name="alerts.to" data-as="lines" rows="3">${lines}</textarea>
          </label>`
        : html`<p class="hint">${words.alertsElsewhere}</p>`
    }
    <p class="hint">${words.limitsHint}</p>
    ${[
      {
        name: 'alerts.failureRate',
        label: words.failureRate,
        value: alerts.failureRate,
        as: 'null',
        fallback: defaultOf('alerts', 'failureRate'),
      } as const,
      {
        name: 'alerts.queueAge',
        label: words.queueAge,
        value: alerts.queueAge,
        as: 'null',
        fallback: defaultOf('alerts', 'queueAge'),
      } as const,
    ].map(fieldOf)}
  </fieldset>`;
}
