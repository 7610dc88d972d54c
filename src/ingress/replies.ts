/** Every reply that ingress gives, by name. Texts are for the peer: bland, and they name no policy. */
import type { Reply } from '../message/reply.ts';

export const REPLIES = {
  ok: { code: 250, detail: '0.0', text: 'ok' },
  senderOk: { code: 250, detail: '1.0', text: 'sender ok' },
  recipientOk: { code: 250, detail: '1.5', text: 'recipient ok' },
  startMail: { code: 354, detail: null, text: 'end with <CR><LF>.<CR><LF>' },
  bye: { code: 221, detail: '0.0', text: 'bye' },
  help: { code: 214, detail: '0.0', text: 'see RFC 5321' },
  cannotVerify: { code: 252, detail: '1.5', text: 'cannot verify, will accept mail and try' },
  readyForTls: { code: 220, detail: '0.0', text: 'ready to start TLS' },
  signedIn: { code: 235, detail: '7.0', text: 'authentication succeeded' },

  stopping: { code: 421, detail: '3.2', text: 'shutting down, try again' },
  tooManyConnections: { code: 421, detail: '7.0', text: 'too many connections, try again later' },
  timedOut: { code: 421, detail: '4.2', text: 'timed out, closing' },
  tooManyErrors: { code: 421, detail: '7.0', text: 'too many errors, closing' },
  tooManyUnknownCommands: { code: 421, detail: '7.0', text: 'too many unrecognized commands, closing' },
  tooManySignIns: { code: 421, detail: '7.0', text: 'too many failed sign-ins, try again later' },
  denied: { code: 554, detail: '7.1', text: 'access denied' },

  unknownCommand: { code: 500, detail: '5.2', text: 'command not recognized' },
  notImplemented: { code: 502, detail: '5.1', text: 'command not implemented' },
  lineTooLong: { code: 500, detail: '5.2', text: 'line too long' },
  badCharacters: { code: 500, detail: '5.2', text: 'command contains characters that are not allowed' },
  syntax: { code: 501, detail: '5.4', text: 'syntax error in arguments' },
  helloFirst: { code: 503, detail: '5.1', text: 'send EHLO or HELO first' },
  badHello: { code: 501, detail: '5.4', text: 'syntax: EHLO hostname' },
  nestedMail: { code: 503, detail: '5.1', text: 'sender already given' },
  mailFirst: { code: 503, detail: '5.1', text: 'send MAIL first' },
  noRecipients: { code: 503, detail: '5.1', text: 'no valid recipients' },
  notDuringMail: { code: 503, detail: '5.1', text: 'not permitted during a mail transaction' },

  badSender: { code: 501, detail: '1.7', text: 'bad sender address syntax' },
  badRecipient: { code: 501, detail: '1.3', text: 'bad recipient address syntax' },
  needsSmtpUtf8: { code: 553, detail: '6.7', text: 'non-ASCII address needs SMTPUTF8' },
  unknownParameter: { code: 555, detail: '5.4', text: 'parameter not recognized or not implemented' },
  badParameter: { code: 501, detail: '5.4', text: 'syntax error in parameter' },
  holdTwice: { code: 501, detail: '5.4', text: 'HOLDFOR or HOLDUNTIL, not both' },
  lateAlready: {
    code: 501,
    detail: '5.4',
    text: 'BY in mode R must end in the future, and after HOLDFOR or HOLDUNTIL',
  },
  expiredAlready: { code: 554, detail: '4.7', text: 'the message is to expire before it may leave' },
  tooBig: { code: 552, detail: '3.4', text: 'message exceeds the size limit' },
  tooManyRecipients: { code: 452, detail: '5.3', text: 'too many recipients' },

  authRequired: { code: 530, detail: '7.0', text: 'authentication required' },
  tlsRequired: { code: 530, detail: '7.0', text: 'must issue a STARTTLS command first' },
  senderDenied: { code: 550, detail: '7.1', text: 'sender address not allowed for this client' },
  relayDenied: { code: 550, detail: '7.1', text: 'relaying denied' },
  unknownRecipient: { code: 550, detail: '1.1', text: 'no such address here' },
  overQuota: { code: 452, detail: '7.1', text: 'sending quota used up, try again later' },
  fromDenied: { code: 550, detail: '7.1', text: 'header From not allowed for this client' },
  senderFieldDenied: { code: 550, detail: '7.1', text: 'header Sender not allowed for this client' },
  severalFrom: { code: 550, detail: '7.1', text: 'more than one From field' },

  spoolFull: { code: 452, detail: '3.1', text: 'insufficient system storage, try again later' },
  noMemory: { code: 452, detail: '3.1', text: 'too much mail at once, try again later' },
  temporary: { code: 451, detail: '3.0', text: 'temporary failure, try again later' },

  bareNewline: { code: 554, detail: '6.0', text: 'message has a CR or LF that is not part of CR LF' },
  nul: { code: 554, detail: '6.0', text: 'message has a NUL byte' },
  headerTooBig: { code: 552, detail: '3.4', text: 'message header is too big' },
  loop: { code: 554, detail: '4.6', text: 'too many Received fields: mail loop' },

  encryptionRequired: { code: 538, detail: '7.11', text: 'encryption required for authentication' },
  authNotOffered: { code: 503, detail: '5.1', text: 'authentication not offered here' },
  unknownMechanism: { code: 504, detail: '5.4', text: 'unrecognized authentication type' },
  alreadySignedIn: { code: 503, detail: '5.1', text: 'already authenticated' },
  signInCancelled: { code: 501, detail: '7.0', text: 'authentication cancelled' },
  badSignIn: { code: 501, detail: '5.2', text: 'cannot decode the response' },
  wrongCredentials: { code: 535, detail: '7.8', text: 'authentication credentials invalid' },
  signInBusy: { code: 454, detail: '7.0', text: 'temporary authentication failure' },
  tlsNotAvailable: { code: 454, detail: '7.0', text: 'TLS not available' },
  tlsActive: { code: 503, detail: '5.1', text: 'TLS already active' },
  proxyDenied: { code: 550, detail: '7.0', text: 'not permitted' },
} as const satisfies Record<string, Reply>;

/** RFC 5322 §2.1.1; the limit is the policy's `limits.lineLength`. */
export function lineTooLongFor(limit: number): Reply {
  return { code: 554, detail: '6.0', text: `message has a line of more than ${limit} octets` };
}

/** RFC 4865. @param furthestMs `limits.futureRelease` */
export function tooFarAhead(furthestMs: number): Reply {
  const text = furthestMs === 0 ? 'mail is not scheduled here' : `mail is held for ${furthestMs / 1000} s at most`;
  return { code: 501, detail: '5.4', text };
}

/** RFC 6710: the new priority comes first in the text. */
export function senderOkAt(mtPriority: number): Reply {
  return { code: 250, detail: '3.6', text: `${mtPriority} is the priority of the message: no more for this client` };
}

/** RFC 8058 §3.1. @param name a header field */
export function noUnsubscribe(name: string): Reply {
  return { code: 550, detail: '7.1', text: `bulk mail needs a ${name} field for unsubscribing by one click` };
}

/** @param line from 1 */
export function malformedHeader(line: number): Reply {
  return { code: 554, detail: '6.0', text: `header line ${line} is not a header field` };
}

/** A field that the relay itself reads, such as X-Relevo-Priority, says something that it cannot mean. */
export function badDirective(name: string): Reply {
  return { code: 554, detail: '6.0', text: `cannot read the ${name} field` };
}
