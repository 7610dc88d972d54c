/** HTTP as a relay has it: health, figures, the API, and what others may post to. */
import { RELEASE_PATH } from '../clients/release.ts';
import { DELIVERY_TAG, deliveryTagValue, MESSAGE_TAG } from '../egress/cloud/tags.ts';
import { openHooks } from '../feedback/hooks/hooks.ts';
import type { Suppressing } from '../feedback/suppression/suppression.ts';
import { UNSUBSCRIBE_PATH } from '../feedback/suppression/unsubscribe-token.ts';
import type { Foundation } from '../foundation/foundation.ts';
import type { App } from '../http/app.ts';
import type { Audit } from '../http/audit.ts';
import type { OpenPair, PairWatch } from '../http/bound-server.ts';
import { HOOKS_PREFIX, hooksPlace } from '../http/hooks.ts';
import type { Places } from '../http/posts.ts';
import { createHttp, type HttpListener } from '../http/server.ts';
import type { BodyReader } from '../http/submission/bodies.ts';
import { createKeyReader, unsubscribePlace } from '../http/unsubscribe.ts';
import { Certificate } from '../ingress/tls.ts';
import type { MailPath } from '../mail-path.ts';
import type { Operations } from '../operations/operations.ts';
import { httpPair } from '../policy/http-exposure.ts';
import type { Policy } from '../policy/schema.ts';
import type { Fetch } from '../ports.ts';
import { EventTap } from '../report/event-tap.ts';
import { releasing } from '../watches/client-watch.ts';
import type { Access } from './access.ts';
import type { OpenDesk } from './policy-desk.ts';

export type OpenHttpNeeds = {
  readonly path: Pick<MailPath, 'endTold' | 'tellReturned' | 'submit' | 'wake'>;
  readonly suppression: Pick<Suppressing, 'learn' | 'unsubscribe'>;
  readonly access: Access;
  readonly operations: Operations;
  readonly audit: Audit;
  readonly desk: OpenDesk;
  readonly notReady: () => readonly string[];
};

/** It starts with `listen`. What goes on beside it ends with `stack`. */
export function openHttp(
  foundation: Foundation,
  { path, suppression, access, operations, audit, desk, notReady }: OpenHttpNeeds,
  stack: AsyncDisposableStack,
): HttpListener {
  const { policy, ports, emit, reporting, spool, troubles } = foundation;
  const { marks, ledger } = spool;
  const { clock, random } = ports;
  const submit = path.submit.bind(path);
  const tap = new EventTap();
  const { heard } = foundation.hooks;
  foundation.hooks.heard = (event) => {
    heard(event);
    tap.heard(event);
  };
  const follow: EventTap['follow'] = (run) => tap.follow(run);
  let bodies: BodyReader | null = null;
  stack.defer(async () => bodies?.[Symbol.asyncDispose]());
  const needs = {
    access,
    submit,
    operations,
    policy,
    clock,
    random,
    emit,
    marks,
    ledger,
    spool,
    troubles,
    audit,
    follow,
  };
  let app: Promise<App> | null = null;
  return createHttp({
    policy,
    clock,
    emit,
    notReady,
    scrape: () => reporting.metrics.scrape(),
    openPair: (changed) => openPair(foundation, changed),
    app: () =>
      (app ??= Promise.all([import('./open-app.ts'), import('../http/submission/bodies.ts'), desk(operations)]).then(
        ([{ openApp }, submission, policies]) => {
          bodies = new submission.BodyReader(clock);
          return openApp({ ...needs, bodies, policies });
        },
      )),
    places: new Map([
      ...placesOf(foundation, { path, suppression }, stack),
      [RELEASE_PATH, releasing(foundation, path, audit)],
    ]),
  });
}

/** Told of by an alert of its own: mail may have another certificate. */
async function openPair({ policy, ports, emit }: Foundation, changed: Parameters<OpenPair>[0]): Promise<PairWatch> {
  const wanted = (): Policy['tls'] => ({ ...policy().tls, ...httpPair(policy()) });
  const { clock } = ports;
  const certificate = await Certificate.load(wanted(), { clock, emit, changed, alert: 'http-certificate' });
  return {
    get material() {
      return certificate.material;
    },
    apply: () => certificate.apply(wanted()),
    [Symbol.dispose]: () => certificate[Symbol.dispose](),
  };
}

function placesOf(
  { policy, ports, spool, emit }: Foundation,
  { path, suppression }: Pick<OpenHttpNeeds, 'path' | 'suppression'>,
  stack: AsyncDisposableStack,
): Places {
  const { clock, fetch = noFetch } = ports;
  const hooks = openHooks({
    policy,
    spool,
    tallies: spool.ledger,
    quotas: spool.ledger,
    random: ports.random,
    marks: spool.marks,
    clock,
    emit,
    fetch,
    learn: suppression.learn,
    endNow: (leased, ends) => path.endTold(leased, ends),
    tellReturned: (notice) => path.tellReturned(notice),
    tags: { message: MESSAGE_TAG, delivery: DELIVERY_TAG, deliveryOf: deliveryTagValue },
  });
  const stop = new AbortController();
  const watching = hooks.watch(stop.signal);
  stack.defer(async () => {
    stop.abort();
    await watching;
  });
  const keys = createKeyReader({ path: () => policy().returnPathKeys, clock });
  const unsubscribing = unsubscribePlace({ keys, unsubscribe: (token) => suppression.unsubscribe(token), clock, emit });
  return new Map([
    [HOOKS_PREFIX, hooksPlace(hooks)],
    [UNSUBSCRIBE_PATH, unsubscribing],
  ]);
}

const noFetch: Fetch = () => Promise.reject(new Error('nothing is fetched here'));
