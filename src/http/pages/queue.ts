/** The page Queue: what waits where and for how long, why, and what to do with it. */
import { html } from 'hono/html';
import { z } from 'zod';
import { parseDeliveryId } from '../../message/ids.ts';
import type { Explanation, Operations } from '../../operations/operations.ts';
import type { QueuedDelivery, QueueFilter } from '../../spool/spool.ts';
import { filterOf, filterQuery } from '../api/queue-filter.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Page, PageAsk } from '../page.ts';
import { deliveriesOf, lookingFor } from './queue-deliveries.ts';
import { shapeOf } from './queue-shape.ts';
import { QUEUE_PATH, type QueueView } from './queue-view.ts';
import { QUEUE_WORDS } from './queue-words.ts';
import { choice, field, givenIn, names, type RecordTold, states } from './record-parts.ts';
import { soon } from './soon.ts';

export type QueueNeeds = Pick<RouteNeeds, 'policy' | 'troubles' | 'clock'> & {
  readonly operations: Pick<Operations, 'overview' | 'shape' | 'list' | 'preview' | 'explain'>;
};

const SHOWN = 40;
const EXPLAINED = 4;
const FIELDS = ['id', 'domain', 'client', 'stream', 'egress', 'sender', 'recipient', 'state', 'scheduled'] as const;

export function queuePage(needs: QueueNeeds): Page {
  return {
    path: QUEUE_PATH,
    scope: 'read',
    nav: { order: 30, name: { en: QUEUE_WORDS.en.title, es: QUEUE_WORDS.es.title } },
    render: async (ask) => {
      const told = toldOf(needs, ask);
      const given = asked(ask.query);
      const filter = filterIn(given, ask.nowMs);
      const looking = filter.kind === 'good' ? viewOf(needs, ask, { given, filter: filter.filter }) : null;
      const [view, shape] = await Promise.all([
        looking === null ? null : soon(needs.clock, ask, looking),
        soon(needs.clock, ask, needs.operations.shape({ filter: {} })),
      ]);
      const main = html`${shapeOf(shape, { told, troubles: needs.troubles })} ${form(needs, given, told)}
      ${filter.kind === 'bad' ? wrong(filter.text, told) : view === null ? lookingFor(given, told) : deliveriesOf(view, told)}`;
      return { title: QUEUE_WORDS[told.language].title, main };
    },
  };
}

function toldOf({ policy }: QueueNeeds, { nowMs, language, principal }: PageAsk): RecordTold {
  return { nowMs, zone: policy().timeZone, language, mayChange: principal.scopes.includes('operate') };
}

function asked(query: URLSearchParams): Record<string, string> {
  const given = givenIn(query);
  return Object.fromEntries(FIELDS.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name].trim()]])));
}

type Filtered =
  | { readonly kind: 'good'; readonly filter: QueueFilter }
  | { readonly kind: 'bad'; readonly text: string };

const filterFields = z.strictObject(filterQuery);

function filterIn({ id, ...others }: Readonly<Record<string, string>>, nowMs: number): Filtered {
  const ids = id?.split(/[\s,]+/).filter((one) => one !== '');
  const parsed = filterFields.safeParse({ ...others, ...(ids === undefined ? {} : { id: ids.join(',') }) });
  if (parsed.success) return { kind: 'good', filter: filterOf(parsed.data, nowMs) };
  const faults = parsed.error.issues.map(
    ({ path, message }) => `${path[0] === undefined ? '' : String(path[0])}: ${message}`,
  );
  return { kind: 'bad', text: faults.join('; ') };
}

async function viewOf(
  { operations }: QueueNeeds,
  { query }: PageAsk,
  { given, filter }: { readonly given: QueueView['given']; readonly filter: QueueFilter },
): Promise<QueueView> {
  const after = parseDeliveryId(query.get('after') ?? '');
  const read =
    Object.keys(filter).length === 0
      ? await wholeQueue(operations, after)
      : { ...(await operations.preview({ filter })), next: null };
  const explanations = await whyOf(operations, read.found);
  return { ...read, given, explanations, isPaged: after !== null };
}

/** All of it is counted already; a page of it is no walk. */
async function wholeQueue(operations: QueueNeeds['operations'], after: ReturnType<typeof parseDeliveryId>) {
  const [found, { deliveries }] = await Promise.all([
    operations.list({ filter: {}, limit: SHOWN, after }),
    operations.overview(),
  ]);
  const next = found.length < SHOWN ? null : (found.at(-1)?.delivery.id ?? null);
  return { found, count: deliveries, isWhole: true, next };
}

/** Of each destination one that is shown and waits. */
async function whyOf(
  operations: QueueNeeds['operations'],
  found: readonly QueuedDelivery[],
): Promise<readonly Explanation[]> {
  const byDomain = new Map<string, QueuedDelivery>();
  for (const one of found) {
    const { domain } = one.delivery;
    if (one.leasedUntilMs === null && !byDomain.has(domain)) byDomain.set(domain, one);
  }
  const some = [...byDomain.values()].slice(0, EXPLAINED);
  const answers = await Promise.all(some.map(({ delivery }) => operations.explain({ id: delivery.id })));
  return answers.flatMap((one) => one ?? []);
}

function form({ policy }: QueueNeeds, given: QueueView['given'], { language }: RecordTold): Html {
  const words = QUEUE_WORDS[language];
  const { clients, streams, egress } = policy();
  const value = (name: (typeof FIELDS)[number]): string => given[name] ?? '';
  const any = words.any;
  return html`<form
    class="card"
    method="get"
    action="${QUEUE_PATH}"
    data-filter
    role="search"
    aria-label="${words.filter}"
  >
    <div class="filters">
      ${field({ name: 'domain', label: words.domain }, value('domain'))}
      ${field({ name: 'sender', label: words.sender }, value('sender'))}
      ${field({ name: 'recipient', label: words.recipient }, value('recipient'))}
      ${choice({ name: 'client', label: words.client, any }, names(Object.keys(clients)), value('client'))}
      ${choice({ name: 'stream', label: words.stream, any }, names(Object.keys(streams)), value('stream'))}
      ${choice({ name: 'egress', label: words.exit, any }, names(Object.keys(egress)), value('egress'))}
      ${choice(
        { name: 'state', label: words.state, any },
        states(language, ['queued', 'held', 'quarantined']),
        value('state'),
      )}
      ${choice(
        { name: 'scheduled', label: words.scheduled, any },
        [{ value: 'true', text: words.onlyScheduled }],
        value('scheduled'),
      )}
      ${field({ name: 'id', label: words.id, size: 30 }, value('id'))}
      <button class="main">${words.apply}</button> <a class="button" href="${QUEUE_PATH}">${words.clear}</a>
    </div>
  </form>`;
}

function wrong(text: string, { language }: RecordTold): Html {
  return html`<p class="notice bad" role="alert"><strong>${QUEUE_WORDS[language].wrong}</strong> ${text}</p>`;
}
