/** Deliveries by destination and age, as a heat table: numbers, and the darker the more. */
import { html } from 'hono/html';
import type { QueueShape } from '../../operations/operations.ts';
import { formatAge } from '../../policy/units.ts';
import type { Troubles } from '../../report/troubles.ts';
import type { Html } from '../page.ts';
import { ago, count } from './format.ts';
import { QUEUE_WORDS } from './queue-words.ts';
import type { RecordTold } from './record-parts.ts';

const ROWS_SHOWN = 20;
const HEATS = 5;

type Around = { readonly told: RecordTold; readonly troubles: Pick<Troubles, 'deferralOf'> };

/** @param shape null: it is being counted */
export function shapeOf(shape: QueueShape | null, around: Around): Html {
  const { language } = around.told;
  const words = QUEUE_WORDS[language];
  const { agesMs, rows, isWhole } = shape ?? { agesMs: [], rows: [], isWhole: true };
  const shown = rows.slice(0, ROWS_SHOWN);
  const most = Math.max(1, ...shown.flatMap(({ byAge }) => byAge));
  const left = rows.length - shown.length;
  const table = html`<p class="hint">${words.shapeHint}</p>
    <div class="scroll" tabindex="0" role="region" aria-label="${words.shape}">
      <table class="heat">
        <thead>
          <tr>
            <th scope="col">${words.destination}</th>
            <th scope="col" class="num">${words.all}</th>
            ${agesMs.map((age) => html`<th scope="col" class="num">${words.under(formatAge(age))}</th>`)}
            <th scope="col" class="num">${words.older}</th>
            <th scope="col">${words.why}</th>
          </tr>
        </thead>
        <tbody>
          ${shown.map((row) => rowOf(row, { ...around, most }))}
        </tbody>
      </table>
    </div>
    ${left > 0 ? html`<p class="soft">${words.moreDomains(count(left, language))}</p>` : ''}
    ${isWhole ? '' : html`<p class="soft">${words.partial}</p>`}`;
  return html`<section class="card" data-live="shape" aria-labelledby="shape">
    <h2 id="shape">${words.shape}</h2>
    ${rows.length === 0 ? html`<p>${shape === null ? words.counting : words.empty}</p>` : table}
  </section>`;
}

function rowOf(
  { domain, total, byAge }: QueueShape['rows'][number],
  { told, troubles, most }: Around & { readonly most: number },
): Html {
  const deferral = troubles.deferralOf(domain);
  return html`<tr>
    <th scope="row"><a href="/queue?domain=${encodeURIComponent(domain)}">${domain}</a></th>
    <td class="num">${count(total, told.language)}</td>
    ${byAge.map((many) => cellOf(many, most, told))}
    <td>
      ${deferral === null ? '' : html`<bdi>${deferral.reason}</bdi> <span class="soft">${ago(deferral.atMs, told)}</span>`}
    </td>
  </tr>`;
}

function cellOf(many: number, most: number, { language }: RecordTold): Html {
  return html`<td class="num heat-${heatOf(many, most)}">${many === 0 ? '' : count(many, language)}</td>`;
}

/** 0 for none, 1 to 5: by orders of magnitude, so that few beside very many can be seen. */
function heatOf(many: number, most: number): number {
  if (many === 0) return 0;
  return Math.max(1, Math.ceil((Math.log1p(many) / Math.log1p(most)) * HEATS));
}
