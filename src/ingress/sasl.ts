/** The conversations of AUTH PLAIN (RFC 4616) and AUTH LOGIN, free of the network: pure. */
import type { Reply } from '../message/reply.ts';
import { REPLIES } from './replies.ts';

export type SaslStep =
  /** To be sent as `334 text`; the client's next line belongs to the exchange. */
  | { readonly kind: 'challenge'; readonly text: string; readonly next: (line: string) => SaslStep }
  | { readonly kind: 'credentials'; readonly user: string; readonly password: string }
  | { readonly kind: 'refused'; readonly reply: Reply };

const USERNAME_PROMPT = Buffer.from('Username:').toString('base64');
const PASSWORD_PROMPT = Buffer.from('Password:').toString('base64');

/** @param argument what follows `AUTH`: a mechanism and, perhaps, an initial response (RFC 4954 §4) */
export function startSasl(argument: string): SaslStep {
  const [mechanism = '', initial, ...rest] = argument.split(/[ \t]+/);
  if (rest.length > 0) return refused(REPLIES.syntax);
  switch (mechanism.toUpperCase()) {
    case 'PLAIN':
      return initial === undefined ? challenge('', plain) : plain(initial);
    case 'LOGIN':
      return initial === undefined ? challenge(USERNAME_PROMPT, loginUser) : loginUser(initial);
    default:
      return refused(mechanism === '' ? REPLIES.syntax : REPLIES.unknownMechanism);
  }
}

function plain(line: string): SaslStep {
  if (line === '*') return refused(REPLIES.signInCancelled);
  const parts = decode(line)?.split('\0');
  const [authorization, user, password] = parts ?? [];
  if (parts?.length !== 3 || user === undefined || user === '' || password === undefined)
    return refused(REPLIES.badSignIn);
  // Acting for somebody else is not offered.
  if (authorization !== '' && authorization !== user) return refused(REPLIES.wrongCredentials);
  return { kind: 'credentials', user, password };
}

function loginUser(line: string): SaslStep {
  if (line === '*') return refused(REPLIES.signInCancelled);
  const user = decode(line);
  if (user === null || user === '' || user.includes('\0')) return refused(REPLIES.badSignIn);
  return challenge(PASSWORD_PROMPT, (answer) => {
    if (answer === '*') return refused(REPLIES.signInCancelled);
    const password = decode(answer);
    return password === null ? refused(REPLIES.badSignIn) : { kind: 'credentials', user, password };
  });
}

/** `=` is an empty response (RFC 4954 §4). */
function decode(line: string): string | null {
  const text = line === '=' ? '' : line.trim();
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64').toString('utf8') : null;
}

function challenge(text: string, next: (line: string) => SaslStep): SaslStep {
  return { kind: 'challenge', text, next };
}

function refused(reply: Reply): SaslStep {
  return { kind: 'refused', reply };
}
