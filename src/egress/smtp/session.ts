/** An SMTP session that is ready for messages, and how to get one from a fresh connection (RFC 5321 §3.1, §3.2). */
import type { Socket } from 'node:net';
import type { Clock } from '../../ports.ts';
import type { Happening, Stage } from '../classify.ts';
import type { Recorder } from '../recorder.ts';
import { signIn, type Credentials } from './auth.ts';
import { NO_EXTENSIONS, parseExtensions, type Extensions } from './extensions.ts';
import { isLoopback } from './special-addresses.ts';
import { secure, type TlsContexts, type Trust } from './tls.ts';
import { Wire, type Heard } from './wire.ts';

/** `opportunistic`: when offered, with any certificate. `starttls`, `implicit`: always, and the certificate is checked. */
export type TlsMode = 'starttls' | 'implicit' | 'opportunistic' | 'none';

export type Timeouts = { readonly connectMs: number; readonly replyMs: number; readonly dataMs: number };

export type SessionSetup = {
  /** Name for TLS: that of the peer's certificate. */
  readonly host: string;
  readonly address: string;
  readonly helo: string;
  readonly tls: TlsMode;
  /** STARTTLS is passed over though it may be offered: its handshake failed lately. Never with a checked certificate. */
  readonly clearText: boolean;
  readonly credentials: Credentials | null;
  readonly contexts: TlsContexts;
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  /** Told of each stage as it begins. */
  readonly onStage?: (stage: Stage) => void;
  /** Hears what is said. */
  readonly recorder?: Recorder | undefined;
};

export type Session = {
  readonly wire: Wire;
  readonly host: string;
  readonly address: string;
  /** The local address it leaves from. */
  readonly source: string | null;
  /** Protocol version of TLS; null: clear text. */
  readonly tls: string | null;
  readonly extensions: Extensions;
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  /** Messages that were tried over it. */
  transactions: number;
  /** An envelope was begun and not ended: the next one begins with RSET. */
  begun: boolean;
};

/** `handshake`: STARTTLS was agreed on and came to nothing, so that clear text is worth a try where that is allowed. */
export type Opened = { readonly kind: 'open'; readonly session: Session } | NotOpened;

export type NotOpened = {
  readonly kind: 'failed';
  readonly stage: Stage;
  readonly happening: Happening;
  readonly handshake: boolean;
};

/** Leads a connection from its first byte to the point where MAIL can be sent. Never rejects; on failure it is closed. */
export async function openSession(socket: Socket, setup: SessionSetup, signal: AbortSignal): Promise<Opened> {
  if (setup.tls === 'implicit') setup.onStage?.('tls');
  if (setup.tls !== 'implicit') return converse(socket, setup, signal);
  const secured = await handshake(socket, setup, { trust: 'verified', signal });
  if (secured.kind !== 'secured') return failed('tls', secured);
  return converse(secured.socket, setup, signal);
}

async function converse(socket: Socket, setup: SessionSetup, signal: AbortSignal): Promise<Opened> {
  let wire = new Wire(socket, setup.clock);
  wire.recorder = setup.recorder ?? null;
  const abort = (): void => {
    wire.fail({ kind: 'aborted' });
  };
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const opened = await greeted(wire, setup, {
    signal,
    replace: (next) => {
      wire = next;
    },
  });
  signal.removeEventListener('abort', abort);
  // An orderly goodbye where the peer still listens: to a refused sign-in, say. Nobody waits for it.
  wire.recorder = null;
  if (opened.kind === 'failed') void wire.quit(1_000);
  return opened;
}

type Under = {
  readonly signal: AbortSignal;
  /** The wire that an abort is to end from now on. */
  readonly replace: (wire: Wire) => void;
};

async function greeted(wire: Wire, setup: SessionSetup, under: Under): Promise<Opened> {
  setup.onStage?.('greeting');
  const greeting = await wire.heard(setup.timeouts.replyMs);
  if (!isSuccess(greeting)) return failed('greeting', greeting);
  const hello = await sayHello(wire, setup);
  if (hello.kind === 'failed') return hello;
  if (setup.tls === 'none' || setup.tls === 'implicit' || setup.clearText)
    return signedIn(wire, hello.extensions, setup);
  if (!hello.extensions.startTls)
    return setup.tls === 'starttls'
      ? failed('tls', { kind: 'lacks', what: 'starttls' })
      : signedIn(wire, hello.extensions, setup);

  setup.onStage?.('tls');
  wire.send('STARTTLS\r\n');
  const go = await wire.heard(setup.timeouts.replyMs);
  if (go.kind !== 'reply') return { ...failed('tls', go), handshake: go.kind !== 'aborted' };
  // Refused, as 454 (RFC 3207 §4): the conversation goes on in clear text where that is allowed.
  if (!isSuccess(go)) return setup.tls === 'starttls' ? failed('tls', go) : signedIn(wire, hello.extensions, setup);
  const bare = wire.detach();
  // Bytes between the reply and the handshake would be taken for encrypted ones: an injected command's reply (RFC 3207 §6).
  if (bare === null)
    return {
      ...failed('tls', wire.fail({ kind: 'garbage', what: 'more after the reply to STARTTLS' })),
      handshake: true,
    };
  const trust = setup.tls === 'starttls' ? 'verified' : 'any';
  const secured = await handshake(bare, setup, { trust, signal: under.signal });
  if (secured.kind !== 'secured') return { ...failed('tls', secured), handshake: secured.kind === 'untrusted' };
  const inside = new Wire(secured.socket, setup.clock);
  inside.recorder = setup.recorder ?? null;
  under.replace(inside);
  // RFC 3207 §4.2: what was offered before TLS counts for nothing.
  const again = await sayHello(inside, setup);
  // In TLS 1.3 a server may break the handshake off when we think that it is done.
  if (again.kind === 'failed') return { ...again, handshake: again.happening.kind === 'lost' };
  return signedIn(inside, again.extensions, setup);
}

async function handshake(
  socket: Socket,
  { host, contexts, clock, timeouts, recorder }: SessionSetup,
  { trust, signal }: { readonly trust: Trust; readonly signal: AbortSignal },
): Promise<Awaited<ReturnType<typeof secure>>> {
  try {
    const context = await contexts.of(trust);
    const secured = await secure({ socket, host, trust, context, clock, timeoutMs: timeouts.connectMs, signal });
    recorder?.note(tlsNote(secured));
    return secured;
  } catch (error) {
    socket.destroy();
    return { kind: 'untrusted', cause: `own settings: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function tlsNote(secured: Awaited<ReturnType<typeof secure>>): string {
  if (secured.kind === 'untrusted') return `TLS came to nothing: ${secured.cause}`;
  if (secured.kind === 'aborted') return 'TLS was broken off';
  const { socket } = secured;
  return `TLS begins: ${socket.getProtocol() ?? ''} ${socket.getCipher()?.standardName ?? ''}`.trim();
}

type Hello = { readonly kind: 'known'; readonly extensions: Extensions } | NotOpened;

async function sayHello(wire: Wire, { helo, timeouts, onStage }: SessionSetup): Promise<Hello> {
  onStage?.('ehlo');
  wire.send(`EHLO ${helo}\r\n`);
  const heard = await wire.heard(timeouts.replyMs);
  if (isSuccess(heard)) return { kind: 'known', extensions: parseExtensions(heard.lines) };
  // RFC 5321 §3.2: a server that does not know EHLO is asked with HELO.
  if (heard.kind !== 'reply' || heard.reply.code < 500) return failed('ehlo', heard);
  wire.send(`HELO ${helo}\r\n`);
  const old = await wire.heard(timeouts.replyMs);
  return isSuccess(old) ? { kind: 'known', extensions: NO_EXTENSIONS } : failed('ehlo', old);
}

async function signedIn(wire: Wire, extensions: Extensions, setup: SessionSetup): Promise<Opened> {
  const { credentials, tls, host, address, timeouts, clock } = setup;
  if (credentials !== null) {
    // A password in clear text only where the operator said so, or where nobody else listens.
    if (wire.tls === null && tls !== 'none' && !isLoopback(address))
      return failed('auth', { kind: 'lacks', what: 'tls-for-auth' });
    setup.onStage?.('auth');
    const trouble = await signIn(wire, credentials, { offered: extensions.auth, timeoutMs: timeouts.replyMs });
    if (trouble !== null) return failed('auth', trouble);
  }
  const { source, tls: version } = wire;
  const peer = { host, address, source, tls: version };
  const session = { wire, ...peer, extensions, timeouts, clock, transactions: 0, begun: false };
  return { kind: 'open', session };
}

function isSuccess(heard: Heard): heard is Heard & { kind: 'reply' } {
  return heard.kind === 'reply' && heard.reply.code >= 200 && heard.reply.code < 300;
}

function failed(stage: Stage, happening: Happening): NotOpened {
  return { kind: 'failed', stage, happening, handshake: false };
}
