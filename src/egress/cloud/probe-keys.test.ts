/** What `relevo egress test`, and the checks, find out about exits by SES and Mailgun. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { KEYS, mailgunPolicy, sesPolicy } from '../../../tests/fakes/cloud-exits.ts';
import { type MailgunFacts, mailgunError, startMailgun } from '../../../tests/fakes/cloud-mailgun.ts';
import { sesError, SES_SOUND, startSes } from '../../../tests/fakes/cloud-ses.ts';
import { systemDial, systemDns } from '../../system.ts';
import { type CloudAct, type CloudServer, startCloudServer } from '../../../tests/fakes/cloud-server.ts';
import { probe, type ProbeResult } from '../probe.ts';

const NEVER = new AbortController().signal;

function probed(egress: Parameters<typeof probe>[0]): Promise<ProbeResult> {
  const needs = {
    clock: new FakeClock(Date.UTC(2026, 10, 22)),
    dns: systemDns(() => null),
    dial: systemDial,
    hostname: 'relay.example.com',
    timeoutMs: 10_000,
    canSendFrom: async () => true,
  };
  return probe(egress, needs, NEVER);
}

async function ses(account: () => object | null): Promise<ProbeResult> {
  await using server = await startSes(account);
  return await probed(sesPolicy(server.url));
}

async function sesSaying(act: CloudAct): Promise<ProbeResult> {
  await using server = await startCloudServer(() => act);
  return await probed(sesPolicy(server.url));
}

describe('SES', () => {
  test('in order, with what is used of its quota', async () => {
    expect(await ses(() => SES_SOUND)).toMatchObject({
      kind: 'ok',
      steps: [
        { stage: 'auth', found: 'key 1 (...0001) is taken' },
        { stage: 'account', found: 'HEALTHY, 12 of 50000 recipients in 24 hours used, 500 a second' },
      ],
    });
  });

  test('the sandbox is named', async () => {
    const result = await ses(() => ({ ...SES_SOUND, ProductionAccessEnabled: false }));
    expect(result.steps.at(-1)?.found).toContain('IN THE SANDBOX');
  });

  test('a key that may only send works', async () => {
    expect(await ses(() => null)).toMatchObject({ kind: 'ok' });
  });

  test.each<[string, CloudAct, string]>([
    [
      'a wrong key',
      sesError('UnrecognizedClientException', 'The security token included in the request is invalid.', {
        status: 403,
      }),
      'key 1 (...0001): UnrecognizedClientException',
    ],
    [
      'a wrong region',
      sesError('SignatureDoesNotMatch', 'Credential should be scoped to a valid region.', { status: 403 }),
      'Set region to the one of the endpoint',
    ],
    [
      'a clock that is wrong',
      sesError(
        'InvalidSignatureException',
        'Signature expired: 20261121T235000Z is now earlier than 20261122T000500Z',
        { status: 403, headers: { Date: 'Sun, 22 Nov 2026 00:15:00 GMT' } },
      ),
      "900 s behind Amazon's",
    ],
    [
      'a paused account',
      { kind: 'answer', status: 200, body: JSON.stringify({ ...SES_SOUND, SendingEnabled: false }) },
      'sending is disabled',
    ],
    ['somebody else’s server', { kind: 'answer', status: 200, body: '<html>' }, 'what is no answer of SES'],
  ])('%s is said as such', async (_, act, cause) => {
    const result = await sesSaying(act);
    expect(result).toMatchObject({ kind: 'failed', cause: expect.stringContaining(cause) });
    expect(JSON.stringify(result)).not.toContain('secret-of');
  });

  test('nobody there', async () => {
    expect(await probed(sesPolicy('http://127.0.0.1:1'))).toMatchObject({
      kind: 'failed',
      stage: 'connect',
      cause: expect.stringContaining('connection refused'),
    });
  });
});

async function mailgun(facts: MailgunFacts, act?: CloudAct): Promise<ProbeResult> {
  await using server: CloudServer = await startMailgun(facts);
  if (act !== undefined) server.act(act);
  return await probed(mailgunPolicy(server.url, { keys: KEYS }));
}

describe('Mailgun', () => {
  test('in order, with its domain', async () => {
    expect(await mailgun({})).toMatchObject({
      kind: 'ok',
      steps: [
        { stage: 'auth', found: 'key 1 (...0001) is taken' },
        { stage: 'domain', found: 'mg.example.com, active' },
        { stage: 'auth', found: 'key 2 (...0002) is taken' },
      ],
    });
  });

  test('a key that may only send is found out without sending', async () => {
    const forbidden = { domain: () => mailgunError(401, 'Forbidden') };
    const result = await mailgun(forbidden, mailgunError(400, "'to' parameter is missing"));
    expect(result).toMatchObject({ kind: 'ok' });
    expect(result.steps.at(1)?.found).toContain('may only send');
  });

  test('a wrong key is said as such', async () => {
    const result = await mailgun({ domain: () => mailgunError(401, 'Forbidden') }, mailgunError(401, 'Forbidden'));
    expect(result).toMatchObject({ kind: 'failed', stage: 'auth', cause: expect.stringContaining('answered 401') });
    expect(JSON.stringify(result)).not.toContain(KEYS[0]);
  });

  test.each<[string, () => CloudAct, string]>([
    ['a domain that does not exist', () => mailgunError(404, 'Domain not found: mg.example.com'), 'api.eu.mailgun.net'],
    ['a domain that is not verified', () => domainOf({ state: 'unverified' }), 'is not verified'],
    ['a disabled domain', () => domainOf({ is_disabled: true }), 'has disabled'],
  ])('%s is said as such', async (_, domain, cause) => {
    expect(await mailgun({ domain })).toMatchObject({
      kind: 'failed',
      stage: 'domain',
      cause: expect.stringContaining(cause),
    });
  });
});

function domainOf(more: object): CloudAct {
  const domain = { name: 'mg.example.com', state: 'active', type: 'custom', is_disabled: false, ...more };
  return {
    kind: 'answer',
    status: 200,
    body: JSON.stringify({ domain, receiving_dns_records: [], sending_dns_records: [] }),
  };
}
