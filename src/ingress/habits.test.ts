import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { CLIENTS, IngressFixture, MAIL, send, SIGN_IN } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';
import { habitsByClient, profileOf } from '../clients/profile.ts';
import { envelopeDigest } from '../message/envelope-digest.ts';
import type { Habit } from '../message/habit.ts';
import type { Tally } from '../spool/tallies.ts';
import { HabitBook } from './habit-book.ts';

const DATED = `Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n${MAIL}`;

function counted() {
  const notes: string[] = [];
  const habits = {
    note: (client: string, some: readonly Habit[]) => some.forEach((habit) => notes.push(`${client} ${habit}`)),
  };
  return { notes, habits };
}

async function transact(dialogue: SmtpDialogue, content: string, parameters = ''): Promise<void> {
  await dialogue.say(`MAIL FROM:<ana@shop.example>${parameters}`);
  await dialogue.say('RCPT TO:<bob@dest.example>');
  expect(await send(dialogue, content)).toMatch(/^250/);
}

test('what an old client does is counted for it: HELO, clear text, no Date, no Message-ID, eight bits', async () => {
  const { notes, habits } = counted();
  await using fixture = await IngressFixture.open({ needs: { habits } });
  await using dialogue = await SmtpDialogue.greeted(fixture.port(), { localAddress: '127.0.0.5' });
  await dialogue.say('HELO x');
  await transact(dialogue, 'From: ana@shop.example\r\nSubject: x\r\n\r\nma\u00f1ana\r\n');
  expect(notes.toSorted()).toEqual(
    ['clear', 'eight-bit', 'helo', 'message', 'no-date', 'no-message-id', 'session'].map((habit) => `host ${habit}`),
  );
  notes.length = 0;
  await transact(dialogue, DATED.replace('<1@', '<2@'));
  expect(notes.toSorted()).toEqual(['clear', 'helo', 'message'].map((habit) => `host ${habit}`));
});

test('a sign-in is counted by how it was made, and mail that is refused is not', async () => {
  const { notes, habits } = counted();
  await using fixture = await IngressFixture.open({ needs: { habits } });
  await using dialogue = await SmtpDialogue.greeted(fixture.port());
  await dialogue.say('EHLO x');
  await dialogue.say(SIGN_IN);
  await transact(dialogue, DATED, ' BODY=8BITMIME');
  expect(notes.toSorted()).toEqual(['clear', 'message', 'plain', 'session'].map((habit) => `shop ${habit}`));
  notes.length = 0;
  await dialogue.say('MAIL FROM:<ana@shop.example>');
  await dialogue.say('RCPT TO:<bob@dest.example>');
  expect(await send(dialogue, MAIL.replace('shop.example', 'else.example'))).toMatch(/^5/);
  expect(notes).toEqual([]);
});

test('AUTH LOGIN, an old TLS, ends of lines that are LF alone and lines that are too long are counted', async () => {
  const { notes, habits } = counted();
  await using fixture = await IngressFixture.open({ policy: { limits: { lineLength: 5_000 } }, needs: { habits } });
  const [user, password] = ['shop', 'secret'].map((word) => Buffer.from(word).toString('base64'));
  const said = async (maxVersion: 'TLSv1.2' | 'TLSv1.3', content: string) => {
    notes.length = 0;
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    await dialogue.say('EHLO x');
    await dialogue.startTls({ maxVersion });
    await dialogue.all('EHLO x', 'AUTH LOGIN', user ?? '');
    expect(await dialogue.say(password ?? '')).toMatch(/^235/);
    await transact(dialogue, content);
    await dialogue.say('QUIT');
    return notes.map((note) => note.slice('shop '.length)).toSorted();
  };
  expect(await said('TLSv1.2', DATED.replace('body\r\n', `bare\n${'x'.repeat(999)}\r\n`))).toEqual([
    'bare-newline',
    'login',
    'long-line',
    'message',
    'old-tls',
    'session',
  ]);
  const fine = DATED.replace('<1@', '<2@').replace('body', 'x'.repeat(998));
  expect(await said('TLSv1.3', fine)).toEqual(['login', 'message', 'session']);
});

test('counts are added to those of other workers, and kept while the store is away', async () => {
  const clock = new FakeClock();
  const tallies: Tally[] = [];
  const state = { isAway: true };
  const count = async (entries: readonly Tally[]): Promise<void> => {
    if (state.isAway) throw new Error('away');
    tallies.push(...entries);
  };
  const book = new HabitBook({ tallies: { count }, clock });
  for (let at = 0; at < 1_200; at++) book.note('a:b', ['message', 'session', 'login', 'no-message-id']);
  await clock.advance(20_000);
  state.isAway = false;
  book.note('a:b', ['message']);
  await book[Symbol.asyncDispose]();
  const profile = profileOf(habitsByClient(tallies).get('a:b') ?? new Map());
  expect([profile.sessions, profile.messages]).toEqual([1_200, 1_201]);
  expect(profile.habits.map(({ habit, needsAttention }) => `${habit} ${needsAttention}`)).toEqual([
    'login false',
    'no-message-id true',
    'one-message false',
  ]);
});

test('how MAIL is written, and that a connection is just closed, is counted', async () => {
  const { notes, habits } = counted();
  await using fixture = await IngressFixture.open({ needs: { habits } });
  const port = fixture.port();
  for (const [from, quits] of [
    [' <ana@shop.example>', true],
    ['ana@shop.example', true],
    ['<ana@shop.example>', false],
  ] as const) {
    await using dialogue = await SmtpDialogue.greeted(port, { localAddress: '127.0.0.5' });
    await dialogue.all('EHLO x', `MAIL FROM:${from}`, 'RCPT TO:<bob@dest.example>');
    expect(await send(dialogue, DATED.replace('<1@', `<${from.length}@`))).toMatch(/^250/);
    if (quits) await dialogue.say('QUIT');
  }
  const wanted = ['bare-address', 'no-quit', 'space-after-colon'];
  const found = () => notes.map((note) => note.slice('host '.length)).filter((note) => wanted.includes(note));
  await expect.poll(() => found().toSorted()).toEqual(wanted);
});

test('what is put off is told with its envelope, also where that is known by its sender alone', async () => {
  const clients = { ...CLIENTS, host: { networks: ['127.0.0.5'], senders: ['*'], quota: '1/d' } };
  await using fixture = await IngressFixture.open({ policy: { clients } });
  await using dialogue = await SmtpDialogue.greeted(fixture.port(), { localAddress: '127.0.0.5' });
  await dialogue.say('EHLO x');
  for (const to of [
    ['b@x.example', 'a@x.example'],
    ['a@x.example', 'b@x.example'],
  ]) {
    await dialogue.all('MAIL FROM:<ana@shop.example>', ...to.map((one) => `RCPT TO:<${one}>`));
    expect(await dialogue.say('DATA')).toMatch(/^452/);
  }
  fixture.spool.troubleText = 'the disk is full';
  expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^452/);
  expect(await dialogue.say('MAIL FROM:<not an address>')).toMatch(/^501/);
  const both = envelopeDigest('ana@shop.example', ['a@x.example', 'b@x.example']);
  const told = fixture.eventsOf('refused').map(({ envelope }) => envelope);
  expect(told).toEqual([both, both, envelopeDigest('ana@shop.example', []), undefined]);
});
