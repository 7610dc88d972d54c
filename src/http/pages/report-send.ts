/** Sends a report by mail from the page of reports. */
import { html } from 'hono/html';
import { REPORT_PERIODS } from '../../operations/figures/report-operations.ts';
import type { Html, Language, Words } from '../page.ts';

type SendWords = {
  readonly title: string;
  readonly what: string;
  readonly periods: Readonly<Record<(typeof REPORT_PERIODS)[number], string>>;
  readonly to: string;
  readonly toHint: string;
  readonly send: string;
  readonly sent: string;
};

const WORDS: Words<SendWords> = {
  en: {
    title: 'Send by mail',
    what: 'Report of',
    periods: { day: 'the last day', week: 'the last week', month: 'the last month' },
    to: 'Address',
    toHint: 'Left empty: whom the policy names for such reports.',
    send: 'Send',
    sent: 'Queued: {count}',
  },
  es: {
    title: 'Enviar por correo',
    what: 'Informe de',
    periods: { day: 'el último día', week: 'la última semana', month: 'el último mes' },
    to: 'Dirección',
    toHint: 'Si queda vacía, a quienes la política nombra para esos informes.',
    send: 'Enviar',
    sent: 'En cola: {count}',
  },
};

/** For whoever may change something. */
export function reportSendForm(language: Language): Html {
  const words = WORDS[language];
  return html`<section class="card" aria-labelledby="send-report">
    <h2 id="send-report">${words.title}</h2>
    <form class="filters" data-api="POST /api/v1/reports/send" data-done="${words.sent}" data-then="stay">
      <label
        >${words.what}
        <select name="every">
          ${REPORT_PERIODS.map((every) => html`<option value="${every}">${words.periods[every]}</option>`)}
        </select></label
      >
      <label
        >${words.to}
        <input type="email" name="to" data-as="list" maxlength="254" aria-describedby="send-report-to" />
      </label>
      <button>${words.send}</button> <span class="hint" id="send-report-to">${words.toHint}</span>
    </form>
  </section>`;
}
