/** Forms for one more provider, a form for each kind. */
import { html, raw } from 'hono/html';
import type { Html, Language } from '../page.ts';
import type { FORM_WORDS } from './policy-forms-words.ts';

export type FormField = {
  /** As it is sent; dots make objects. */
  readonly name: string;
  readonly label: string;
  readonly value?: string;
  /** As `page.js` has it. */
  readonly as?: 'null' | 'number';
  readonly isSecret?: boolean;
  readonly isNeeded?: boolean;
  /** What holds where it is empty. */
  readonly fallback?: string;
  /** It is one of these. */
  readonly options?: readonly string[];
};

type FormWords = (typeof FORM_WORDS)[Language];

/** A field with its label; secrets are never filled in. */
export function fieldOf(field: FormField): Html {
  const { name, label, value = '', as, isSecret = false, isNeeded = false, fallback = '', options } = field;
  if (options !== undefined) return choiceOf({ name, label, value, options });
  return html`<label class="field"
    >${label}
    <input
      name="${name}"
      type="${isSecret ? 'password' : as === 'number' ? 'number' : 'text'}"
      value="${isSecret ? '' : value}"
      placeholder="${fallback}"
      autocomplete="${isSecret ? 'new-password' : 'off'}"
      ${as === 'null' ? raw('data-as="null"') : ''}
      ${isNeeded ? raw('required') : ''}
  /></label>`;
}

function choiceOf({ name, label, value = '', options = [] }: FormField): Html {
  return html`<label class="field"
    >${label}
    <select name="${name}">
      ${options.map((one) => html`<option value="${one}" ${one === value ? raw('selected') : ''}>${one}</option>`)}
    </select></label
  >`;
}

/** How an SMTP server is spoken to. */
export const TLS_OPTIONS = ['starttls', 'implicit', 'opportunistic', 'none'] as const;

type Kind = { readonly type: string; readonly title: string; readonly fields: readonly FormField[] };

/** The fields of each kind of provider, without their names' beginning. */
export function providerKinds(words: FormWords): readonly Kind[] {
  const needed = (name: string, label: string): FormField => ({ name, label, isNeeded: true });
  const secret = (name: string, label: string): FormField => ({ name, label, isNeeded: true, isSecret: true });
  const daily: FormField = { name: 'dailyLimit', label: words.dailyLimit, as: 'number' };
  return [
    {
      type: 'smtp',
      title: 'SMTP',
      fields: [
        needed('host', words.host),
        { name: 'port', label: words.port, value: '587', as: 'number' },
        { name: 'tls', label: words.tls, value: 'starttls', options: TLS_OPTIONS },
        { name: 'username', label: words.username },
        { name: 'password', label: words.secret, isSecret: true },
        daily,
      ],
    },
    { type: 'sendgrid', title: 'SendGrid', fields: [secret('apiKey', words.apiKey), daily] },
    {
      type: 'mailgun',
      title: 'Mailgun',
      fields: [needed('domain', words.domain), secret('apiKey', words.apiKey), daily],
    },
    {
      type: 'ses',
      title: 'Amazon SES',
      fields: [
        needed('region', words.region),
        needed('accessKeyId', words.accessKeyId),
        secret('secretAccessKey', words.secretAccessKey),
        daily,
      ],
    },
  ];
}

/** Each folded until it is wanted. */
export function providerForms(of: {
  readonly words: FormWords;
  readonly etag: string;
  readonly api: string;
  /** Where to go once it was added. */
  readonly after: string;
}): Html {
  const { words, etag, api, after } = of;
  return html`${providerKinds(words).map(
    ({ type, title, fields }) =>
      html`<details>
        <summary>${words.addOne(title)}</summary>
        <form class="stack" data-api="${api}" data-done="${words.done}" data-then="${after}">
          <input type="hidden" name="etag" value="${etag}" />
          <input type="hidden" name="added.type" value="${type}" />
          ${fieldOf({ name: 'added.name', label: words.name, value: type, isNeeded: true })}
          ${fields.map((field) => fieldOf({ ...field, name: `added.${field.name}` }))}
          <div class="buttons"><button class="main">${words.addOne(title)}</button></div>
        </form>
      </details>`,
  )}`;
}
