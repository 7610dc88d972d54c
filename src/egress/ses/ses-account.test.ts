import { describe, expect, test, vi } from 'vitest';
import { openSesRig } from '../../../tests/fakes/cloud-exits.ts';
import { sesBody, sesSends, SES_SOUND } from '../../../tests/fakes/cloud-ses.ts';
import { mailTo, NEVER } from '../../../tests/fakes/exits.ts';

/** What will be so is so when the machine gets to it. */
const WAIT_MS = 20_000;

type Quota = typeof SES_SOUND.SendQuota;

const withQuota = (quota: Partial<Quota>): object => ({
  ...SES_SOUND,
  SendQuota: { ...SES_SOUND.SendQuota, ...quota },
});

describe('what SES allows the account', () => {
  test('its rate is the exit’s', async () => {
    await using rig = await openSesRig({ account: () => withQuota({ MaxSendRate: 14 }) });
    await vi.waitFor(() => expect(rig.egress.pace?.()).toEqual({ perSecond: 14, text: 'SES allows 14/s' }), WAIT_MS);
  });

  test('a key that may only send knows nothing of it, and sends', async () => {
    await using rig = await openSesRig({ account: () => null });
    expect((await rig.egress.attempt(mailTo(), NEVER)).outcomes).toMatchObject([{ kind: 'delivered' }]);
    expect(rig.egress.pace?.()).toBeNull();
  });

  test('a quota that is used up keeps mail back without asking, until a look finds room', async () => {
    let sent = 199;
    await using rig = await openSesRig({ account: () => withQuota({ Max24HourSend: 200, SentLast24Hours: sent }) });
    await vi.waitFor(() => expect(rig.alerts('exit-account:cloud')).toHaveLength(1), WAIT_MS);
    expect((await rig.egress.attempt(mailTo(), NEVER)).outcomes).toMatchObject([{ kind: 'delivered' }]);
    const held = await rig.egress.attempt(mailTo(), NEVER);
    expect(held.outcomes).toMatchObject([
      { kind: 'deferred', scope: 'egress', reply: { text: expect.stringContaining('quota of 200 recipients') } },
    ]);
    const [outcome] = held.outcomes;
    const restMs = outcome?.kind === 'deferred' ? (outcome.restMs ?? 0) : 0;
    expect(restMs).toBeGreaterThan(0);
    expect(restMs).toBeLessThanOrEqual(300_000);
    expect(sesSends(rig.server)).toHaveLength(1);
    sent = 150;
    await rig.clock.advance(300_000);
    await vi.waitFor(async () => {
      expect((await rig.egress.attempt(mailTo(), NEVER)).outcomes).toMatchObject([{ kind: 'delivered' }]);
    }, 10_000);
  });

  test('the sandbox is told of once, and is over with it', async () => {
    let isOut = false;
    await using rig = await openSesRig({ account: () => ({ ...SES_SOUND, ProductionAccessEnabled: isOut }) });
    await vi.waitFor(() => expect(rig.alerts('exit-account:cloud')).toHaveLength(1), WAIT_MS);
    expect(rig.alerts('exit-account:cloud')[0]).toMatchObject({
      raised: true,
      text: expect.stringContaining('sandbox'),
    });
    isOut = true;
    await rig.clock.advance(300_000);
    await vi.waitFor(() => expect(rig.alerts('exit-account:cloud').at(-1)?.raised).toBe(false), 10_000);
  });

  test('that it is under review is told of, and it sends', async () => {
    await using rig = await openSesRig({ account: () => ({ ...SES_SOUND, EnforcementStatus: 'PROBATION' }) });
    await vi.waitFor(() => expect(rig.alerts('exit-account:cloud')).toHaveLength(1), WAIT_MS);
    expect(rig.alerts('exit-account:cloud')[0]).toMatchObject({
      raised: true,
      text: expect.stringContaining('PROBATION'),
    });
    expect((await rig.egress.attempt(mailTo(), NEVER)).outcomes).toMatchObject([{ kind: 'delivered' }]);
  });

  test('a paused account takes the exit out, and a minute later it is looked at again', async () => {
    let isEnabled = false;
    await using rig = await openSesRig({ account: () => ({ ...SES_SOUND, SendingEnabled: isEnabled }) });
    await vi.waitFor(async () => {
      expect((await rig.egress.attempt(mailTo(), NEVER)).outcomes).toMatchObject([
        { kind: 'deferred', reply: { detail: '7.1', text: expect.stringContaining('disabled') } },
      ]);
    }, WAIT_MS);
    isEnabled = true;
    await rig.clock.advance(60_000);
    await vi.waitFor(async () => {
      expect((await rig.egress.attempt(mailTo(), NEVER)).outcomes).toMatchObject([{ kind: 'delivered' }]);
    }, 10_000);
  });
});

describe('what SES is told', () => {
  test('envelope, tags in its characters, and the configuration set', async () => {
    await using rig = await openSesRig({ settings: { configurationSet: 'relevo' } });
    const mail = mailTo({ sender: 'b+1@bounces.example.com', terms: { tag: 'order 7/é', client: 'crm.eu' } });
    const deliveryId = `${mail.message.id}.2` as NonNullable<typeof mail.deliveryId>;
    const result = await rig.egress.attempt({ ...mail, deliveryId }, NEVER);
    expect(result.peers?.[0]).toMatchObject({ host: '127.0.0.1', address: '127.0.0.1', providerId: '0102018f-1' });
    const [request] = sesSends(rig.server);
    if (request === undefined) throw new Error('nothing came');
    const body = sesBody(request);
    expect(body).toMatchObject({ FromEmailAddress: 'b+1@bounces.example.com', ConfigurationSetName: 'relevo' });
    expect(Object.fromEntries(body.EmailTags.map(({ Name, Value }) => [Name, Value]))).toEqual({
      'relevo-message': mail.message.id,
      'relevo-delivery': `${mail.message.id}_2`,
      'relevo-stream': 'transactional',
      'relevo-client': 'crm_eu',
      'relevo-tag': 'order_7__',
    });
  });

  test('no sender, where it is the null sender', async () => {
    await using rig = await openSesRig();
    await rig.egress.attempt(mailTo({ sender: '' }), NEVER);
    const [request] = sesSends(rig.server);
    expect(request === undefined ? null : sesBody(request)).not.toHaveProperty('FromEmailAddress');
  });

  test.each([
    ['in UTF-8', { envelope: { smtpUtf8: true } }],
    ['with a line that is too long', { content: `Subject: x\r\n\r\n${'y'.repeat(1_001)}\r\n` }],
    ['that is too large', { content: `Subject: x\r\n\r\n${`${'y'.repeat(98)}\r\n`.repeat(430_000)}` }],
  ])('mail %s goes by another exit, and SES is not asked', async (_, options) => {
    await using rig = await openSesRig({ settings: { dkim: 'keep' } });
    expect((await rig.egress.attempt(mailTo(options), NEVER)).outcomes).toMatchObject([
      { kind: 'deferred', scope: 'egress', unfit: true, own: true },
    ]);
    expect(sesSends(rig.server)).toEqual([]);
  });
});
