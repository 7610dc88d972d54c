import { describe, expect, test } from 'vitest';
import { NEVER, testPolicy } from '../../../tests/fakes/exits.ts';
import { startSendGrid } from '../../../tests/fakes/sendgrid-server.ts';
import { startSendGridSmtp } from '../../../tests/fakes/sendgrid-smtp.ts';
import type { EgressPolicy } from '../../policy/schema.ts';
import { canSendFrom, systemClock, systemDial, systemDns } from '../../system.ts';
import { probe, type ProbeResult } from '../probe.ts';

function check(settings: Record<string, unknown>): Promise<ProbeResult> {
  const it = testPolicy({ egress: { it: { type: 'sendgrid', ...settings } as never } }).egress['it'] as EgressPolicy;
  const ports = { clock: systemClock, dns: systemDns(() => null), dial: systemDial };
  return probe(it, { ...ports, hostname: 'relay.example.com', timeoutMs: 5_000, canSendFrom }, NEVER);
}

const found = ({ steps }: ProbeResult): string[] => steps.map((step) => `${step.stage} ${step.found}`.trim());
const GONE = 'SG.gone-aaaaaaaaaaaa';

describe('a check of SendGrid', () => {
  test('by its API asks what each key may do, and sends nothing', async () => {
    await using server = await startSendGrid();
    const result = await check({ transport: 'api', apiKeys: [GONE, 'SG.one'], endpoint: server.endpoint });
    expect(result.kind).toBe('ok');
    expect(found(result)).toEqual([
      'auth key 1 (...aaaa): 127.0.0.1 answered 401 The provided authorization grant is invalid, expired, or revoked',
      `connect 127.0.0.1:${server.port}`,
      'auth key 2 may send',
    ]);
    expect(server.asked).toEqual([`GET /v3/scopes ${GONE}`, 'GET /v3/scopes SG.one']);
    const ill = await check({ transport: 'api', apiKeys: [GONE], endpoint: server.endpoint });
    expect(ill).toMatchObject({ kind: 'failed', stage: 'auth' });
    expect(JSON.stringify(ill)).not.toContain('SG.gone');
  });

  test('finds a key that may not send', async () => {
    await using server = await startSendGrid();
    server.script.push({ status: 200, text: '{"scopes":["stats.read"]}' });
    const result = await check({ transport: 'api', apiKeys: ['SG.one'], endpoint: server.endpoint });
    expect(result).toMatchObject({
      kind: 'failed',
      stage: 'auth',
      cause: expect.stringContaining('mail.send') as string,
    });
  });

  test('by SMTP signs in with each key, and sends nothing', async () => {
    await using server = await startSendGridSmtp();
    const result = await check({ apiKeys: ['SG.one', GONE], endpoint: server.endpoint });
    expect(result.kind).toBe('ok');
    expect(found(result).at(-2)).toBe('auth key 1 as apikey');
    expect(found(result).at(-1)).toMatch(/^auth key 2 \(\.\.\.aaaa\): 127\.0\.0\.1 said: 535/);
    expect(server.taken).toEqual([]);
    expect(await check({ apiKeys: [GONE], endpoint: server.endpoint })).toMatchObject({
      kind: 'failed',
      stage: 'auth',
    });
  });

  test('says where nothing listens', async () => {
    expect(await check({ apiKeys: ['SG.one'], endpoint: 'smtp://127.0.0.1:1' })).toMatchObject({ stage: 'connect' });
    const api = { transport: 'api', endpoint: 'http://127.0.0.1:1' };
    expect(await check({ ...api, apiKeys: ['SG.one'] })).toMatchObject({
      kind: 'failed',
      stage: 'connect',
      cause: expect.stringContaining('refused') as string,
    });
  });
});
