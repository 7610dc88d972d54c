/**
 * What providers post of the mail that they were given: verified, found in the history, noted and learnt from, and only then
 * answered 200. Whatever cannot be stored now is 503, so that the provider posts it again.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { EgressPolicy } from '../../policy/schema.ts';
import type { Fetch, Random } from '../../ports.ts';
import type { Quotas } from '../../spool/ledger.ts';
import type { Marks } from '../../spool/marks.ts';
import { SpoolError } from '../../spool/spool.ts';
import type { Tallies } from '../../spool/tallies.ts';
import { type DoubtNeeds, Doubts } from './doubts.ts';
import { MAILGUN_OLDEST_MS, readMailgun } from './mailgun.ts';
import { Noting, type NotingNeeds } from './noting.ts';
import { type HookPost, type HookReading, type HookRefusal } from './provider-event.ts';
import { Refusals } from './refusals.ts';
import { readSendgrid } from './sendgrid.ts';
import { readSes } from './ses.ts';
import { SnsCertificates } from './sns-certificates.ts';
import { readSns } from './sns.ts';
import { tokensOf } from './tokens.ts';
import { Topics } from './topics.ts';

export type HookNeeds = Omit<NotingNeeds, 'doubts'> &
  DoubtNeeds & {
    readonly spool: NotingNeeds['spool'] & DoubtNeeds['spool'];
    readonly tallies: Tallies;
    readonly quotas: Quotas;
    readonly random: Random;
    readonly marks: Marks;
    readonly fetch: Fetch;
  };

export type HookAsk = {
  /** Of the exit. */
  readonly name: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly peer: string;
};

export type HookAnswer = { readonly status: 200 | 400 | 401 | 404 | 413 | 503; readonly text: string };

export type Hooks = {
  /** Whether the policy has an exit of that name with a webhook. */
  has(name: string): boolean;
  /** Never rejects. */
  take(ask: HookAsk): Promise<HookAnswer>;
};

export type WatchingHooks = Hooks & {
  /** Tells what other nodes were told of subscriptions, and what was told before this process began, until the signal. Never rejects. */
  watch(signal: AbortSignal): Promise<void>;
};

export function openHooks(needs: HookNeeds): WatchingHooks {
  const parts: Parts = {
    ...needs,
    noting: new Noting({ ...needs, doubts: new Doubts(needs) }),
    certificates: new SnsCertificates(needs),
    refusals: new Refusals(needs),
    topics: new Topics(needs),
    told: { laterMs: Number.NEGATIVE_INFINITY },
  };
  return {
    has: (name) => exitOf(parts, name) !== null,
    take: (ask) => take(parts, ask),
    watch: (signal) => parts.topics.watch(signal),
  };
}

type Parts = HookNeeds & {
  readonly noting: Noting;
  readonly certificates: SnsCertificates;
  readonly refusals: Refusals;
  readonly topics: Topics;
  /** When it was told last that something was put off, monotonic. */
  readonly told: { laterMs: number };
};

type HookExit = Extract<EgressPolicy, { readonly type: 'sendgrid' | 'mailgun' | 'ses' }>;

/** One that is not enabled as well: what it was given before may still come back. null: it has no webhook. */
function exitOf({ policy }: Parts, name: string): HookExit | null {
  const { egress } = policy();
  const exit = Object.hasOwn(egress, name) ? egress[name] : undefined;
  if (exit?.type !== 'sendgrid' && exit?.type !== 'mailgun' && exit?.type !== 'ses') return null;
  return exit.webhook === undefined ? null : exit;
}

async function take(parts: Parts, ask: HookAsk): Promise<HookAnswer> {
  const { clock, emit, refusals } = parts;
  const exit = exitOf(parts, ask.name);
  if (exit === null) return { status: 404, text: 'not found\n' };
  try {
    const post: HookPost = { headers: ask.headers, body: ask.body, nowMs: clock.nowMs() };
    const reading = await read(parts, exit, { name: ask.name, post });
    switch (reading.kind) {
      case 'refused':
        refusals.refused(ask.name, reading.reason, ask.peer);
        return REFUSED[reading.reason] ?? { status: 401, text: 'not believed\n' };
      case 'later':
        return later(parts, reading.why);
      case 'done':
        return OK;
      case 'events':
        return await store(parts, ask.name, reading);
    }
  } catch (cause) {
    // A store that is away has an alert of its own.
    if (!(cause instanceof SpoolError) || cause.isFinal)
      emit({ event: 'failed', atMs: clock.nowMs(), where: 'hooks', cause: String(cause) });
    return AGAIN;
  }
}

const LATER_TOLD_EVERY_MS = 10_000;
const OK: HookAnswer = { status: 200, text: 'ok\n' };
const AGAIN: HookAnswer = { status: 503, text: 'not now: again later\n' };
const REFUSED: Partial<Record<HookRefusal, HookAnswer>> = {
  malformed: { status: 400, text: 'not in the form of a webhook\n' },
  'too-large': { status: 413, text: 'too large\n' },
};

/** Now and then: anybody may bring it about. */
function later({ clock, emit, told }: Parts, why: string): HookAnswer {
  if (clock.monotonicMs() - told.laterMs < LATER_TOLD_EVERY_MS) return AGAIN;
  told.laterMs = clock.monotonicMs();
  emit({ event: 'failed', atMs: clock.nowMs(), where: 'hooks', cause: why });
  return AGAIN;
}

async function store(
  { noting, clock, emit }: Parts,
  egress: string,
  { events, ignored, stored, failed }: HookReading & { readonly kind: 'events' },
): Promise<HookAnswer> {
  const sum = await noting.note(egress, events).catch(async (cause: unknown) => {
    // A store that is away frees it by itself, later.
    await failed?.().catch(() => undefined);
    throw cause;
  });
  await stored?.();
  const { noted, ...passedOver } = sum;
  emit({ event: 'hook-taken', atMs: clock.nowMs(), egress, noted, passedOver: { ...passedOver, ignored } });
  return OK;
}

type Named = { readonly name: string; readonly post: HookPost };

async function read(parts: Parts, exit: HookExit, { name, post }: Named): Promise<HookReading> {
  if (exit.type === 'sendgrid') return readSendgrid(post, { publicKey: exit.webhook?.publicKey ?? '' });
  if (exit.type === 'mailgun') {
    const tokens = tokensOf(parts, { exit: name, keepMs: MAILGUN_OLDEST_MS });
    return readMailgun(post, { signingKey: exit.webhook?.signingKey ?? '', tokens });
  }
  return readTopic(parts, { name, post, topicArns: exit.webhook?.topicArns ?? [] });
}

async function readTopic(
  parts: Parts,
  { name, post, topicArns }: Named & { readonly topicArns: readonly string[] },
): Promise<HookReading> {
  const sns = await readSns(post, { topicArns, certificates: parts.certificates });
  if (sns.kind !== 'believed') return sns;
  const { message } = sns;
  if (message.type === 'SubscriptionConfirmation') return parts.topics.confirm(name, message);
  if (message.type === 'UnsubscribeConfirmation') {
    await parts.topics.ended(name, message);
    return { kind: 'done' };
  }
  const events = readSes(message.text, message.id);
  return { kind: 'events', events: events ?? [], ignored: events === null ? 1 : 0 };
}
