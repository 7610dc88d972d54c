import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { IngressFixture, MAIL, send, SIGN_IN } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';
import { habitsByClient, profileOf } from '../clients/profile.ts';
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
