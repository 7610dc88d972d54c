import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { IngressFixture, MAIL, atData } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';
import type { Event } from '../message/event.ts';
import { Deadlines } from './deadlines.ts';

describe('deadlines are absolute', () => {
  /** Enough turns of real I/O for what was written to be read. */
  async function ioTurns(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  test('for a whole command: dripping bytes does not help', async () => {
    const clock = new FakeClock();
    await using fixture = await IngressFixture.open({ clock, policy: { limits: { commandTime: '5m' } } });
    await using dripping = await SmtpDialogue.greeted(fixture.port());
    await using talking = await SmtpDialogue.greeted(fixture.port());
    for (let minute = 0; minute < 4; minute++) {
      dripping.write('N');
      await ioTurns();
      await clock.advance(60_000);
      expect(await talking.say('NOOP')).toMatch(/^250/);
    }
    await clock.advance(62_000);
    expect(await dripping.reply()).toMatch(/^421 4\.4\.2/);
    expect(await talking.say('NOOP')).toMatch(/^250/);
  });

  test('for a whole message: the least rate counts from its start', async () => {
    const clock = new FakeClock();
    await using fixture = await IngressFixture.open({ clock, policy: { limits: { dataRate: 500 } } });
    await using slow = await atData(fixture);
    await using steady = await atData(fixture);
    await slow.say('DATA');
    await steady.say('DATA');
    const header = 'From: ana@shop.example\r\n\r\n';
    slow.write(header);
    steady.write(header);
    for (let second = 0; second < 40; second += 4) {
      steady.write(`${'x'.repeat(900)}\r\n`.repeat(4));
      slow.write('x');
      await ioTurns();
      await clock.advance(4_000);
    }
    expect(await slow.reply()).toMatch(/^421 4\.4\.2/);
    steady.write('.\r\n');
    expect(await steady.reply()).toMatch(/^250/);
  });

  test('while we work the client may wait as long as it takes', async () => {
    const clock = new FakeClock();
    await using fixture = await IngressFixture.open({ clock });
    const { promise, resolve } = Promise.withResolvers<void>();
    fixture.spool.gate = promise;
    await using dialogue = await atData(fixture);
    await dialogue.say('DATA');
    dialogue.write(`${MAIL}.\r\n`);
    await ioTurns();
    await clock.advance(900_000);
    resolve();
    expect(await dialogue.reply()).toMatch(/^250/);
  });

  test('for a TLS handshake', async () => {
    const clock = new FakeClock();
    await using fixture = await IngressFixture.open({ clock });
    await using implicit = await SmtpDialogue.open(fixture.port({ tls: 'implicit' }));
    await using explicit = await SmtpDialogue.greeted(fixture.port());
    await explicit.all('EHLO x', 'STARTTLS');
    await ioTurns();
    await clock.advance(32_000);
    await Promise.all([implicit.closed(), explicit.closed()]);
    expect(await explicit.reply()).toBe('');
  });

  test('an idle session makes way when all places are taken', async () => {
    const clock = new FakeClock();
    await using fixture = await IngressFixture.open({ clock, policy: { limits: { connections: 2 } } });
    await using idle = await SmtpDialogue.greeted(fixture.port());
    await using busy = await atData(fixture);
    await clock.advance(15_000);
    await using fresh = await SmtpDialogue.open(fixture.port());
    expect(await fresh.reply()).toMatch(/^220/);
    expect(await idle.reply()).toMatch(/^421/);
    expect(await busy.say('DATA')).toMatch(/^354/);
    await using tooEarly = await SmtpDialogue.open(fixture.port());
    expect(await tooEarly.reply()).toMatch(/^421/);
  });
});

test('a session whose check fails takes no deadline from the others, and operators are told', async () => {
  const clock = new FakeClock();
  const events: Event[] = [];
  const deadlines = new Deadlines(clock, (event) => void events.push(event));
  using _ = deadlines;
  let checks = 0;
  const session = (check: () => void) => ({ check, idleSinceMs: null, evict: () => {} });
  deadlines.watch(
    session(() => {
      throw new Error('a bug');
    }),
  );
  deadlines.watch(session(() => void (checks += 1)));
  await clock.advance(3_000);
  expect(checks).toBe(3);
  expect(events).toMatchObject(Array.from({ length: 3 }, () => ({ event: 'failed', cause: 'Error: a bug' })));
});
