import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import { startControl } from '../../control/server.ts';
import { routeOperation } from '../../operations/mail/route-operation.ts';
import { createOperations } from '../../operations/store-operations.ts';
import { loaded } from '../../../tests/fakes/policy-text.ts';
import { FakeLive } from '../../../tests/fakes/fake-live.ts';

const POLICY = `hostname: relay.example
clients:
  shop: { networks: [10.0.0.1], senders: ['*@shop.example'] }
egress:
  mex: { type: smtp, host: mex.example }
  us-1: { type: smtp, host: us.example }
  us-2: { type: smtp, host: us.example }
  news: { type: smtp, host: us.example, streams: [marketing] }
pools:
  us: { members: [{ egress: us-1, weight: 3 }, us-2], strategy: random }
routes:
  - { name: latam, match: { tld: [mx, br, ar] }, use: [mex, us] }
  - { name: lists, match: { header: { List-Id: '*.news.example' } }, use: [news, mex] }
  - { name: all, use: [us, news] }
`;

function explain(rig: CliRig, ...args: string[]) {
  return rig.run(['explain', ...args]);
}

test('a message that might come is told its route and its exits in order, without a relay running', async () => {
  using rig = new CliRig(POLICY);
  const mail = ['--from', 'a@shop.example', '--to', 'b@correo.example.mx'];
  expect(await explain(rig, ...mail)).toMatchObject({
    code: 0,
    stdout: [
      'stream transactional, priority high, client shop',
      'route latam (no relay is running: as the policy has it)',
      '  1. mex may send now',
      '  2. us: us-1 may send now (probability 75 %)',
      '  3. us: us-2 may send now (probability 25 %)',
      '',
    ].join('\n'),
  });
  const bulk = await explain(rig, '--to', 'b@example.com', '--header', 'List-Id: <offers.news.example>', 'X-Other: y');
  expect(bulk.stdout).toContain('route all');
  const list = await explain(rig, '--to', 'b@example.com', '--header', 'List-Id: offers.news.example');
  expect(list.stdout).toContain('  1. news does not carry this stream\n  2. mex may send now');
});

test('what is missing, and what the policy does not know, is said', async () => {
  using rig = new CliRig(POLICY);
  const { stdout } = await explain(rig, '--to', 'b@example.com', '--stream', 'nope');
  expect(stdout).toMatch(
    /^stream transactional, priority high, no client \(--from or --client names one\)\nthe policy has no stream nope: as good as none\nroute all/,
  );
  const stranger = await explain(rig, '--to', 'b@example.com', '--from', 'a@other.example', '--stream', 'marketing');
  expect(stranger.stdout).toMatch(/^stream marketing, priority \w+, no client may send as a@other\.example\nroute all/);
});

test('what the relay would not take is said, and is exit code 1', async () => {
  using rig = new CliRig(POLICY);
  expect(await explain(rig, '--client', 'shop', '--from', 'a@other.example', '--to', 'b@example.com')).toMatchObject({
    code: 1,
    stdout: 'refused: shop may not send as a@other.example\n',
  });
});

test('a running relay tells it as its exits are now', async () => {
  using rig = new CliRig(POLICY);
  await using spool = await rig.openSpool();
  const exit = {
    egress: 'mex',
    pool: null,
    gate: 'limited',
    others: [],
    untilMs: 5,
    why: 'mex: daily limit 5/5',
  } as const;
  const route = routeOperation({
    policy: () => loaded(POLICY).policy,
    explainMail: async ({ recipientDomain }) => ({ route: recipientDomain, exits: [exit] }),
  });
  const operations = createOperations({
    spool,
    clock: rig.clock,
    showsSubjects: () => true,
    live: new FakeLive(),
    route,
  });
  const { dataFolder, clock } = rig;
  const control = await startControl({ dataFolder, operations, clock, emit: () => {}, messageSizeBytes: () => 1 });
  if (control.kind !== 'listening') throw new Error(control.cause);
  await using _ = control.control;
  const { stdout } = await explain(rig, '--to', 'b@example.com', '--size', '20KB', '--priority', 'low');
  expect(stdout).toContain(
    'priority low, no client (--from or --client names one)\nroute example.com\n  1. mex: daily limit 5/5\n',
  );
  const asked = await explain(rig, '--to', 'b@example.com', '--json');
  expect(JSON.parse(asked.stdout)).toMatchObject({ kind: 'accepted', isLive: true, exits: [{ gate: 'limited' }] });
});

test.each([
  [[], 'takes the id of a message, or --to'],
  [['01ABC', '--to', 'a@b.example'], 'takes the id of a message, or --to'],
  [['--to', 'a@b.example', '--priority', 'urgent'], '--priority is high, normal or low'],
  [['--to', 'a@b.example', '--size', 'big'], '--size is a size'],
  [['--to', 'a@b.example', '--header', 'nothing'], '--header is a field'],
])('a question that cannot be understood is exit code 2: %j', async (args, told) => {
  using rig = new CliRig(POLICY);
  const run = await explain(rig, ...args);
  expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining(told) });
});

test.each([
  {
    addresses: [],
    told: /^ {2}us-1 cannot carry it as it is \(451 4\.6\.5 the message is signed .*\n {2}no relay is running/m,
  },
  {
    addresses: ['bob@dest.test'],
    told: /^Nothing of it waits: .*\n {2}not by us-1: the message is signed \(S\/MIME\)\n$/,
  },
])(
  'why an exit could not carry a message is said from its history, without a relay running: %j',
  async ({ addresses, told }) => {
    using rig = new CliRig(POLICY);
    const atMs = rig.clock.nowMs();
    const one = aSubmission({ atMs, leaseUntilMs: atMs + 60_000 });
    {
      await using spool = await rig.openSpool();
      const accepted = await spool.accept(one);
      const leased = accepted.kind === 'accepted' ? accepted.leased[0] : undefined;
      if (leased === undefined) throw new Error('not leased');
      const reply = { code: 451, detail: '6.5', text: 'the message is signed (S/MIME)' };
      const { id: deliveryId, messageId, domain } = leased.delivery;
      const attempt = { number: 1, egress: 'us-1', host: null, address: null, source: null, tls: null, tookMs: 1 };
      const attempted = {
        event: 'attempted',
        attempt: { ...attempt, reply, own: true },
        atMs,
        messageId,
        deliveryId,
      } as const;
      const rest = { attempts: 1, lastReply: { code: 450, detail: null, text: 'busy' }, refusedBy: ['us-1'] };
      const settlement = aSettlement(leased, { atMs, addresses, rest });
      await spool.settle({ ...settlement, events: [{ ...attempted, domain, recipients: ['bob@dest.test'] }] });
    }
    expect((await explain(rig, one.message.id)).stdout).toMatch(told);
  },
);
