/** People are told of alerts by mail through the relay itself and by a post, over a kill between the two. */
import { simpleParser } from 'mailparser';
import { expect, test } from 'vitest';
import { startHookListener } from '../fakes/hook-listener.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';

type Listed = { readonly alerts: readonly { readonly name: string; readonly acknowledged: object | null }[] };

test('an alert that was raised before a kill is told once, and not by the exit that it is about', async () => {
  await using one = await startSmtpSink();
  await using two = await startSmtpSink();
  await using listener = await startHookListener();
  await using relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${await freePort()}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress:
  one: { type: smtp, host: 127.0.0.1, port: ${one.port}, tls: none }
  two: { type: smtp, host: 127.0.0.1, port: ${two.port}, tls: none }
routes: [{ name: all, use: [one, two] }]
alerts: { to: [oncall@dest.test, { url: "${listener.url}", secret: hush }], gather: 1s }
reports: [{ every: week, to: [boss@dest.test] }]
http: { listen: 127.0.0.1:${await freePort()} }
`);
  await relay.start();
  expect((await relay.cli(['egress', 'pause', 'one', '--reason', 'moves house'])).code).toBe(0);
  await relay.waitFor((line) => line.event === 'alert' && line['name'] === 'egress-paused:one');
  await relay.kill();
  await relay.start();
  await two.until(() => two.accepted.length > 0);
  await expect.poll(() => listener.posts.length, { timeout: 10_000 }).toBe(1);

  const mail = await simpleParser(two.accepted[0]?.content ?? '');
  expect(mail.subject).toBe('[relay.test] INFO: egress-paused:one');
  expect(mail.text).toContain('one is paused by an operator (moves house)');
  const own = relay.lines.filter((line) => line.event === 'received' && line['client'] === 'relevo');
  expect(own.map(({ priority }) => priority)).toEqual(['high']);
  const [post] = listener.posts;
  expect(post?.signedWith('hush')).toBe(true);
  expect(JSON.parse(post?.body ?? '')).toMatchObject({ relay: 'relay.test', alerts: [{ name: 'egress-paused:one' }] });

  const acknowledged = await relay.cli(['alert', 'acknowledge', 'egress-paused:one']);
  expect([acknowledged.code, acknowledged.stdout]).toEqual([
    0,
    'Nobody is told of egress-paused:one until it is over.\n',
  ]);
  const listed = JSON.parse((await relay.cli(['alert', 'list', '--json'])).stdout) as Listed;
  expect(listed.alerts).toMatchObject([{ name: 'egress-paused:one', acknowledged: expect.any(Object) }]);
  const tried = await relay.cli(['alert', 'test']);
  expect([tried.code, tried.stdout]).toEqual([
    0,
    'oncall@dest.test: queued\n127.0.0.1: taken\n'.replace('127.0.0.1', new URL(listener.url).host),
  ]);
  await two.until(() => two.accepted.length > 1);
  expect([one.accepted.length, two.accepted.length, listener.posts.length]).toEqual([0, 2, 2]);

  const sent = await relay.cli(['report', 'send']);
  expect([sent.code, sent.stdout]).toEqual([
    0,
    expect.stringMatching(/^boss@dest\.test: the week from \S+ to \S+, queued as \S+\n$/),
  ]);
  await two.until(() => two.accepted.length > 2);
  const report = await simpleParser(two.accepted[2]?.content ?? '');
  expect(report.subject).toMatch(/^\[relay\.test\] Mail of the week from /);
  expect(two.accepted[2]).toMatchObject({ recipients: [{ address: 'boss@dest.test' }] });
  const nobody = await relay.cli(['report', 'send', 'daily']);
  expect([nobody.code, nobody.stderr]).toEqual([
    1,
    expect.stringContaining('the policy names nobody for reports of the day'),
  ]);
  await relay.audit();
});
