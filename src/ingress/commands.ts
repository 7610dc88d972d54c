/** The commands of RFC 5321 §4.1.1 and of the extensions offered: what each makes of its argument. */
import { isAscii, isUtf8 } from 'node:buffer';
import type { Reply } from '../message/reply.ts';
import type { Authenticator } from './auth.ts';
import { REPLIES } from './replies.ts';
import { type SaslStep, startSasl } from './sasl.ts';
import type { Session } from './session.ts';

/** What a command may do to the connection that it came by. */
export type Conversation = {
  readonly state: Session;
  readonly authenticator: Authenticator;
  readonly offersTls: boolean;
  readonly offersProxying: boolean;
  say(reply: Reply): void;
  sayLines(code: number, lines: readonly string[]): void;
  /** The next line is not a command. */
  expect(next: (line: string) => Promise<void> | null): void;
  /** Says 535, or 421 once there were too many. */
  failedSignIn(reply: Reply): void;
  unknownCommand(line: string): void;
  startTls(): Promise<void>;
  /** XCLIENT and XFORWARD. */
  proxy(verb: 'XCLIENT' | 'XFORWARD', line: string): void;
  /** Draws the quota and says 354, or why not. */
  startMessage(): Promise<void> | null;
  quit(): void;
};

/** AUTH lines may be longer than all others (RFC 4954 §4); this has room for every parameter there is. */
const MAX_COMMAND_BYTES = 2_048;

/** @param bytes one line without its end */
export function runCommand(conversation: Conversation, bytes: Buffer): Promise<void> | null {
  const line = decodeLine(bytes);
  if (typeof line === 'string') return runLine(conversation, line);
  conversation.say(line);
  return null;
}

/** As text, or why it is none. */
function decodeLine(bytes: Buffer): string | Reply {
  if (bytes.length > MAX_COMMAND_BYTES && !/^auth /i.test(bytes.toString('latin1', 0, 5))) return REPLIES.lineTooLong;
  const text = isAscii(bytes) ? bytes.toString('latin1') : isUtf8(bytes) ? bytes.toString('utf8') : null;
  // oxlint-disable-next-line no-control-regex -- they are what must not come in
  return text === null || /[\x00-\x08\x0a-\x1f\x7f-\x9f]/.test(text) ? REPLIES.badCharacters : text;
}

function runLine(conversation: Conversation, line: string): Promise<void> | null {
  const { verb, argument } = splitCommand(line);
  const { state } = conversation;
  switch (verb) {
    case 'EHLO':
    case 'HELO':
      hello(conversation, verb, argument);
      return null;
    case 'MAIL':
      conversation.say(state.hello === null ? REPLIES.helloFirst : state.mail(argument));
      return null;
    case 'RCPT':
      return addRecipient(conversation, argument);
    case 'DATA':
      return startData(conversation, argument);
    case 'AUTH':
      return authenticate(conversation, argument);
    case 'STARTTLS':
      return startTls(conversation, argument);
    case 'RSET':
      state.transaction = null;
      conversation.say(REPLIES.ok);
      return null;
    case 'XCLIENT':
    case 'XFORWARD':
      proxy(conversation, verb, line);
      return null;
    case 'QUIT':
      conversation.quit();
      return null;
    default:
      runHarmless(conversation, verb, argument, line);
      return null;
  }
}

// oxlint-disable-next-line max-params -- the tail of the switch above
function runHarmless(conversation: Conversation, verb: string, argument: string, line: string): void {
  switch (verb) {
    case 'NOOP':
      conversation.say(REPLIES.ok);
      return;
    case 'HELP':
      conversation.say(REPLIES.help);
      return;
    case 'VRFY':
      conversation.say(argument === '' ? REPLIES.syntax : REPLIES.cannotVerify);
      return;
    case 'EXPN':
    case 'TURN':
    case 'ETRN':
    case 'SEND':
    case 'SOML':
    case 'SAML':
      conversation.say(REPLIES.notImplemented);
      return;
    default:
      conversation.unknownCommand(line);
  }
}

function splitCommand(line: string): { readonly verb: string; readonly argument: string } {
  const end = line.search(/[ \t]/);
  if (end === -1) return { verb: line.toUpperCase(), argument: '' };
  return { verb: line.slice(0, end).toUpperCase(), argument: line.slice(end).trim() };
}

/** RFC 5321 §4.1.1.1. What clients call themselves is often no host name, so only its length counts. */
function hello(conversation: Conversation, verb: 'EHLO' | 'HELO', name: string): void {
  const { state } = conversation;
  if (name === '' || name.length > 255) {
    conversation.say(REPLIES.badHello);
    return;
  }
  const extended = verb === 'EHLO';
  state.hello = { name, extended };
  state.transaction = null;
  const { hostname } = state.policy;
  conversation.sayLines(250, extended ? [hostname, ...extensions(conversation)] : [hostname]);
}

function extensions({ state, offersTls, offersProxying }: Conversation): string[] {
  const lines = ['PIPELINING', `SIZE ${state.sizeLimitBytes(state.client())}`, '8BITMIME', 'SMTPUTF8'];
  lines.push('ENHANCEDSTATUSCODES', 'DSN');
  if (state.offersHandling) lines.push(...handling(state));
  if (offersTls) lines.push('STARTTLS');
  if (state.canAuthenticate && state.signedIn === null) lines.push('AUTH PLAIN LOGIN');
  if (offersProxying)
    lines.push('XCLIENT NAME ADDR PORT PROTO HELO LOGIN', 'XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE');
  return lines;
}

/** RFC 4865: the longest hold in seconds, and where it ends by the clock. */
function handling({ furthestMs, nowMs }: Session): string[] {
  const lines = ['DELIVERBY', 'MT-PRIORITY MIXER'];
  if (furthestMs === 0) return lines;
  const until = `${new Date(nowMs + furthestMs).toISOString().slice(0, 19)}Z`;
  return [`FUTURERELEASE ${Math.floor(furthestMs / 1000)} ${until}`, ...lines];
}

function addRecipient(conversation: Conversation, argument: string): Promise<void> | null {
  const reply = conversation.state.rcpt(argument);
  if (reply instanceof Promise) return reply.then((said) => conversation.say(said));
  conversation.say(reply);
  return null;
}

function startData(conversation: Conversation, argument: string): Promise<void> | null {
  const refusal = argument === '' ? conversation.state.whyNotData() : REPLIES.syntax;
  if (refusal === null) return conversation.startMessage();
  conversation.say(refusal);
  return null;
}

function startTls(conversation: Conversation, argument: string): Promise<void> | null {
  const { state } = conversation;
  const refusal =
    argument !== ''
      ? REPLIES.syntax
      : state.secure
        ? REPLIES.tlsActive
        : conversation.offersTls
          ? null
          : REPLIES.tlsNotAvailable;
  if (refusal === null) return conversation.startTls();
  conversation.say(refusal);
  return null;
}

function proxy(conversation: Conversation, verb: 'XCLIENT' | 'XFORWARD', line: string): void {
  if (!conversation.offersProxying) conversation.say(REPLIES.proxyDenied);
  else if (conversation.state.transaction !== null) conversation.say(REPLIES.notDuringMail);
  else conversation.proxy(verb, line);
}

function authenticate(conversation: Conversation, argument: string): Promise<void> | null {
  const refusal = whyNotAuthenticate(conversation);
  conversation.state.mechanism = /^login\b/i.test(argument) ? 'login' : 'plain';
  if (refusal === null) return takeStep(conversation, startSasl(argument));
  conversation.say(refusal);
  return null;
}

function whyNotAuthenticate({ state, authenticator }: Conversation): Reply | null {
  if (state.hello === null) return REPLIES.helloFirst;
  if (state.listener.auth !== 'required') return REPLIES.authNotOffered;
  if (!state.canAuthenticate) return REPLIES.encryptionRequired;
  if (state.signedIn !== null) return REPLIES.alreadySignedIn;
  if (state.transaction !== null) return REPLIES.notDuringMail;
  return authenticator.isBarred(state.address) ? REPLIES.tooManySignIns : null;
}

function takeStep(conversation: Conversation, step: SaslStep): Promise<void> | null {
  switch (step.kind) {
    case 'challenge':
      conversation.say({ code: 334, detail: null, text: step.text });
      conversation.expect((line) => takeStep(conversation, step.next(line)));
      return null;
    case 'credentials':
      return checkCredentials(conversation, step.user, step.password);
    case 'refused':
      if (step.reply.code === 504) conversation.say(step.reply);
      else conversation.failedSignIn(step.reply);
      return null;
  }
}

async function checkCredentials(conversation: Conversation, user: string, password: string): Promise<void> {
  const { state, authenticator } = conversation;
  switch (await authenticator.signIn({ user, password, address: state.address })) {
    case 'accepted':
      state.signIn(user);
      conversation.say(REPLIES.signedIn);
      return;
    case 'wrong':
      conversation.failedSignIn(REPLIES.wrongCredentials);
      return;
    case 'barred':
      conversation.say(REPLIES.tooManySignIns);
      return;
    case 'busy':
      conversation.say(REPLIES.signInBusy);
  }
}
