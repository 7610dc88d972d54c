/** Figures of a relay with two workers against its own history, by a count that shares nothing with its own. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { expect, test } from 'vitest';
import { connectControl } from '../../src/control/client.ts';
import { openPolicyStore } from '../../src/cli/store.ts';
import type { MessageEvent } from '../../src/message/event.ts';
import { messageTimeMs } from '../../src/message/ids.ts';
import type { Message } from '../../src/message/message.ts';
import { figuresOverStore } from '../../src/operations/figures/figures-over-store.ts';
import type { TableRow } from '../../src/operations/figures/figure-operations.ts';
import { loadPolicy } from '../../src/policy/file/load.ts';
import type { MessageStory } from '../../src/spool/spool.ts';
import { systemClock } from '../../src/system.ts';
import { startRedis } from '../fakes/redis.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';

const DIMENSIONS = ['all', 'exit', 'stream', 'client', 'destination', 'tag'] as const;

/** Knows nobody called gone, takes nothing large, and puts each busy one off once. */
async function startServer(stack: AsyncDisposableStack): Promise<number> {
  const asked = new Set<string>();
  const no = (responseCode: number, text: string): Error => Object.assign(new Error(text), { responseCode });
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: ({ address }, _session, done) => {
      const isFirst = !asked.has(address);
      asked.add(address);
      if (address.startsWith('gone')) return done(no(550, `5.1.1 <${address}>: no such user`));
      if (address.startsWith('large')) return done(no(554, '5.6.0 message too large'));
      return done(address.startsWith('busy') && isFirst ? no(451, '4.3.2 come again') : null);
    },
    onData: (stream, _session, done) => {
      stream.resume();
      stream.on('end', () => done());
    },
  });
  const listening = once(server.server, 'listening');
  server.listen(0, '127.0.0.1');
  await listening;
  stack.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.server.address() as AddressInfo).port;
}

type Sums = Record<string, number>;

/** What the figures of a name are by the stories, one event after the other. */
function expected(stories: readonly MessageStory[], dimension: (typeof DIMENSIONS)[number]): Record<string, Sums> {
  const found: Record<string, Sums> = {};
  const add = (name: string | null, figure: string, amount: number): void => {
    if (name === null || amount === 0) return;
    const sums = (found[name] ??= {});
    sums[figure] = (sums[figure] ?? 0) + amount;
  };
  for (const { message, events } of stories) {
    for (const [at, event] of events.entries()) {
      if (event.event === 'received') {
        const domains = event.recipients.map((address) => address.split('@')[1] ?? '');
        for (const domain of dimension === 'destination' ? new Set(domains) : ['']) {
          const name = nameOf(dimension, { message, domain, egress: null });
          const count = dimension === 'destination' ? domains.filter((one) => one === domain).length : domains.length;
          add(name, 'accepted', 1);
          add(name, 'recipients', count);
          add(name, 'acceptedBytes', event.sizeBytes);
        }
        continue;
      }
      const name = nameOf(dimension, { message, domain: event.domain, egress: egressOf(event, events.slice(0, at)) });
      const { length } = event.recipients;
      if (event.event === 'attempted') add(name, 'attempts', 1);
      else if (event.event === 'delivered') {
        add(name, 'delivered', length);
        add(name, 'sentBytes', message.sizeBytes);
        add(name, 'waitedMs', length * Math.max(0, event.atMs - messageTimeMs(event.messageId)));
      } else if (event.event === 'bounced') {
        add(name, 'bounced', length);
        add(name, event.reply?.text.includes('large') === true ? 'policy' : 'unknownUser', length);
      } else if (event.event === 'deferred' || event.event === 'suppressed') add(name, event.event, length);
    }
  }
  return found;
}

function nameOf(
  dimension: (typeof DIMENSIONS)[number],
  of: { readonly message: Message; readonly domain: string; readonly egress: string | null },
): string | null {
  if (dimension === 'all') return 'all';
  if (dimension === 'destination') return of.domain;
  return dimension === 'exit' ? of.egress : of.message[dimension];
}

/** What is put off was so by the exit that was tried last. */
function egressOf(event: MessageEvent, before: readonly MessageEvent[]): string | null {
  if (event.event === 'attempted') return event.attempt.egress;
  if (event.event !== 'deferred') return 'egress' in event ? (event.egress ?? null) : null;
  const tried = before.findLast((one) => one.event === 'attempted' && one.deliveryId === event.deliveryId);
  return tried?.event === 'attempted' && tried.atMs === event.atMs ? tried.attempt.egress : null;
}

function told(rows: readonly TableRow[]): Record<string, Sums> {
  return Object.fromEntries(
    rows.map(({ name, figures, latencyMs }) => {
      const waitedMs = latencyMs === null ? 0 : Math.round(latencyMs.mean * latencyMs.count);
      return [name, Object.fromEntries(Object.entries({ ...figures, waitedMs }).filter(([, amount]) => amount > 0))];
    }),
  );
}

test.each(['embedded', 'redis'] as const)(
  'figures on %s are what the history says, whatever befell the relay',
  async (engine) => {
    await using stack = new AsyncDisposableStack();
    const server = await startServer(stack);
    const port = await freePort();
    const redis = engine === 'redis' ? stack.use(await startRedis()) : null;
    const spool = redis === null ? '' : `spool: { engine: redis, url: "${redis.url}", replicas: 0 }`;
    const exit = (name: string): string => `${name}: { type: smtp, host: 127.0.0.1, port: ${server}, tls: none }`;
    const relay = stack.use(
      new RelayProcess(
        `
hostname: relay.test
timeZone: Asia/Kolkata
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*@app.test"] } }
streams: { transactional: {}, marketing: {} }
egress: { ${exit('one')}, ${exit('two')} }
pools: { both: { members: [one, two] } }
routes: [{ name: all, use: [both] }]
retry: { delays: [1s] }
${spool}
`,
        { args: ['--workers', '2'] },
      ),
    );
    await relay.start();
    const send = async (count: number): Promise<void> => {
      await using dialogue = await SmtpDialogue.greeted(port);
      await dialogue.all('EHLO app.test');
      for (let n = 0; n < count; n++) {
        const to = [
          `ann${n}@one.test`,
          `bob${n}@one.test`,
          `gone${n % 3}@two.test`,
          `large${n}@one.test`,
          `busy${n}@three.test`,
        ];
        const some = to.slice(n % 4, (n % 4) + 1 + (n % 3));
        await dialogue.all('MAIL FROM:<shop@app.test>', ...some.map((one) => `RCPT TO:<${one}>`), 'DATA');
        const fields = `X-Relevo-Stream: ${n % 2 === 0 ? 'transactional' : 'marketing'}\r\nX-Relevo-Tag: run-${n % 3}`;
        const reply = await dialogue.say(
          `${fields}\r\nFrom: shop@app.test\r\nSubject: ${n}\r\n\r\n${'x'.repeat(n)}\r\n.`,
        );
        expect(reply).toMatch(/^250 /);
      }
    };
    const idle = async (): Promise<void> => {
      const reached = await connectControl(relay.dataFolder);
      if (reached.kind !== 'connected') throw new Error(reached.kind);
      const queued = async (): Promise<number> => (await reached.operations.overview()).deliveries;
      await expect.poll(queued, { timeout: 20_000, interval: 100 }).toBe(0);
    };
    await send(24);
    await idle();
    // What it had not written yet is gone with it where others share the store: there it may only end.
    if (engine === 'embedded') await relay.kill();
    else await relay.stop();
    await relay.start();
    await send(12);
    await idle();
    await relay.audit();
    await relay.stop();

    const loaded = loadPolicy({ file: 'x', text: relay.policyText, env: {}, readFile: () => '' });
    if (loaded.kind === 'refused') throw new Error(JSON.stringify(loaded.problems));
    const policy = { ...loaded.policy };
    if (policy.spool.engine === 'embedded') policy.spool = { ...policy.spool, path: `${relay.dataFolder}/spool` };
    await using store = await openPolicyStore(policy, systemClock);
    const stories: MessageStory[] = [];
    for (let after: string | null = null; ;) {
      const page = await store.traffic({ sinceMs: 0, after });
      for (const { id } of page.messages) stories.push((await store.story(id))!);
      if (page.next === null) break;
      after = page.next;
    }
    // Reports to senders are mail as well.
    expect(stories.length).toBeGreaterThan(36);
    const figures = figuresOverStore({
      policy: () => policy,
      clock: systemClock,
      marks: store.marks,
      ledger: store.ledger,
    });
    const nowMs = systemClock.nowMs();
    for (const [spanMs, what] of [
      [2 * 3_600_000, 'minutes'],
      [5 * 3_600_000, 'hours'],
      [10 * 86_400_000, 'days'],
    ] as const) {
      for (const by of DIMENSIONS) {
        const { rows } = await figures.table({ by, fromMs: nowMs - spanMs, toMs: nowMs, limit: 1_000 });
        expect(told(rows), `${what} by ${by}`).toEqual(expected(stories, by));
      }
    }
    const reasons = await figures.table({ by: 'reason', fromMs: nowMs - 3_600_000, toMs: nowMs, limit: 9 });
    const said = Object.fromEntries(reasons.rows.map(({ name, figures: { bounced } }) => [name, bounced]));
    const all = expected(stories, 'all')['all'] ?? {};
    expect(said).toEqual({
      '550 5.1.1 (address): no such user': all['unknownUser'],
      '554 5.6.0 message too large': all['policy'],
    });
    expect([all['bounced'], all['deferred'], all['suppressed']].every((sum) => (sum ?? 0) > 0)).toBe(true);
  },
  60_000,
);
