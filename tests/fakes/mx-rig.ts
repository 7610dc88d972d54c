/** An `mx` exit on loopback: DNS zone, sinks at 127.0.0.1, 127.0.0.2 … on one port, and the exit between them. */
import type { AttemptResult, Egress } from '../../src/egress/egress.ts';
import { openMxEgress } from '../../src/egress/smtp/mx-egress.ts';
import type { Outcome } from '../../src/message/outcome.ts';
import type { Policy } from '../../src/policy/schema.ts';
import { DeadHosts } from '../../src/egress/smtp/dead-hosts.ts';
import type { Clock, Dial } from '../../src/ports.ts';
import { systemClock } from '../../src/system.ts';
import { DnsZone, fakeDns, type ZoneEntry } from './dns.ts';
import { exitPorts, mailTo, mxPolicy, NEVER, type MailOptions } from './exits.ts';
import type { SinkOptions } from './sink-books.ts';
import { startSmtpSink, type SmtpSink } from './smtp-sink.ts';

export type MxRigOptions = {
  /** One for each MX host of example.net, the best first: mx1.example.net at 127.0.0.1, … */
  readonly sinks?: readonly SinkOptions[];
  /** More names, or others. */
  readonly zone?: Readonly<Record<string, ZoneEntry>>;
  /** More settings of the exit. */
  readonly exit?: Record<string, unknown>;
  readonly policy?: Policy;
  readonly dial?: Dial;
  readonly clock?: Clock;
};

export type MxRig = AsyncDisposable & {
  readonly sinks: readonly SmtpSink[];
  /** The first one. */
  readonly sink: SmtpSink;
  readonly zone: DnsZone;
  readonly egress: Egress;
  send(mail?: MailOptions, signal?: AbortSignal): Promise<AttemptResult>;
};

export async function startMxRig({
  sinks: wanted = [{}],
  zone: more = {},
  exit = {},
  clock = systemClock,
  ...rest
}: MxRigOptions = {}): Promise<MxRig> {
  const sinks: SmtpSink[] = [];
  for (const [at, options] of wanted.entries())
    sinks.push(await startSmtpSink({ address: `127.0.0.${at + 1}`, port: sinks[0]?.port ?? 0, ...options }));
  const [sink] = sinks;
  if (sink === undefined) throw new Error('a rig needs a sink');
  const hosts = sinks.map((_, at) => `mx${at + 1}.example.net`);
  const zone = new DnsZone({
    'example.net': { mx: hosts.map((host, at) => [(at + 1) * 10, host] as const) },
    ...Object.fromEntries(sinks.map(({ address }, at) => [hosts[at], { a: [address] }])),
    ...more,
  });
  const ports = { ...exitPorts({ dns: fakeDns(zone), ...rest }), clock, dead: new DeadHosts(clock) };
  const egress = openMxEgress('direct', mxPolicy(sink.port, exit), ports);
  return {
    sinks,
    sink,
    zone,
    egress,
    send: (mail = {}, signal = NEVER) => egress.attempt(mailTo(mail), signal),
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      await Promise.all(sinks.map((one) => one.stop()));
    },
  };
}

/** `delivered`, `deferred host`, `in-doubt`, … */
export function kinds({ outcomes }: AttemptResult): readonly string[] {
  return outcomes.map((outcome) => ('scope' in outcome ? `${outcome.kind} ${outcome.scope}` : outcome.kind));
}

/** `250 2.0.0 kept` and the like, as told of each recipient. */
export function replies({ outcomes }: { readonly outcomes: readonly Outcome[] }): readonly string[] {
  return outcomes.map(({ reply }) => `${reply.code} ${reply.detail ?? '-'} ${reply.text}`);
}
