import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { IngressFixture, MAIL, send } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';
import type { PolicyInput } from '../policy/schema.ts';

const DAY_MS = 86_400_000;

class Rig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly fixture: IngressFixture;
  readonly dialogue: SmtpDialogue;
  #count = 0;

  private constructor(fixture: IngressFixture, dialogue: SmtpDialogue, clock: FakeClock) {
    this.fixture = fixture;
    this.dialogue = dialogue;
    this.clock = clock;
  }

  static async open(policy: Partial<PolicyInput> = {}): Promise<Rig> {
    const clock = new FakeClock();
    const fixture = await IngressFixture.open({ clock, policy });
    const dialogue = await SmtpDialogue.greeted(fixture.port(), { localAddress: '127.0.0.5' });
    await dialogue.say('EHLO app.example');
    return new Rig(fixture, dialogue, clock);
  }

  get nowMs(): number {
    return this.clock.nowMs();
  }

  /** ISO, so long from now. */
  at(ms: number): string {
    return new Date(this.nowMs + ms).toISOString();
  }

  /** The final reply to a message with these parameters of MAIL and these header fields. */
  async mail(parameters: string, fields: readonly string[] = []): Promise<string> {
    await this.dialogue.all(`MAIL FROM:<ana@shop.example>${parameters}`, 'RCPT TO:<bob@dest.example>');
    const header = [...fields, `X-Count: ${(this.#count += 1)}`].map((field) => `${field}\r\n`).join('');
    return await send(this.dialogue, header + MAIL.replace('<1@', `<${this.#count}@`));
  }

  get message() {
    return this.fixture.spool.last.message;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dialogue[Symbol.asyncDispose]();
    await this.fixture[Symbol.asyncDispose]();
  }
}

test('mail that is held is due at its time, leased to nobody, and its parameter is nobody else’s', async () => {
  await using rig = await Rig.open();
  const { nowMs } = rig;
  expect(await rig.mail(' HOLDFOR=3600')).toMatch(/^250 2\.6\.0 /);
  expect(rig.message.sendAtMs).toBe(nowMs + 3_600_000);
  expect(rig.fixture.spool.last.deliveries).toMatchObject([{ dueAtMs: nowMs + 3_600_000 }]);
  expect(await rig.mail(` HOLDUNTIL=${rig.at(DAY_MS)}`)).toMatch(/^250 /);
  expect(rig.message.sendAtMs).toBe(nowMs + DAY_MS);
  expect(await rig.mail(' HOLDUNTIL=2001-01-01T00:00:00Z')).toMatch(/^250 /);
  expect(rig.message).not.toHaveProperty('sendAtMs');
  expect(rig.fixture.spool.last.deliveries).toMatchObject([{ dueAtMs: nowMs }]);
});

test('where envelope and header both hold it back, the later time counts', async () => {
  await using rig = await Rig.open();
  const later = [`X-Relevo-Send-At: ${rig.at(2 * DAY_MS)}`];
  await rig.mail(' HOLDFOR=60', later);
  expect(rig.message.sendAtMs).toBe(rig.nowMs + 2 * DAY_MS);
  await rig.mail(' HOLDFOR=60', [`X-Relevo-Send-At: ${rig.at(-5_000)}`]);
  expect(rig.message.sendAtMs).toBe(rig.nowMs + 60_000);
});

test('how far ahead is the policy’s to say, and 0 is not at all', async () => {
  await using rig = await Rig.open({ limits: { futureRelease: '90d' } });
  expect(await rig.mail(' HOLDFOR=7776000')).toMatch(/^250 /);
  expect(await rig.mail('', [`X-Relevo-Send-At: ${rig.at(91 * DAY_MS)}`])).toMatch(
    /^554 5\.6\.0 X-Relevo-Send-At: mail is held for 7776000 s/,
  );
  await rig.fixture.reload({ limits: { futureRelease: '0s' } });
  expect(await rig.dialogue.say('EHLO x')).not.toContain('FUTURERELEASE');
  expect(await rig.dialogue.say('MAIL FROM:<ana@shop.example> HOLDFOR=1')).toMatch(/^555 5\.5\.4/);
  expect(await rig.mail('', [`X-Relevo-Send-At: ${rig.at(60_000)}`])).toMatch(/^554 .*mail is not scheduled here/);
});

test('by when it is to be delivered is kept, counted from MAIL', async () => {
  await using rig = await Rig.open();
  const { nowMs } = rig;
  await rig.mail(' BY=120;R');
  expect(rig.message.deliverBy).toEqual({ atMs: nowMs + 120_000, mode: 'return', trace: false });
  await rig.mail(' BY=-30;NT HOLDFOR=60');
  expect(rig.message).toMatchObject({
    deliverBy: { atMs: nowMs - 30_000, mode: 'notify', trace: true },
    sendAtMs: nowMs + 60_000,
  });
  await rig.mail('');
  expect(rig.message).not.toHaveProperty('deliverBy');
});

test('X-Relevo-Expires is a time or a duration, and does not leave', async () => {
  await using rig = await Rig.open();
  await rig.mail('', [`X-Relevo-Expires: ${rig.at(600_000)}`]);
  expect(rig.message.expiresAtMs).toBe(rig.nowMs + 600_000);
  expect(rig.fixture.spool.text).not.toContain('X-Relevo');
  await rig.mail('', ['X-Relevo-Expires: 10m']);
  expect(rig.message).toMatchObject({ expiresAfterMs: 600_000 });
  for (const bad of ['soon', '0s', '-5m', '2026-01-01', '']) {
    expect(await rig.mail('', [`X-Relevo-Expires: ${bad}`])).toMatch(/^554 5\.6\.0 cannot read the X-Relevo-Expires/);
  }
});

test('what would expire before it may leave is refused', async () => {
  await using rig = await Rig.open();
  const late = /^554 5\.4\.7 the message is to expire before it may leave/;
  expect(await rig.mail('', [`X-Relevo-Expires: ${rig.at(-1)}`])).toMatch(late);
  expect(await rig.mail(' HOLDFOR=60', [`X-Relevo-Expires: ${rig.at(60_000)}`])).toMatch(late);
  expect(await rig.mail(' BY=60;R', [`X-Relevo-Send-At: ${rig.at(61_000)}`])).toMatch(late);
  // A duration counts from the time at which it may leave.
  expect(await rig.mail(' HOLDFOR=60', ['X-Relevo-Expires: 10s'])).toMatch(/^250 /);
});

test('a stream’s own end holds for all of its mail, and a message may name an earlier one', async () => {
  await using rig = await Rig.open({ streams: { transactional: { expires: '2h' } } });
  await rig.mail('');
  expect(rig.message.expiresAfterMs).toBe(7_200_000);
  await rig.mail('', ['X-Relevo-Expires: 5m']);
  expect(rig.message.expiresAfterMs).toBe(300_000);
  await rig.mail('', ['X-Relevo-Expires: 5h']);
  expect(rig.message.expiresAfterMs).toBe(7_200_000);
});
