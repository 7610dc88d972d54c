import { afterAll } from 'vitest';
import { type CloudRig, type CloudRigOptions, KEYS } from '../../../tests/fakes/cloud-exits.ts';
import { type CloudAct, type CloudRequest, startCloudServer } from '../../../tests/fakes/cloud-server.ts';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { recipientsOf, type V3Body } from '../../../tests/fakes/sendgrid-checks.ts';
import type { Event } from '../../message/event.ts';
import { systemClock, systemDial, systemDns } from '../../system.ts';
import { testCloudExit } from '../cloud/cloud-exit.contract.ts';
import { openCloudEgress } from '../cloud/cloud-egress.ts';
import { HttpClient } from '../cloud/http.ts';
import { plainKeys } from '../cloud/keys.ts';
import { Reader } from './reader.ts';
import { SendGridApi } from './sendgrid-api.ts';

/** Threads take a moment to start. */
const shared = new Reader(systemClock);
afterAll(() => shared[Symbol.asyncDispose]());
const reader = { read: shared.read.bind(shared), [Symbol.asyncDispose]: async () => {} };

async function open({ keys = KEYS.slice(0, 1), settings = {} }: CloudRigOptions = {}): Promise<CloudRig> {
  let count = 0;
  const server = await startCloudServer(({ path }) => {
    if (path !== '/v3/mail/send') return null;
    return { kind: 'answer', status: 202, headers: { 'X-Message-Id': `id-${(count += 1)}` } };
  });
  const clock = new FakeClock(Date.UTC(2026, 10, 22));
  const events: Event[] = [];
  const timeoutMs = settings['timeout'] === '20s' ? 20_000 : 30_000;
  const ports = { clock, emit: (event: Event) => void events.push(event) };
  const http = new HttpClient({ clock, dns: systemDns(() => null), dial: systemDial, timeoutMs, connections: 20 });
  const provider = new SendGridApi({ http, endpoint: new URL(server.url), reader, clock, keepsDkim: false, strip: [] });
  const egress = openCloudEgress({ name: 'cloud', provider, keys: plainKeys(keys), concurrency: 20, ports });
  const sends = (): readonly CloudRequest[] => server.requests.filter(({ method }) => method === 'POST');
  return {
    egress,
    server,
    clock,
    events,
    alerts: (name) => events.filter((event) => event.event === 'alert').filter((alert) => alert.name === name),
    arrived: () =>
      sends().map(({ body }) => {
        const said = JSON.parse(body.toString()) as V3Body;
        return { sender: '', recipients: recipientsOf(said).map(({ email }) => email), content: body };
      }),
    keysUsed: () => sends().map(({ headers }) => (headers['authorization'] ?? '').replace('Bearer ', '')),
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function refusal(
  status: number,
  message: string,
  field: string | null = null,
  headers: Record<string, string> = {},
): CloudAct {
  return { kind: 'answer', status, headers, body: JSON.stringify({ errors: [{ message, field, help: null }] }) };
}

testCloudExit({
  name: 'sendgrid by its API',
  open,
  batchMost: 1_000,
  carries: 'json',
  words: {
    keyRefused: refusal(401, 'The provided authorization grant is invalid, expired, or revoked'),
    throttled: (retryAfter) =>
      refusal(429, 'too many requests', null, retryAfter === null ? {} : { 'Retry-After': retryAfter }),
    paused: refusal(403, 'Your account is under review.'),
    senderNotVerified: refusal(403, 'The from address does not match a verified Sender Identity.', 'from'),
    contentRefused: refusal(
      400,
      'The content value must be a string at least one character in length.',
      'content.0.value',
    ),
    recipientRefused: refusal(400, 'Does not contain a valid address.', 'personalizations.0.bcc.0.email'),
    ownFault: refusal(500, 'internal server error'),
  },
});
