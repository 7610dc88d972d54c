import { describe, expect, test } from 'vitest';
import { CLIENTS, IngressFixture, MAIL, send, SIGN_IN } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';
import { newMessageId } from '../message/ids.ts';
import type { PolicyInput } from '../policy/schema.ts';
import { SpoolError } from '../spool/spool.ts';
import { RETURNED_KEPT_BYTES, RETURNED_MEMORY_BYTES, type ReturnPaths } from './return-path.ts';

const KNOWN = 'b+known@bounces.example';
const OTHER = 'b+other@bounces.example';
const BOUNCE = 'From: MAILER-DAEMON@far.example\r\nSubject: failure\r\n\r\nno such user\r\n';

type Taken = Parameters<ReturnPaths['take']>[0];

/** Two known return paths at bounces.example, and what was taken there. */
async function open(answer: () => Promise<void> = async () => undefined, more: Partial<PolicyInput> = {}) {
  const taken: Taken[] = [];
  const returnPaths: ReturnPaths = {
    judge: (address) => {
      if (!address.endsWith('@bounces.example')) return 'elsewhere';
      return address === KNOWN || address === OTHER ? 'known' : 'unknown';
    },
    take: async (returned) => {
      await answer();
      taken.push(returned);
      return { code: 250, detail: '6.0', text: 'taken' };
    },
  };
  const clients = { shop: { ...CLIENTS['shop'], senders: ['*@shop.example'], quota: '100/d' } };
  const fixture = await IngressFixture.open({ returnPaths, policy: { clients, ...more } });
  return { fixture, taken, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() };
}

/** A stranger on the port without AUTH, who has said MAIL. */
async function stranger(fixture: IngressFixture, mail = 'MAIL FROM:<>'): Promise<SmtpDialogue> {
  const dialogue = await SmtpDialogue.greeted(fixture.port({ tls: 'opportunistic' }));
  await dialogue.all('EHLO far.example', mail);
  return dialogue;
}

describe('a stranger', () => {
  test('may send to a return path that is known, from anybody or nobody, and nothing of it is relayed', async () => {
    await using place = await open();
    const { fixture, taken } = place;
    for (const sender of ['', 'vacation@far.example']) {
      await using dialogue = await stranger(fixture, `MAIL FROM:<${sender}>`);
      expect(await dialogue.say(`RCPT TO:<${KNOWN}>`)).toBe('250 2.1.5 recipient ok');
      expect(await send(dialogue, BOUNCE)).toBe('250 2.6.0 taken');
    }
    expect(taken.map(({ address, content }) => [address, content.toString()])).toEqual([
      [KNOWN, BOUNCE],
      [KNOWN, BOUNCE],
    ]);
    expect(fixture.spool.accepted).toEqual([]);
    const id = newMessageId(0, Buffer.alloc(10));
    expect(taken[0]?.trace(id)).toMatch(
      /^Received: from far\.example \(\[127\.0\.0\.1\]\)\r\n\tby relay\.example\r\n\twith ESMTP id 0{26}\r\n\tfor <b\+known@bounces\.example>;/,
    );
  });

  test('may send nowhere else: not to other addresses there, nor past a return path in the same transaction', async () => {
    await using place = await open();
    const { fixture, taken } = place;
    await using dialogue = await stranger(fixture);
    expect(await dialogue.say('RCPT TO:<b+forged@bounces.example>')).toBe('550 5.1.1 no such address here');
    expect(await dialogue.say('RCPT TO:<postmaster@bounces.example>')).toBe('550 5.1.1 no such address here');
    expect(await dialogue.say('RCPT TO:<bob@dest.example>')).toBe('550 5.7.1 relaying denied');
    expect(await dialogue.say('DATA')).toBe('503 5.5.1 no valid recipients');
    expect(await dialogue.say(`RCPT TO:<${KNOWN}>`)).toBe('250 2.1.5 recipient ok');
    expect(await dialogue.say('RCPT TO:<bob@dest.example>')).toBe('550 5.7.1 relaying denied');
    expect(await dialogue.say(`RCPT TO:<${OTHER}>`)).toBe('452 4.5.3 too many recipients');
    expect(await dialogue.say(`RCPT TO:<${KNOWN}>`)).toBe('250 2.1.5 recipient ok');
    expect(await send(dialogue, BOUNCE)).toBe('250 2.6.0 taken');
    expect(taken.length).toBe(1);
    expect(fixture.spool.accepted).toEqual([]);
  });

  test('who guesses return paths is hung up on', async () => {
    await using place = await open();
    await using dialogue = await stranger(place.fixture);
    const replies: string[] = [];
    for (let n = 0; n < 30 && replies.at(-1)?.startsWith('421') !== true; n++) {
      replies.push(await dialogue.say(`RCPT TO:<b+${n}@bounces.example>`));
    }
    expect(replies.filter((reply) => reply.startsWith('550 5.1.1')).length).toBe(21);
    expect(place.fixture.eventsOf('refused').length).toBe(21);
  });

  test('is refused where he has to sign in', async () => {
    await using place = await open();
    await using dialogue = await SmtpDialogue.greeted(place.fixture.port());
    await dialogue.all('EHLO far.example');
    expect(await dialogue.say('MAIL FROM:<>')).toMatch(/^530 /);
  });
});

describe('a client', () => {
  test('that passes bounces on gets them taken too, in a transaction of their own, without quota', async () => {
    await using place = await open();
    const { fixture, taken } = place;
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    await dialogue.all('EHLO app.example', SIGN_IN, 'MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>');
    expect(await dialogue.say(`RCPT TO:<${KNOWN}>`)).toBe('452 4.5.3 too many recipients');
    expect(await send(dialogue, MAIL)).toMatch(/^250 2\.6\.0 .* queued/);
    await dialogue.all('MAIL FROM:<>', `RCPT TO:<${KNOWN}>`);
    expect(await dialogue.say('RCPT TO:<bob@dest.example>')).toBe('452 4.5.3 too many recipients');
    expect(await send(dialogue, BOUNCE)).toBe('250 2.6.0 taken');
    expect(taken.length).toBe(1);
    // And the next transaction is like any other.
    await dialogue.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>');
    expect(await send(dialogue, MAIL.replace('<1@', '<2@'))).toMatch(/^250 2\.6\.0 .* queued/);
    expect(fixture.spool.accepted.length).toBe(2);
    expect([...fixture.ledger.used.values()]).toEqual([2]);
  });
});

describe('what comes to a return path', () => {
  const LINE = `${'x'.repeat(98)}\r\n`;

  test('may be as large as any message, announced or not, with a header as any; its start is kept, in whole lines', async () => {
    await using place = await open(undefined, { limits: { messageSize: '2MB' } });
    const { fixture, taken } = place;
    await using announced = await stranger(fixture, 'MAIL FROM:<> SIZE=2097153');
    expect(await announced.say(`RCPT TO:<${KNOWN}>`)).toBe('552 5.3.4 message exceeds the size limit');
    await using dialogue = await stranger(fixture);
    for (const [content, reply, size = ''] of [
      [`Subject: x\r\n\r\n${LINE.repeat(21_000)}`, '552 5.3.4 message exceeds the size limit'],
      [`Subject: x\r\n${` ${LINE}`.repeat(9_000)}\r\nbody\r\n`, '552 5.3.4 message header is too big'],
      [`${'Received: from a by b; now\r\n'.repeat(200)}\r\nbody\r\n`, '554 5.4.6 too many Received fields: mail loop'],
      [`Subject: x\r\n\r\n${LINE.repeat(9_900)}`, '250 2.6.0 taken'],
      [`Subject: x\r\n\r\n${LINE.repeat(20_000)}`, '250 2.6.0 taken'],
      [`Subject: x\r\n\r\n${LINE.repeat(20_000)}`, '250 2.6.0 taken', ' SIZE=2000014'],
    ] as const) {
      await dialogue.all('RSET', `MAIL FROM:<>${size}`, `RCPT TO:<${KNOWN}>`);
      expect(await send(dialogue, content)).toBe(reply);
    }
    const start = Buffer.from(`Subject: x\r\n\r\n${LINE.repeat(9_999)}`);
    expect(start.length).toBeLessThanOrEqual(RETURNED_KEPT_BYTES);
    expect(taken.map(({ content, isCut }) => [content.length, isCut])).toEqual([
      [990_014, false],
      [start.length, true],
      [start.length, true],
    ]);
    expect(taken[1]?.content.equals(start)).toBe(true);
    expect(fixture.ingress.counters()).toMatchObject({ bytesInFlight: 0, messagesInFlight: 0 });
  });

  test('thirty at once, each larger than what is kept, are all taken within the memory for them', async () => {
    let ready = (): void => undefined;
    const all = new Promise<void>((resolve) => void (ready = resolve));
    let waiting = 0;
    await using place = await open(async () => {
      waiting += 1;
      if (waiting === 30) ready();
      await all;
    });
    const { fixture, taken } = place;
    const large = `Subject: x\r\n\r\n${LINE.repeat(30_000)}`;
    const replies = await Promise.all(
      Array.from({ length: 30 }, async () => {
        await using dialogue = await stranger(fixture);
        await dialogue.all(`RCPT TO:<${KNOWN}>`);
        return await send(dialogue, large);
      }),
    );
    // None is answered before all have come: all of them are held at one time.
    expect(new Set(replies)).toEqual(new Set(['250 2.6.0 taken']));
    expect(taken.reduce((sum, { content }) => sum + content.length, 0)).toBeLessThanOrEqual(RETURNED_MEMORY_BYTES);
    expect(taken.every(({ isCut }) => isCut)).toBe(true);
  });

  test('is put off while the spool cannot keep it, and when it fails in between', async () => {
    const answers = [new SpoolError('full', 'no space'), new Error('surprise')];
    await using place = await open(async () => {
      const failure = answers.shift();
      if (failure !== undefined) throw failure;
    });
    const { fixture, taken } = place;
    await using dialogue = await stranger(fixture);
    const again = async (): Promise<string> => {
      await dialogue.all('RSET', 'MAIL FROM:<>', `RCPT TO:<${KNOWN}>`);
      return await send(dialogue, BOUNCE);
    };
    expect(await again()).toBe('452 4.3.1 insufficient system storage, try again later');
    expect(await again()).toBe('451 4.3.0 temporary failure, try again later');
    expect(await again()).toBe('250 2.6.0 taken');
    fixture.spool.troubleText = 'the disk is full';
    await dialogue.all('MAIL FROM:<>');
    expect(await dialogue.say(`RCPT TO:<${KNOWN}>`)).toMatch(/^452 4\.3\.1/);
    expect(taken.length).toBe(1);
  });

  test('with a bare newline is refused, as from any stranger', async () => {
    await using place = await open();
    await using dialogue = await stranger(place.fixture);
    await dialogue.all(`RCPT TO:<${KNOWN}>`);
    expect(await send(dialogue, 'Subject: x\r\n\r\na\nb\r\n')).toMatch(/^554 5\.6\.0/);
    expect(place.taken).toEqual([]);
  });
});
