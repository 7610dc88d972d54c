/** Alerting over a store in memory, with an injected clock and whoever is told of it in lists. */
import { simpleParser } from 'mailparser';
import type { Event } from '../../src/message/event.ts';
import { policySchema } from '../../src/policy/schema.ts';
import type { Fetch, FetchAsk } from '../../src/ports.ts';
import { type Alerting, openAlerting } from '../../src/report/alerting/alerting.ts';
import type { AlertMail } from '../../src/report/alerting/delivery.ts';
import { systemRandom } from '../../src/system.ts';
import { FakeClock } from './clock.ts';
import { MemoryMarks } from './marks.ts';

export const ONCALL = 'oncall@example.com';
export const HOOK = 'https://hooks.example.com/secret-path';

export type Told = { readonly subject: string; readonly text: string; readonly mail: AlertMail };

export type AlertingWorld = {
  readonly clock: FakeClock;
  readonly marks: MemoryMarks;
  readonly mails: AlertMail[];
  readonly posts: FetchAsk[];
  readonly events: Event[];
  /** How often the hook was asked. */
  asked: number;
  /** What the hook answers; an error: it cannot be reached. */
  answer: number | Error;
  /** Whether mail can be queued. */
  isMailAway: boolean;
  /** The node whose turn it is; null: any. */
  teller: string | null;
  policy: ReturnType<typeof policySchema.parse>;
  /** Starts one relay. */
  readonly start: (node?: string) => AlertingNode;
  /** The mails so far, read. */
  readonly told: () => Promise<readonly Told[]>;
  readonly setPolicy: (alerts: object, more?: object) => void;
};

export type AlertingNode = Alerting & {
  readonly raise: (name: string, text?: string) => void;
  readonly clear: (name: string, text?: string) => void;
};

/** @param alerts of the policy; by default one address is told after 30 s */
export function openAlertingWorld(alerts: object = { to: [ONCALL] }): AlertingWorld {
  const parse = (given: object, more: object = {}) =>
    policySchema.parse({ hostname: 'relay.example.com', alerts: given, ...more });
  const clock = new FakeClock(Date.UTC(2026, 10, 22, 12));
  const world: AlertingWorld = {
    clock,
    marks: new MemoryMarks(),
    mails: [],
    posts: [],
    events: [],
    asked: 0,
    answer: 204,
    isMailAway: false,
    teller: null,
    policy: parse(alerts),
    start: (node = 'a') => startNode(world, node),
    told: () => Promise.all(world.mails.map(readTold)),
    setPolicy: (given, more) => {
      world.policy = parse(given, more);
    },
  };
  return world;
}

function startNode(world: AlertingWorld, node: string): AlertingNode {
  const { clock, marks } = world;
  const fetch: Fetch = async (ask) => {
    world.asked += 1;
    if (world.answer instanceof Error) throw world.answer;
    if (world.answer < 300) world.posts.push(ask);
    return { status: world.answer, body: Buffer.alloc(0) };
  };
  const alerting = openAlerting({
    policy: () => world.policy,
    clock,
    random: systemRandom,
    emit: (event) => void world.events.push(event),
    marks,
    node,
    isShared: world.teller !== null,
    mail: async (mail) => {
      if (world.isMailAway) throw new Error('the spool is full');
      // What is queued under an id that is known is queued once.
      if (!world.mails.some(({ id }) => id === mail.id)) world.mails.push(mail);
    },
    fetch,
    isOurs: async () => world.teller === null || world.teller === node,
    nodesUp: async () => (world.teller === null ? null : new Set(['a', 'b'])),
  });
  const tell = (name: string, text: string, raised: boolean): void =>
    alerting.heard({ event: 'alert', atMs: clock.nowMs(), name, text, raised });
  return {
    ...alerting,
    [Symbol.asyncDispose]: () => alerting[Symbol.asyncDispose](),
    raise: (name, text = `${name} is so`) => tell(name, text, true),
    clear: (name, text = `${name} is over`) => tell(name, text, false),
  };
}

async function readTold(mail: AlertMail): Promise<Told> {
  const { subject = '', text = '' } = await simpleParser(mail.content);
  return { subject, text, mail };
}
