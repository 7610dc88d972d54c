/** Pools and routes of a running relay: a circle that two workers share, header fields, and what is told beforehand. */
import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';
import { type LogLine, RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';

const SERVERS = ['s1', 's2', 's3', 's4', 's5'];

function policyFor(port: number, more = ''): string {
  return `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { ${[...SERVERS, 'box'].map((name) => `${name}: { type: sandbox, path: ../data/${name} }`).join(', ')}${more} }
pools: { owned: { members: [${SERVERS.join(', ')}] } }
routes:
  - { name: lists, match: { header: { List-Id: "*.news.test" } }, use: [box] }
  - { name: all, use: [owned] }
`;
}

/** One message by a connection of its own, once it has left. @returns the line that says by which exit */
async function sent(relay: RelayProcess, port: number, fields = ''): Promise<LogLine> {
  const since = relay.lines.length;
  await using dialogue = await SmtpDialogue.greeted(port);
  await dialogue.all('EHLO client.test', 'MAIL FROM:<a@shop.test>', 'RCPT TO:<b@dest.test>', 'DATA');
  dialogue.write(`${fields}Subject: x\r\n\r\nx\r\n.\r\n`);
  expect(await dialogue.reply()).toMatch(/^250/);
  return await relay.waitFor(({ event }) => event === 'delivered', since);
}

test('six messages over five servers go 1 2 3 4 5 1, whichever of two workers takes them', async () => {
  const port = await freePort();
  await using relay = new RelayProcess(policyFor(port), { args: ['--workers', '2'] });
  await relay.start();
  const lines: LogLine[] = [];
  for (let count = 0; count < 14; count++) lines.push(await sent(relay, port));
  expect(lines.map((line) => line['egress'])).toEqual(lines.map((_, at) => SERVERS[at % 5]));
  expect(new Set(lines.map((line) => line['worker'])).size).toBe(2);
  const fields = 'List-Id: Offers <offers.news.test>\r\n';
  expect(await sent(relay, port, fields)).toMatchObject({ egress: 's5' });
  expect(await sent(relay, port, 'list-id: offers.news.test\r\n')).toMatchObject({ egress: 'box' });
  const told = await relay.cli(['explain', '--to', 'b@dest.test', '--header', 'List-Id: offers.news.test']);
  expect(told).toMatchObject({ code: 0, stdout: expect.stringContaining('route lists\n  1. box may send now\n') });
});

test('what a route asked for of a header is known after a restart and by another policy', async () => {
  const port = await freePort();
  const policy = (isClosed: boolean): string =>
    isClosed
      ? policyFor(port, ', shut: { type: sandbox, path: ../data/shut, streams: [marketing] }').replace(
          'use: [box]',
          'use: [shut]',
        )
      : policyFor(port);
  await using relay = new RelayProcess(policy(true));
  await relay.start();
  await using dialogue = await SmtpDialogue.greeted(port);
  await dialogue.all('EHLO client.test', 'MAIL FROM:<a@shop.test>', 'RCPT TO:<b@dest.test>', 'DATA');
  dialogue.write('List-Id: offers.news.test\r\n\r\nx\r\n.\r\n');
  expect(await dialogue.reply()).toMatch(/^250/);
  await relay.stop();
  await relay.start();
  const since = relay.lines.length;
  relay.writePolicy(policy(false));
  expect(await relay.waitFor(({ event }) => event === 'delivered', since)).toMatchObject({ egress: 'box' });
});
