/** What SendGrid posts of the mail of a running relay with two workers: from its own arguments, over HTTP, to history and suppression. */
import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';
import { sendgridKeys, sendgridPost } from '../fakes/provider-posts.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { startSendGridSmtp } from '../fakes/sendgrid-smtp.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';

/** The unique arguments of a message as they came with it. */
function argumentsOf(content: Buffer): Record<string, string> {
  const [, field = ''] = /^X-SMTPAPI: ([^]*?)\r\n(?![ \t])/m.exec(content.toString('latin1')) ?? [];
  return (JSON.parse(field.replaceAll(/\r\n\s/g, '')) as { unique_args: Record<string, string> }).unique_args;
}

test('bounces and doubts come home by webhook, and what is forged is not believed', async () => {
  await using grid = await startSendGridSmtp();
  const [port, httpPort] = [await freePort(), await freePort()];
  const { publicKey, privateKey } = sendgridKeys();
  const policy = `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
http: { listen: 127.0.0.1:${httpPort} }
egress:
  grid: { type: sendgrid, apiKeys: [SG.one], endpoint: "${grid.endpoint}", timeout: 1s, webhook: { publicKey: "${publicKey}" } }
`;
  await using relay = new RelayProcess(policy, { args: ['--workers', '2'] });
  await relay.start();
  const base = `http://127.0.0.1:${httpPort}`;
  const send = async (to: string, event: string): Promise<Record<string, string>> => {
    const since = relay.lines.length;
    await using dialogue = await SmtpDialogue.greeted(port);
    await dialogue.all('EHLO client.test', 'MAIL FROM:<app@shop.test>', `RCPT TO:<${to}>`, 'DATA');
    dialogue.write('From: app@shop.test\r\nSubject: Hi\r\n\r\nHello\r\n.\r\n');
    expect(await dialogue.reply()).toMatch(/^250/);
    await relay.waitFor((line) => line.event === event, since);
    return { email: to, ...argumentsOf(grid.taken.at(-1)?.content ?? Buffer.alloc(0)) };
  };
  const post = async (events: readonly object[], key = privateKey): Promise<number> => {
    const { headers, body } = sendgridPost(events, { privateKey: key, atMs: Date.now() });
    return (await fetch(`${base}/hooks/grid`, { method: 'POST', headers, body })).status;
  };

  const gone = await send('gone@dest.test', 'delivered');
  const bounce = {
    ...gone,
    event: 'bounce',
    type: 'bounce',
    sg_event_id: 'b1',
    status: '5.1.1',
    reason: '550 5.1.1 unknown',
  };
  const complaint = { ...gone, event: 'spamreport', sg_event_id: 'c1' };
  expect(await post([complaint], sendgridKeys().privateKey)).toBe(401);
  const sinceBounce = relay.lines.length;
  expect(await post([bounce])).toBe(200);
  expect(await post([bounce])).toBe(200);
  const later = relay.lines.filter(({ event }) => event === 'bounced-later');
  expect(later).toEqual([
    expect.objectContaining({ messageId: gone['relevo-message'], source: 'hook:grid', reply: '550 5.1.1 unknown' }),
  ]);
  // Its sender hears of it by mail, once.
  const report = later[0]?.['report'];
  await relay.waitFor(({ event, messageId }) => event === 'delivered' && messageId === report, sinceBounce);
  const told = grid.taken.filter(({ content }) => content.includes('report-type=delivery-status'));
  expect(told.map(({ sender, recipients }) => [sender, recipients])).toEqual([['', ['app@shop.test']]]);
  expect(told[0]?.content.toString()).toContain('Final-Recipient: rfc822; gone@dest.test');
  expect((await relay.cli(['suppress', 'list'])).stdout).toMatch(/gone@dest\.test.*hard-bounce/);

  grid.isMute = true;
  const doubted = await send('ann@dest.test', 'in-doubt');
  const since = relay.lines.length;
  expect(await post([{ ...doubted, event: 'processed', sg_event_id: 'p1' }])).toBe(200);
  await relay.waitFor(
    ({ event, messageId }) => event === 'delivered' && messageId === doubted['relevo-message'],
    since,
  );

  const big = await fetch(`${base}/hooks/grid`, { method: 'POST', body: Buffer.alloc(30 * 1024 * 1024) }).then(
    ({ status }) => status,
    () => 413,
  );
  expect([big, (await fetch(`${base}/hooks/nobody`, { method: 'POST', body: '[]' })).status]).toEqual([413, 404]);
  const metrics = await (await fetch(`${base}/metrics`)).text();
  expect(metrics).toContain('relevo_hook_refused_total{egress="grid",reason="signature"} 1');
  expect(metrics).toContain('relevo_hook_events_total{egress="grid",result="repeat"} 1');
  expect(metrics).toContain('relevo_bounced_later_total{egress="grid"} 1');
  const refused = relay.lines.filter(({ event }) => event === 'hook-refused');
  expect(refused).toEqual([expect.objectContaining({ level: 'warn', egress: 'grid', reason: 'signature', count: 1 })]);
  expect(JSON.stringify(relay.lines)).not.toContain('spamreport');
  await relay.audit();
});
