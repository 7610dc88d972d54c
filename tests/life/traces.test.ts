/** OpenTelemetry traces of a relay with two workers, as a user runs it. */
import { expect, test } from 'vitest';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { SmtpDialogue } from '../fakes/smtp-dialogue.ts';
import { startSmtpSink } from '../fakes/smtp-sink.ts';
import { startTraceCollector, type TraceCollector } from '../fakes/trace-collector.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CLIENTS_SPAN = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE}-${CLIENTS_SPAN}-01`;

/** @returns the id that the relay gave it */
async function send(port: number, header: string): Promise<string> {
  const dialogue = await SmtpDialogue.greeted(port);
  await dialogue.say('EHLO app.test');
  await dialogue.say('MAIL FROM:<shop@app.test>');
  await dialogue.say('RCPT TO:<ana@dest.test>');
  await dialogue.say('DATA');
  const reply = await dialogue.say(`From: shop@app.test\r\n${header}Subject: hello\r\n\r\nHello\r\n.`);
  await dialogue.say('QUIT');
  return /([0-9A-Z]{26}) queued/.exec(reply)?.[1] ?? reply;
}

/** Each message's acceptance with what happened to it, in the order of time. */
function storiesIn({ spans }: TraceCollector): readonly string[][] {
  const roots = spans.filter(({ name }) => name === 'accept');
  return roots.map(({ spanId, traceId }) =>
    spans
      .filter((span) => span.parentSpanId === spanId && span.traceId === traceId)
      .toSorted((one, other) => one.endMs - other.endMs || (one.name === 'attempt' ? -1 : 1))
      .map(({ name }) => name),
  );
}

test('each message is one trace from its acceptance to its end, and part of its client’s; a dead collector keeps no mail', async () => {
  await using sink = await startSmtpSink();
  await using collector = await startTraceCollector();
  const [port, httpPort] = [await freePort(), await freePort()];
  const policy = `
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
clients: { apps: { networks: [127.0.0.0/8], senders: ["*@app.test"] } }
egress: { one: { type: smtp, host: 127.0.0.1, port: ${sink.port}, tls: none } }
retry: { delays: [1s] }
http: { listen: 127.0.0.1:${httpPort} }
traces: { url: "${collector.url}", headers: { authorization: "\${TRACES_TOKEN}" } }
`;
  await using relay = new RelayProcess(policy, { args: ['--workers', '2'] });
  await relay.start({ TRACES_TOKEN: 'Bearer hush-hush' });
  sink.fault('dot', 451, 1);
  const mine = await send(port, `traceparent: ${TRACEPARENT}\r\ntracestate: a=b\r\n`);
  await expect
    .poll(() => storiesIn(collector), { timeout: 20_000 })
    .toEqual([['attempt', 'deferred', 'attempt', 'delivered']]);
  expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  expect(collector.named('accept')[0]).toMatchObject({
    parentSpanId: CLIENTS_SPAN,
    attributes: { 'messaging.message.id': mine, 'relevo.client': 'apps', 'client.address': '127.0.0.1' },
  });
  expect(collector.named('attempt').map(({ attributes }) => attributes['relevo.reply.code'])).toEqual([451, 250]);
  expect(sink.accepted[0]?.content.toString()).not.toMatch(/^trace(?:parent|state):/im);
  expect(collector.posts[0]).toMatchObject({ authorization: 'Bearer hush-hush' });

  const token = (await relay.cli(['token', 'create', 'app', '--scopes', 'submit', '--client', 'apps', '--json']))
    .stdout;
  const posted = await fetch(`http://127.0.0.1:${httpPort}/api/v1/messages`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${(JSON.parse(token) as { token: string }).token}`,
      'content-type': 'application/json',
      traceparent: TRACEPARENT,
    },
    body: JSON.stringify({ from: 'shop@app.test', to: 'ana@dest.test', subject: 'hi', text: 'Hi\n' }),
  });
  expect([posted.status, await posted.text()]).toMatchObject([202, /./]);
  await expect.poll(() => storiesIn(collector), { timeout: 20_000 }).toHaveLength(2);
  expect(collector.named('accept')[1]).toMatchObject({ traceId: TRACE, parentSpanId: CLIENTS_SPAN });

  collector.answer = 500;
  await send(port, '');
  await sink.until(() => sink.accepted.length === 3);
  await relay.waitFor((line) => line.event === 'failed' && line['where'] === 'traces');
  expect(JSON.stringify(relay.lines)).not.toContain('hush-hush');
  const figures = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  expect(figures).toMatch(/relevo_trace_spans_total\{result="exported"\} [89]\n/);
  expect(figures).toMatch(/relevo_trace_spans_total\{result="failed"\} [123]\n/);
  await relay.audit();
});
