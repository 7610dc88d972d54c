/**
 * What an attempt met, made into an outcome: the one place where replies and failures are judged.
 * Unknown means temporary; `in-doubt` exactly when the final dot went out and no verdict came back.
 */
import { assertNever, type Outcome, type Scope } from '../message/outcome.ts';
import { isBlock, refusalOf } from '../message/refusal.ts';
import { replyClass, type Reply } from '../message/reply.ts';

/**
 * Where the conversation stood. `content`: after 354, the final dot not yet out. `after-dot`: the dot is out.
 * There is no stage for QUIT: every verdict is in by then.
 */
export type Stage =
  | 'connect'
  | 'greeting'
  | 'ehlo'
  | 'tls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'content'
  | 'after-dot';

/** What keeps this relay from using a peer, though the peer did nothing wrong. */
export type Lack =
  | 'smtputf8'
  | 'size'
  | 'deliver-by'
  | 'time'
  | 'starttls'
  | 'auth'
  | 'auth-mechanism'
  | 'tls-for-auth';

/** Why a conversation stopped without a reply. */
export type Failure =
  /** The connection ended or never came about; `code` is a system error's, or `closed` for an orderly end. */
  | { readonly kind: 'lost'; readonly code: string }
  | { readonly kind: 'timeout' }
  /** The peer said what is no SMTP reply, or said it out of turn. */
  | { readonly kind: 'garbage'; readonly what: string }
  /** We stopped it ourselves: shutdown. */
  | { readonly kind: 'aborted' };

export type Happening =
  | { readonly kind: 'reply'; readonly reply: Reply }
  | Failure
  /** The TLS handshake failed, or the certificate is not to be trusted. */
  | { readonly kind: 'untrusted'; readonly cause: string }
  | { readonly kind: 'lacks'; readonly what: Lack }
  /** Not tried: it failed a moment ago. */
  | { readonly kind: 'resting' };

/** `upstream`: an own server, by which all mail of the exit goes, so that trouble with it is the exit's. */
export type PeerKind = 'mx' | 'upstream';

export type Incident = {
  readonly stage: Stage;
  readonly happening: Happening;
  readonly peer: PeerKind;
  /** For the text of local failures: `mx1.example.com[192.0.2.1]`. */
  readonly who: string;
};

export function classify({ stage, happening, peer, who }: Incident): Outcome {
  const verdict =
    (happening.kind === 'reply' ? ofTheSender(stage, happening.reply, peer) : null) ?? judged(stage, happening, who);
  const outcome: Outcome = happening.kind === 'reply' ? verdict : { ...verdict, own: true };
  if (peer === 'upstream' && outcome.kind === 'deferred' && outcome.scope === 'host')
    return { ...outcome, scope: 'egress' };
  return outcome;
}

const BEFORE_MAIL: ReadonlySet<Stage> = new Set(['connect', 'greeting', 'ehlo', 'tls', 'auth']);

/**
 * A refusal of who sends rather than of what is sent, which neighbours of that host would repeat: of the address that we
 * come by, and another exit may do; or of our pace, and none may do now, whatever its class. null: it is neither.
 */
function ofTheSender(stage: Stage, reply: Reply, peer: PeerKind): Outcome | null {
  const verdict = replyClass(reply);
  if (verdict !== 'temporary' && verdict !== 'permanent') return null;
  const refusal = refusalOf(reply);
  // What an own server says of us before MAIL is about the exit; its other 4yz may well be its own.
  if (peer === 'upstream' && (BEFORE_MAIL.has(stage) || verdict === 'temporary')) return null;
  // Before MAIL 5yz is about the host (RFC 5321 §3.1), and lists forget.
  if (isBlock(refusal))
    return verdict === 'permanent' && !BEFORE_MAIL.has(stage) ? bounced('egress', reply) : deferred('egress', reply);
  if (refusal !== 'rate-limited') return null;
  return deferred(peer === 'mx' ? 'message' : 'egress', reply);
}

function judged(stage: Stage, happening: Happening, who: string): Outcome {
  switch (happening.kind) {
    case 'reply':
      return ofReply(stage, happening.reply);
    case 'lost':
      return ofLoss(stage, happening.code, who);
    case 'timeout':
      return stage === 'after-dot'
        ? doubt(`no reply from ${who} to the final dot in time`)
        : deferred('host', local('4.2', `${who} did not answer in time (${stage})`));
    case 'garbage':
      return stage === 'after-dot'
        ? doubt(`${who} answered the final dot with what is no reply: ${happening.what}`)
        : deferred('host', local('5.0', `${who} does not speak SMTP (${stage}): ${happening.what}`));
    case 'aborted':
      return deferred('message', local('3.2', 'stopped before the message was sent'));
    case 'untrusted':
      return deferred('egress', local('7.5', `TLS with ${who} failed: ${happening.cause}`));
    case 'lacks':
      return ofLack(happening.what, who);
    case 'resting':
      return deferred('host', local('4.1', `${who} could not be reached a moment ago`));
    default:
      return assertNever(happening);
  }
}

/** Server-side codes that ask for AUTH or TLS: the way in is wrong, not the message (RFC 4954 §6, RFC 3207 §4). */
const WANTS_AUTH_OR_TLS: ReadonlySet<number> = new Set([530, 534, 535, 538]);
/** Command not known, not implemented, out of sequence: the conversation went wrong, not the message. */
const CONFUSED: ReadonlySet<number> = new Set([500, 502, 503]);

function ofReply(stage: Stage, reply: Reply): Outcome {
  const verdict = replyClass(reply);
  // 2yz elsewhere, and 3yz where a verdict was due: the peer is confused, not the message.
  if (verdict === 'success') return stage === 'after-dot' ? { kind: 'delivered', reply } : deferred('host', reply);
  if (verdict === 'more') return deferred('host', reply);
  // RFC 5321 §3.8: the server is going away, whatever was asked.
  if (reply.code === 421) return deferred('host', reply);
  switch (stage) {
    case 'connect':
    case 'greeting':
    case 'ehlo':
    case 'tls':
      // 5yz too: 554 at the greeting says that this host takes no mail (RFC 5321 §3.1), not that the mailbox is gone.
      return deferred('host', reply);
    case 'auth':
      // RFC 4954 §6: what a refusal without an enhanced code means.
      return deferred('egress', reply.detail === null && verdict === 'permanent' ? { ...reply, detail: '7.8' } : reply);
    case 'mail':
    case 'rcpt':
    case 'data':
      return ofEnvelopeRefusal(stage, reply);
    case 'content':
    case 'after-dot':
      return verdict === 'permanent' ? bounced('message', reply) : deferred('message', reply);
    default:
      return assertNever(stage);
  }
}

function ofEnvelopeRefusal(stage: 'mail' | 'rcpt' | 'data', reply: Reply): Outcome {
  if (WANTS_AUTH_OR_TLS.has(reply.code)) return deferred('host', reply);
  const scope: Scope = stage === 'rcpt' ? 'recipient' : 'message';
  if (replyClass(reply) === 'temporary') {
    // Another host may have room; one that dislikes the sender (RFC 3463 §3.2) will have neighbours that do, too.
    const host = stage === 'mail' && !reply.detail?.startsWith('1.');
    return deferred(host ? 'host' : scope, reply);
  }
  // Unless the enhanced code says that it is about the address, the mailbox or a policy (RFC 3463 §3).
  if (CONFUSED.has(reply.code) && !/^[127]\./.test(reply.detail ?? '')) return deferred('host', reply);
  // RFC 5321 §4.5.3.1.10: 552 means 452 there, too many recipients.
  if (stage === 'rcpt' && reply.code === 552) return deferred('recipient', reply);
  return bounced(scope, reply);
}

/** What this machine lacks when it cannot even try: an address to bind to, its family, a file descriptor, a permission. */
const OWN_TROUBLE: ReadonlySet<string> = new Set([
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EACCES',
  'EPERM',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
]);

/** True when a failed connect says something about this machine, not about the peer. */
export function isOwnTrouble(code: string): boolean {
  return OWN_TROUBLE.has(code);
}

const LOSSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  closed: 'connection closed',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  EADDRNOTAVAIL: 'the local address to leave from is not on this machine',
  EAFNOSUPPORT: 'no address of the family of the local address to leave from',
  EMFILE: 'no file descriptor left',
};

function ofLoss(stage: Stage, code: string, who: string): Outcome {
  const words = LOSSES[code] ?? code;
  if (stage === 'after-dot') return doubt(`${words} by ${who} after the final dot`);
  if (stage === 'connect')
    return deferred(isOwnTrouble(code) ? 'egress' : 'host', local('4.1', `connect to ${who}: ${words}`));
  return deferred('host', local('4.2', `${who}: ${words} (${stage})`));
}

function ofLack(what: Lack, who: string): Outcome {
  switch (what) {
    case 'smtputf8':
      // RFC 6531 §3.5: such a message must not be sent there, and cannot be made to fit. Another MX of the site may do.
      return bounced('host', {
        code: 550,
        detail: '6.7',
        text: `${who} does not take internationalized mail (SMTPUTF8)`,
      });
    case 'size':
      return bounced('host', { code: 552, detail: '3.4', text: `the message is larger than ${who} takes` });
    case 'deliver-by':
      return bounced('host', {
        code: 554,
        detail: '4.7',
        text: `${who} does not promise delivery by a time (DELIVERBY), as the message asks`,
      });
    case 'time':
      return bounced('host', { code: 554, detail: '4.7', text: `${who} needs more time than the message has left` });
    case 'starttls':
      return deferred('egress', local('7.4', `${who} does not offer STARTTLS, which the policy demands`));
    case 'auth':
      return deferred('egress', local('7.4', `${who} does not offer AUTH`));
    case 'auth-mechanism':
      return deferred('egress', local('7.4', `${who} offers no AUTH mechanism of PLAIN, LOGIN, CRAM-MD5`));
    case 'tls-for-auth':
      return deferred(
        'egress',
        local('7.11', `no password is sent to ${who} in clear text unless the policy says tls: none`),
      );
    default:
      return assertNever(what);
  }
}

function local(detail: string, text: string): Reply {
  return { code: 451, detail, text };
}

function deferred(scope: Scope, reply: Reply): Outcome {
  return { kind: 'deferred', reply, scope };
}

function bounced(scope: Scope, reply: Reply): Outcome {
  return { kind: 'bounced', reply, scope };
}

function doubt(text: string): Outcome {
  return { kind: 'in-doubt', reply: local('4.2', text) };
}
