/** Mail over real HTTP into a real store: the routes that take it, tokens, and ingress without SMTP. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAccess } from '../../src/access/access.ts';
import { sesRoutes } from '../../src/http/api/ses.ts';
import { submitRoutes } from '../../src/http/api/submit.ts';
import type { AdmissionNeeds } from '../../src/http/admission.ts';
import { createApp } from '../../src/http/app.ts';
import type { ApiRoute } from '../../src/http/route.ts';
import { createHttp } from '../../src/http/server.ts';
import { Signatures } from '../../src/http/ses/signatures.ts';
import { BodyReader } from '../../src/http/submission/bodies.ts';
import { createKeyReader } from '../../src/http/unsubscribe.ts';
import { Receiver } from '../../src/ingress/receive.ts';
import { submit } from '../../src/ingress/submit.ts';
import type { Event } from '../../src/message/event.ts';
import type { MessageId } from '../../src/message/ids.ts';
import type { TokenAsk } from '../../src/operations/token-operations.ts';
import { type Policy, policySchema } from '../../src/policy/schema.ts';
import type { Clock, Emit } from '../../src/ports.ts';
import type { SpoolWithLedger } from '../../src/foundation/open-spool.ts';
import { openEmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { systemRandom } from '../../src/system.ts';
import { madeSignatures } from './blank-signatures.ts';
import { FakeClock } from './clock.ts';

/** Clients: `shop` sends as shop.example, `crm` too, `news` as news.example. */
const CLIENTS = {
  shop: { networks: ['127.0.0.2'], senders: ['*@shop.example'] },
  crm: { networks: ['127.0.0.3'], senders: ['*@crm.example', 'ana@shop.example'] },
  news: { networks: ['127.0.0.4'], senders: ['*@news.example'], stream: 'marketing' },
};

type Options = {
  readonly policy?: object;
  readonly clock?: Clock;
  /** A store that another rig had, which is closed. */
  readonly folder?: string;
  /** Another store, such as one that nodes share; the rig ends it. */
  readonly spool?: SpoolWithLedger;
  /** Before the store is asked. */
  readonly beforeAccept?: () => Promise<void>;
};

/** Ingress without SMTP, and without signatures. */
function ingressOver(
  given: { policy: () => Policy; spool: SpoolWithLedger; clock: Clock; emit: Emit },
  beforeAccept: Options['beforeAccept'] = async () => {},
) {
  const { spool } = given;
  const receiver = new Receiver({
    ...given,
    spool: {
      trouble: () => spool.trouble(),
      accept: (submission) => beforeAccept().then(() => spool.accept(submission)),
    },
    handoff: { reserve: () => null, take: () => {}, cancel: () => {}, wake: () => {} },
    leaveBlank: async () => madeSignatures(),
    random: systemRandom,
  });
  return (mail: Parameters<typeof submit>[1]) => submit({ ...given, ledger: spool.ledger, receiver }, mail);
}

type Served = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly admission: AdmissionNeeds;
  readonly routes: readonly ApiRoute[];
};

/** @returns where */
async function served(
  { policy, clock, emit, admission, routes }: Served,
  things: AsyncDisposableStack,
): Promise<string> {
  const app = createApp({
    ...admission,
    routes,
    pages: [],
    assets: async () => null,
    audit: async () => {},
    isOwnHost: () => true,
    layout: async () => Promise.reject(new Error('there are no pages here')),
  });
  const scrape = async () => ({ contentType: 'text/plain', text: '' });
  const http = things.use(createHttp({ policy, clock, emit, notReady: () => [], scrape, app: async () => app }));
  const bound = await http.listen();
  if (bound.kind !== 'listening') throw new Error(bound.cause);
  return `http://127.0.0.1:${bound.port}`;
}

/** Ends with all that it opened, but for the folder, which the test removes. */
export async function openSubmitRig({ policy: given = {}, clock = new FakeClock(), ...options }: Options = {}) {
  await using things = new AsyncDisposableStack();
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'relevo-submit-')));
  const accessKeys = join(folder, 'access.keys');
  const policy: Policy = policySchema.parse({
    hostname: 'relay.example',
    http: { listen: '127.0.0.1:0', accessKeys },
    clients: CLIENTS,
    streams: { transactional: { priority: 'high' }, marketing: { priority: 'low' } },
    ...given,
  });
  const events: Event[] = [];
  const emit: Emit = (event) => void events.push(event);
  const embedded = () => openEmbeddedSpool({ path: join(folder, 'spool'), durability: 'relaxed', clock });
  const spool = things.use(options.spool ?? (await embedded()));
  const { marks, ledger } = spool;
  const current = (): Policy => policy;
  const access = openAccess({ policy: current, ports: { clock, random: systemRandom }, marks, ledger });
  const bodies = things.use(new BodyReader(clock));
  const keys = createKeyReader({ path: () => accessKeys, clock });
  const admission = { clock, emit, ...access.admission };
  const signatures = new Signatures({ ...admission, ofAccessKey: access.ofAccessKey, keys });
  const needs = {
    policy: current,
    clock,
    spool,
    bodies,
    signatures,
    submit: ingressOver({ policy: current, spool, clock, emit }, options.beforeAccept),
  };
  const routes = [...submitRoutes(needs), ...sesRoutes(needs)];
  const base = await served({ policy: current, clock, emit, admission, routes }, things);
  const issue = (ask: Partial<TokenAsk> = {}) =>
    access.tokens.createToken({ name: 'app', scopes: ['submit'], lifetimeMs: null, ...ask });
  const post = (path: string, body: string | Buffer, headers: Readonly<Record<string, string>>) =>
    fetch(base + path, { method: 'POST', body: typeof body === 'string' ? body : new Uint8Array(body), headers });
  const textOf = async (id: string): Promise<string> => {
    const found = await spool.content(id as MessageId);
    if (found.kind !== 'found') throw new Error(`${id} is ${found.kind}`);
    return found.content.toString();
  };
  const kept = things.move();
  return {
    base,
    folder,
    clock,
    events,
    spool,
    policy,
    issue,
    post,
    textOf,
    tokens: access.tokens,
    [Symbol.asyncDispose]: async () => {
      await kept.disposeAsync();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
