/** Signing in to an own server: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195). */
import { createHmac } from 'node:crypto';
import type { Heard, Wire } from './wire.ts';
import type { Happening } from '../classify.ts';

export type Credentials = { readonly username: string; readonly password: string };

type Mechanism = 'PLAIN' | 'LOGIN' | 'CRAM-MD5';

/** Under TLS the simplest; in clear text the one that does not show the password. */
const PREFERENCE: Readonly<Record<'tls' | 'clear', readonly Mechanism[]>> = {
  tls: ['PLAIN', 'LOGIN', 'CRAM-MD5'],
  clear: ['CRAM-MD5', 'PLAIN', 'LOGIN'],
};

/** @returns null once signed in; otherwise what stood in the way */
export async function signIn(
  wire: Wire,
  { username, password }: Credentials,
  { offered, timeoutMs }: { readonly offered: readonly string[]; readonly timeoutMs: number },
): Promise<Happening | null> {
  if (offered.length === 0) return { kind: 'lacks', what: 'auth' };
  const mechanism = PREFERENCE[wire.tls === null ? 'clear' : 'tls'].find((known) => offered.includes(known));
  if (mechanism === undefined) return { kind: 'lacks', what: 'auth-mechanism' };
  const say = (line: string): Promise<Heard> => {
    wire.send(`${line}\r\n`);
    return wire.heard(timeoutMs);
  };
  const whisper = (line: string, shown = '***'): Promise<Heard> => {
    // Servers repeat what they did not like.
    wire.recorder?.hide(line.replace(/^AUTH PLAIN /, ''));
    wire.sendSecret(`${line}\r\n`, `${shown}\r\n`);
    return wire.heard(timeoutMs);
  };
  wire.recorder?.hide(password);
  let heard: Heard;
  switch (mechanism) {
    case 'PLAIN':
      heard = await whisper(`AUTH PLAIN ${base64(`\0${username}\0${password}`)}`, 'AUTH PLAIN ***');
      break;
    case 'LOGIN':
      heard = await say('AUTH LOGIN');
      if (isChallenge(heard)) heard = await whisper(base64(username));
      if (isChallenge(heard)) heard = await whisper(base64(password));
      break;
    case 'CRAM-MD5':
      heard = await say('AUTH CRAM-MD5');
      if (isChallenge(heard))
        heard = await whisper(base64(`${username} ${cramDigest(heard.lines[0] ?? '', password)}`));
      break;
  }
  if (heard.kind !== 'reply') return heard;
  return heard.reply.code >= 200 && heard.reply.code < 300 ? null : heard;
}

function isChallenge(heard: Heard): heard is Heard & { kind: 'reply' } {
  return heard.kind === 'reply' && heard.reply.code === 334;
}

function cramDigest(challenge: string, password: string): string {
  return createHmac('md5', password).update(Buffer.from(challenge, 'base64')).digest('hex');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
