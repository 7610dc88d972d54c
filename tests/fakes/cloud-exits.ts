/** Exits by a provider at a fake of it, and what the tests of all of them ask. */
import { vi } from 'vitest';
import type { Arrived } from '../../src/egress/egress.contract.ts';
import type { AttemptResult, Egress } from '../../src/egress/egress.ts';
import type { Outcome } from '../../src/message/outcome.ts';
import type { ExitSign } from '../../src/egress/cloud/headers.ts';
import { openMailgunEgress } from '../../src/egress/mailgun/mailgun-egress.ts';
import { openSesEgress } from '../../src/egress/ses/ses-egress.ts';
import type { Event } from '../../src/message/event.ts';
import type { MailgunEgressPolicy, SesEgressPolicy } from '../../src/policy/schema.ts';
import { systemDial, systemDns, systemRandom } from '../../src/system.ts';
import { FakeClock } from './clock.ts';
import {
  mailgunArrived,
  MAILGUN_DOMAIN,
  type MailgunFacts,
  mailgunKeyOf,
  mailgunSends,
  startMailgun,
} from './cloud-mailgun.ts';
import type { CloudAct, CloudServer } from './cloud-server.ts';
import { sesArrived, sesKeyOf, sesSends, startSes } from './cloud-ses.ts';
import { testPolicy } from './exits.ts';

export type Alert = Extract<Event, { event: 'alert' }>;

export type CloudRig = AsyncDisposable & {
  readonly egress: Egress;
  readonly server: CloudServer;
  readonly clock: FakeClock;
  readonly events: readonly Event[];
  alerts(name: string): readonly Alert[];
  arrived(): readonly Arrived[];
  /** With which keys messages came, in order. */
  keysUsed(): readonly string[];
};

export type CloudRigOptions = {
  readonly keys?: readonly string[];
  /** Settings as in the file. */
  readonly settings?: Record<string, unknown>;
  readonly sign?: ExitSign;
  readonly account?: () => object | null;
  readonly facts?: MailgunFacts;
};

export const KEYS = ['FIRST0000000000000001', 'SECOND000000000000002'];

type Opened = { readonly egress: Egress; readonly server: CloudServer };

async function rigOf(
  open: (ports: Parameters<typeof openMailgunEgress>[2]) => Promise<Opened>,
  told: {
    readonly arrived: (server: CloudServer) => readonly Arrived[];
    readonly keysUsed: (server: CloudServer) => readonly string[];
  },
  sign: ExitSign | undefined,
): Promise<CloudRig> {
  const clock = new FakeClock(Date.UTC(2026, 10, 22));
  const events: Event[] = [];
  const emit = (event: Event): void => {
    events.push(event);
  };
  const ports = { clock, random: systemRandom, dns: systemDns(() => null), dial: systemDial, emit };
  const { egress, server } = await open({ ...ports, ...(sign === undefined ? {} : { sign }) });
  return {
    egress,
    server,
    clock,
    events,
    alerts: (name) => events.filter((event): event is Alert => event.event === 'alert' && event.name === name),
    arrived: () => told.arrived(server),
    keysUsed: () => told.keysUsed(server),
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

export function sesPolicy(
  endpoint: string,
  { keys = KEYS.slice(0, 1), settings = {} }: CloudRigOptions = {},
): SesEgressPolicy {
  const apiKeys = keys.map((key) => `${key}:secret-of-${key}`);
  const exit = testPolicy({ egress: { cloud: { type: 'ses', region: 'eu-west-1', endpoint, apiKeys, ...settings } } })
    .egress['cloud'];
  if (exit?.type !== 'ses') throw new Error('not an ses exit');
  return exit;
}

/** By `MAILGUN_DOMAIN`. */
export function mailgunPolicy(
  endpoint: string,
  { keys = KEYS.slice(0, 1), settings = {} }: CloudRigOptions = {},
): MailgunEgressPolicy {
  const exit = testPolicy({
    egress: { cloud: { type: 'mailgun', domain: MAILGUN_DOMAIN, endpoint, apiKeys: [...keys], ...settings } },
  }).egress['cloud'];
  if (exit?.type !== 'mailgun') throw new Error('not a mailgun exit');
  return exit;
}

/** Once it has looked at the account. */
export function openSesRig(options: CloudRigOptions = {}): Promise<CloudRig> {
  return rigOf(
    async (ports) => {
      const server = await startSes(options.account);
      const egress = openSesEgress('cloud', sesPolicy(server.url, options), ports);
      await vi.waitFor(() => {
        if (server.requests.length === 0) throw new Error('no look at the account yet');
      }, 10_000);
      return { egress, server };
    },
    { arrived: sesArrived, keysUsed: (server) => sesSends(server).map(sesKeyOf) },
    options.sign,
  );
}

/** An exit by Mailgun at a fake of it. */
export function openMailgunRig(options: CloudRigOptions = {}): Promise<CloudRig> {
  return rigOf(
    async (ports) => {
      const server = await startMailgun(options.facts);
      return { egress: openMailgunEgress('cloud', mailgunPolicy(server.url, options), ports), server };
    },
    { arrived: mailgunArrived, keysUsed: (server) => mailgunSends(server).map(mailgunKeyOf) },
    options.sign,
  );
}

/** As it usually answers. */
export const PASS: CloudAct = { kind: 'usual' };

export function kindsOf({ outcomes }: AttemptResult): readonly string[] {
  return outcomes.map(({ kind }) => kind);
}

/** The outcome of the first recipient. */
export function firstOf({ outcomes }: AttemptResult): Outcome {
  const [first] = outcomes;
  if (first === undefined) throw new Error('no outcome');
  return first;
}
