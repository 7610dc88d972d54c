import { describe, expect, test } from 'vitest';
import { parseReply } from '../message/reply.ts';
import { classify, isOwnTrouble, type Happening, type Lack, type Stage } from './classify.ts';

const STAGES = ['connect', 'greeting', 'ehlo', 'tls', 'auth', 'mail', 'rcpt', 'data', 'content', 'after-dot'] as const;

function reply(text: string): Happening {
  return { kind: 'reply', reply: parseReply(Number(text.slice(0, 3)), [text.slice(4)]) };
}

/** `deferred host`, `in-doubt`, … */
function verdict(stage: Stage, happening: Happening, peer: 'mx' | 'upstream' = 'mx'): string {
  const outcome = classify({ stage, happening, peer, who: 'mx.example.net[192.0.2.1]' });
  return 'scope' in outcome ? `${outcome.kind} ${outcome.scope}` : outcome.kind;
}

function everyStage(happening: Happening, peer: 'mx' | 'upstream' = 'mx'): Record<string, string> {
  return Object.fromEntries(STAGES.map((stage) => [stage, verdict(stage, happening, peer)]));
}

describe('a reply, by where it was given', () => {
  test('a temporary refusal reaches as far as what was asked', () => {
    expect(everyStage(reply('450 4.7.1 later'))).toEqual({
      connect: 'deferred host',
      greeting: 'deferred host',
      ehlo: 'deferred host',
      tls: 'deferred host',
      auth: 'deferred egress',
      mail: 'deferred host',
      rcpt: 'deferred recipient',
      data: 'deferred message',
      content: 'deferred message',
      'after-dot': 'deferred message',
    });
  });

  test('a permanent refusal ends a story only where it is about the message', () => {
    expect(everyStage(reply('550 5.7.1 no'))).toEqual({
      connect: 'deferred host',
      greeting: 'deferred host',
      ehlo: 'deferred host',
      tls: 'deferred host',
      auth: 'deferred egress',
      mail: 'bounced message',
      rcpt: 'bounced recipient',
      data: 'bounced message',
      content: 'bounced message',
      'after-dot': 'bounced message',
    });
  });

  test('421 says that the host goes away, whatever was asked', () => {
    expect(new Set(Object.values(everyStage(reply('421 4.3.2 shutting down'))))).toEqual(new Set(['deferred host']));
  });

  test('3yz where a verdict was due is confusion', () => {
    expect(new Set(Object.values(everyStage(reply('354 go on'))))).toEqual(new Set(['deferred host']));
  });

  test('2yz is a delivery after the final dot and confusion anywhere else', () => {
    const { 'after-dot': last, ...others } = everyStage(reply('250 2.0.0 kept'));
    expect(last).toBe('delivered');
    expect(new Set(Object.values(others))).toEqual(new Set(['deferred host']));
    expect(verdict('after-dot', reply('251 will forward'))).toBe('delivered');
  });

  test.each<[string, Stage, string]>([
    // RFC 5321 §4.5.3.1.10: 552 at RCPT is an old spelling of 452.
    ['552 5.2.2 too many recipients', 'rcpt', 'deferred recipient'],
    ['552 too many recipients', 'rcpt', 'deferred recipient'],
    ['452 4.5.3 too many recipients', 'rcpt', 'deferred recipient'],
    ['552 5.3.4 too big', 'mail', 'bounced message'],
    ['552 5.3.4 too big', 'after-dot', 'bounced message'],
    ['452 4.3.1 no space', 'mail', 'deferred host'],
    ['450 4.1.8 sender domain not found', 'mail', 'deferred message'],
    ['553 5.1.8 sender domain not found', 'mail', 'bounced message'],
    // The conversation went wrong, or so it seems: nothing is known of the mailbox.
    ['503 5.5.1 MAIL first', 'rcpt', 'deferred host'],
    ['503 valid RCPT required', 'data', 'deferred host'],
    ['500 what?', 'rcpt', 'deferred host'],
    ['502 not implemented', 'mail', 'deferred host'],
    // These say plainly that it is about something else.
    ['500 5.1.1 no such user', 'rcpt', 'bounced recipient'],
    ['503 5.7.1 go away', 'rcpt', 'bounced recipient'],
    ['501 5.1.3 bad address', 'rcpt', 'bounced recipient'],
    // The way in is wrong, not the message.
    ['530 5.7.0 must issue STARTTLS', 'mail', 'deferred host'],
    ['530 5.7.0 authentication required', 'rcpt', 'deferred host'],
    ['535 5.7.8 no', 'mail', 'deferred host'],
    // RFC 7505 §4.2, RFC 7504 §3.
    ['556 5.1.10 null MX', 'rcpt', 'bounced recipient'],
    ['521 does not accept mail', 'greeting', 'deferred host'],
    ['554 no mail here', 'greeting', 'deferred host'],
    ['554 5.7.1 spam', 'after-dot', 'bounced message'],
    ['551 5.1.6 moved', 'rcpt', 'bounced recipient'],
    ['454 4.7.0 temporary authentication failure', 'auth', 'deferred egress'],
    ['535 5.7.8 wrong password', 'auth', 'deferred egress'],
  ])('%s at %s: %s', (text, stage, expected) => {
    expect(verdict(stage, reply(text))).toBe(expected);
  });

  test.each<[string, Stage, string]>([
    // Of the sending address: its neighbours would say the same.
    ['554 5.7.1 blocked using zen.spamhaus.org', 'rcpt', 'bounced egress'],
    ['550 5.7.1 part of their network is on our block list (S3150)', 'mail', 'bounced egress'],
    ['554 5.7.1 poor reputation', 'after-dot', 'bounced egress'],
    ['451 4.7.1 blocked using zen.spamhaus.org', 'rcpt', 'deferred egress'],
    // Before MAIL for good means for this host only.
    ['554 5.7.1 blocked using zen.spamhaus.org', 'greeting', 'deferred egress'],
    // Of our pace: for good or not, another host is not asked, and the mail loses nothing.
    ['421 4.7.28 unusual rate', 'mail', 'deferred message'],
    ['421 4.7.0 [TSS04] temporarily deferred', 'greeting', 'deferred message'],
    ['450 4.7.1 too much mail', 'rcpt', 'deferred message'],
    ['550 5.4.5 Daily user sending limit exceeded', 'after-dot', 'deferred message'],
    // Of the content, of the domain, of the mailbox: no address helps.
    ['550 5.7.26 unauthenticated mail', 'after-dot', 'bounced message'],
    ['550 5.1.1 no such user', 'rcpt', 'bounced recipient'],
    ['450 4.2.0 Greylisted', 'rcpt', 'deferred recipient'],
    ['421 4.3.2 shutting down', 'mail', 'deferred host'],
  ])('%s at %s is %s', (text, stage, expected) => {
    expect(verdict(stage, reply(text))).toBe(expected);
  });

  test('of an own server a refusal of the address is the exit’s where it is for good, and its pace always', () => {
    expect(verdict('rcpt', reply('550 5.7.1 blocked using zen.spamhaus.org'), 'upstream')).toBe('bounced egress');
    expect(verdict('greeting', reply('554 5.7.1 blocked using zen.spamhaus.org'), 'upstream')).toBe('deferred egress');
    expect(verdict('rcpt', reply('451 4.7.1 blocked using zen.spamhaus.org'), 'upstream')).toBe('deferred recipient');
    expect(verdict('after-dot', reply('550 5.4.5 Daily user sending limit exceeded'), 'upstream')).toBe(
      'deferred egress',
    );
  });

  test('what the server said is kept as it said it', () => {
    const outcome = classify({ stage: 'rcpt', happening: reply('552 5.2.2 mailbox full'), peer: 'mx', who: 'x' });
    expect(outcome).toEqual({
      kind: 'deferred',
      scope: 'recipient',
      reply: { code: 552, detail: '2.2', text: 'mailbox full' },
    });
  });
});

test('a refused sign-in says that it was one, even where the server’s code does not', () => {
  const outcome = classify({ stage: 'auth', happening: reply('535 no'), peer: 'upstream', who: 'x' });
  expect(outcome.reply).toEqual({ code: 535, detail: '7.8', text: 'no' });
});

describe('no reply', () => {
  const before = STAGES.filter((stage) => stage !== 'after-dot');

  test.each<[string, Happening]>([
    ['a lost connection', { kind: 'lost', code: 'ECONNRESET' }],
    ['an orderly close', { kind: 'lost', code: 'closed' }],
    ['an unknown error', { kind: 'lost', code: 'EWHATEVER' }],
    ['silence', { kind: 'timeout' }],
    ['garbage', { kind: 'garbage', what: '"hello"' }],
  ])('%s is temporary before the final dot, and leaves doubt after it', (_, happening) => {
    for (const stage of before) expect([stage, verdict(stage, happening)]).toEqual([stage, 'deferred host']);
    expect(verdict('after-dot', happening)).toBe('in-doubt');
  });

  test('of an own server it is the exit that is in trouble', () => {
    const happening: Happening = { kind: 'lost', code: 'ECONNREFUSED' };
    for (const stage of before) expect(verdict(stage, happening, 'upstream')).toBe('deferred egress');
    expect(verdict('after-dot', happening, 'upstream')).toBe('in-doubt');
    expect(verdict('mail', reply('421 4.7.0 busy'), 'upstream')).toBe('deferred egress');
    expect(verdict('rcpt', reply('450 4.2.1 later'), 'upstream')).toBe('deferred recipient');
    expect(verdict('after-dot', reply('554 5.6.0 no'), 'upstream')).toBe('bounced message');
  });

  test.each(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EMFILE', 'EACCES'])('%s is this machine’s trouble', (code) => {
    expect(isOwnTrouble(code)).toBe(true);
    expect(verdict('connect', { kind: 'lost', code })).toBe('deferred egress');
  });

  test('a shutdown is about neither host nor exit', () => {
    expect(verdict('mail', { kind: 'aborted' })).toBe('deferred message');
    expect(verdict('content', { kind: 'aborted' }, 'upstream')).toBe('deferred message');
  });

  test('a host that rests is temporary', () => {
    expect(verdict('connect', { kind: 'resting' })).toBe('deferred host');
    expect(verdict('connect', { kind: 'resting' }, 'upstream')).toBe('deferred egress');
  });
});

describe('what keeps this relay from using a peer', () => {
  test.each<[Lack, string, string]>([
    ['smtputf8', 'bounced host', '550 6.7'],
    ['size', 'bounced host', '552 3.4'],
    ['starttls', 'deferred egress', '451 7.4'],
    ['auth', 'deferred egress', '451 7.4'],
    ['auth-mechanism', 'deferred egress', '451 7.4'],
    ['tls-for-auth', 'deferred egress', '451 7.11'],
  ])('%s: %s, %s', (what, expected, code) => {
    const { reply: said } = classify({ stage: 'mail', happening: { kind: 'lacks', what }, peer: 'upstream', who: 'x' });
    expect(`${said.code} ${said.detail}`).toBe(code);
    expect(verdict('mail', { kind: 'lacks', what })).toBe(expected);
  });

  test('a certificate that is not to be trusted stops the exit, never the message', () => {
    expect(verdict('tls', { kind: 'untrusted', cause: 'CERT_HAS_EXPIRED' }, 'upstream')).toBe('deferred egress');
  });
});

test("what no server said is known as the relay's own words", () => {
  const incident = { stage: 'mail', peer: 'upstream', who: 'mx.example.net[192.0.2.1]' } as const;
  expect(classify({ ...incident, happening: reply('450 4.7.1 later') }).own).toBeUndefined();
  const found = [{ kind: 'lost', code: 'ECONNRESET' }, { kind: 'timeout' }, { kind: 'lacks', what: 'auth' }] as const;
  for (const happening of found) expect(classify({ ...incident, happening }).own).toBe(true);
});
