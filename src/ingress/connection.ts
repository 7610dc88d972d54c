import type { Socket } from 'node:net';
import type { Reply } from '../message/reply.ts';
import { clientForAddress } from '../policy/admit.ts';
import type { Authenticator } from './auth.ts';
import { CommandParser, type ParserOwner } from './command-parser.ts';
import { type Conversation, runCommand } from './commands.ts';
import { TLS_HANDSHAKE_MS, type Watched } from './deadlines.ts';
import { endMessage } from './end-of-message.ts';
import { IncomingContent } from './incoming-content.ts';
import type { Listener } from './listener.ts';
import { REPLIES } from './replies.ts';
import { Session, UNKNOWN_ADDRESS } from './session.ts';
import { WireConnection } from './wire-connection.ts';

/** At most so many failed sign-ins and unknown commands a connection, and errors of a stranger. */
const MAX_FAILED_SIGN_INS = 10;
const MAX_UNKNOWN_COMMANDS = 10;
const MAX_STRANGER_ERRORS = 20;

/**
 * One SMTP connection. The library brings the socket's life, STARTTLS and XCLIENT; every command, reply, limit and deadline
 * is ours.
 */
export class Connection extends WireConnection implements ParserOwner, Conversation, Watched {
  readonly #listener: Listener;
  readonly #release: () => void;
  readonly state: Session;
  #expected: ((line: string) => Promise<void> | null) | null = null;
  #content: IncomingContent | null = null;
  /** We owe the client something: no deadline. */
  #busy = false;
  /** Monotonic, of the last reply: since then the client owes us a command. */
  #waitingSinceMs: number;
  #failedSignIns = 0;
  #unknownCommands = 0;
  #strangerErrors = 0;

  /** @param release gives the connection's place back, once */
  constructor(listener: Listener, socket: Socket, release: () => void) {
    super(listener, socket, { id: listener.nextConnectionId() });
    this.#listener = listener;
    this.#release = release;
    this.#waitingSinceMs = listener.deps.clock.monotonicMs();
    this.state = new Session(listener.deps, {
      listener: listener.policy,
      address: this.remoteAddress,
      secure: this.secure,
    });
  }

  get authenticator(): Authenticator {
    return this.#listener.deps.authenticator;
  }

  get offersTls(): boolean {
    return !this.secure && this.#listener.offersTls;
  }

  get offersProxying(): boolean {
    return this._proxyCommandAllowed('XCLIENT', 'useXClient');
  }

  /** Greets at once: no delay for early talkers and no reverse look-up. */
  override init(): void {
    this._setListeners(() => {
      this._setClientHostname('');
      this._resetSession();
      this._ready = true;
      this.#listener.deps.deadlines.watch(this);
      this.say({ code: 220, detail: null, text: `${this.state.policy.hostname} ESMTP` });
      this.write();
    });
  }

  // ── What the parser finds ──

  line(line: Buffer): Promise<void> | null {
    if (this._upgrading || this._closing) return null;
    if (this.#listener.deps.isStopping()) {
      this.say(REPLIES.stopping);
      return null;
    }
    if (this.secure && !this.state.secure) this.state.upgraded();
    const expected = this.#expected;
    this.#expected = null;
    const pending = expected === null ? runCommand(this, line) : expected(line.toString('latin1'));
    return pending === null ? this.#answered() : this.#whileBusy(pending);
  }

  overlongLine(): void {
    this.#expected = null;
    this.say(REPLIES.lineTooLong);
  }

  endlessLine(): void {
    this.say(REPLIES.tooManyErrors);
  }

  messageGrew(): void {
    const refusal = this.#content?.abandon() ?? null;
    if (refusal === null) return;
    // It will not end: answer and hang up.
    this.hangUp(this.state.refused('DATA', refusal));
  }

  messageEnd(): Promise<void> {
    return this.#whileBusy(this.#endMessage());
  }

  inputEnded(): void {
    if (!this._closing) this.state.left();
    this.close();
  }

  // ── What commands do ──

  override say(reply: Reply): void {
    super.say(reply);
    if (reply.code >= 400 && reply.code !== 421) this.#countError();
  }

  expect(next: (line: string) => Promise<void> | null): void {
    this.#expected = next;
  }

  failedSignIn(reply: Reply): void {
    this.#failedSignIns += 1;
    this.say(this.#failedSignIns < MAX_FAILED_SIGN_INS ? reply : REPLIES.tooManySignIns);
  }

  unknownCommand(line: string): void {
    this.#unknownCommands += 1;
    // A browser that was tricked into talking SMTP.
    const isHttp = / HTTP\/\d\.\d$/.test(line);
    if (isHttp || this.#unknownCommands >= MAX_UNKNOWN_COMMANDS) this.say(REPLIES.tooManyUnknownCommands);
    else this.say(REPLIES.unknownCommand);
  }

  startTls(): Promise<void> {
    this.say(REPLIES.readyForTls);
    this.write();
    return new Promise((resolve) => {
      this.upgrade(resolve);
    });
  }

  proxy(verb: 'XCLIENT' | 'XFORWARD', line: string): void {
    const proxiedBy = this.state.proxiedBy ?? clientForAddress(this.state.policy, this._originalRemoteAddress);
    const done = () => undefined;
    if (verb === 'XFORWARD') {
      super.handler_XFORWARD(Buffer.from(line, 'latin1'), done);
      if (this.lastCode === 250) this.state.shownAddress = this.remoteAddress;
      return;
    }
    super.handler_XCLIENT(Buffer.from(line, 'latin1'), done);
    if (this.lastCode !== 220) return;
    const login = this._xClient.get('LOGIN');
    const user = typeof login === 'string' && login !== '' ? login : null;
    this.state.actFor({ address: this.#clientAddress(), user, proxiedBy });
  }

  startMessage(): Promise<void> | null {
    const drawing = this.state.drawQuota();
    if (drawing === null) {
      this.#readMessage();
      return null;
    }
    return drawing.then((refusal) => {
      if (refusal === null) this.#readMessage();
      else this.#refuseMessage(refusal);
    });
  }

  quit(): void {
    this.state.hasQuit = true;
    this.say(REPLIES.bye);
    this.close();
  }

  // ── Deadlines and shutdown ──

  /** Hangs up on a client that let its time run out; times are absolute, so that dripping bytes does not help. */
  check(nowMs: number): void {
    if (this._closing || this.#busy) return;
    if (this._upgrading) {
      if (nowMs - this.#waitingSinceMs > TLS_HANDSHAKE_MS) (this.topSocket ?? this._socket).destroy();
    } else if (this.#content === null) {
      if (nowMs - this.#waitingSinceMs > this.state.policy.limits.commandTimeMs) this.hangUp(REPLIES.timedOut);
    } else if (this.#content.isTooSlow(nowMs)) this.hangUp(REPLIES.timedOut);
  }

  /** Since when this session has done nothing that would be missed; null: it is in the middle of something. */
  get idleSinceMs(): number | null {
    return this.#busy || this._upgrading || this._closing || this.state.transaction !== null
      ? null
      : this.#waitingSinceMs;
  }

  /** Makes room for a new client. */
  evict(): void {
    this.hangUp(REPLIES.tooManyConnections);
  }

  /** Ends it now, or as soon as the message that is coming in has been answered. */
  shutDown(): void {
    if (this.#content === null && !this.#busy && !this._upgrading) this.hangUp(REPLIES.stopping);
  }

  // ── What the library calls ──

  override _createParser(): CommandParser {
    return new CommandParser(this);
  }

  override _proxyCommandAllowed(_command: string, _option: 'useXClient' | 'useXForward'): boolean {
    return !this._xClient.has('ADDR') && clientForAddress(this.state.policy, this._originalRemoteAddress) !== null;
  }

  override _onClose(): void {
    super._onClose();
    this.#content?.discard();
    this.#content = null;
    this.#listener.deps.deadlines.unwatch(this);
    this.#release();
  }

  // ── Inside ──

  /** What XCLIENT said; of ADDR=[UNAVAILABLE] the library leaves the proxy's own in place. */
  #clientAddress(): string {
    if (!this._xClient.has('ADDR')) return this.state.address;
    return this._xClient.get('ADDR') ? this.remoteAddress : UNKNOWN_ADDRESS;
  }

  #answered(): null {
    this.#waitingSinceMs = this.#listener.deps.clock.monotonicMs();
    return null;
  }

  async #whileBusy(pending: Promise<void>): Promise<void> {
    this.#busy = true;
    try {
      await pending;
    } catch (error) {
      const { emit, clock } = this.#listener.deps;
      emit({ event: 'failed', atMs: clock.nowMs(), where: 'ingress command', cause: String(error) });
      this.say(REPLIES.temporary);
    } finally {
      this.#busy = false;
      this.#answered();
    }
    if (this.#listener.deps.isStopping()) this.shutDown();
  }

  #readMessage(): void {
    const { transaction } = this.state;
    if (transaction === null || this._parser === false) return;
    const content = IncomingContent.reserve(this.#listener.deps, this.state, transaction);
    if (content === null) {
      this.#refuseMessage(REPLIES.noMemory);
      return;
    }
    this.#content = content;
    (this._parser as CommandParser).readMessage(content.decoder);
    this.say(REPLIES.startMail);
  }

  #refuseMessage(reply: Reply): void {
    this.say(this.state.refused('DATA', reply));
    this.state.transaction = null;
  }

  async #endMessage(): Promise<void> {
    const { transaction } = this.state;
    const content = this.#content;
    this.#content = null;
    if (transaction === null || content === null) return;
    try {
      const message = { session: this.state, transaction, content, cipher: this.cipher };
      const reply = await endMessage(this.#listener.deps, message);
      this.say(reply.code < 400 ? reply : this.state.refused('DATA', reply));
      if (reply.code < 400) this.#unknownCommands = 0;
    } finally {
      content.discard();
      this.state.transaction = null;
    }
  }

  #countError(): void {
    if (this.state.client() !== null) return;
    this.#strangerErrors += 1;
    if (this.#strangerErrors > MAX_STRANGER_ERRORS) this.say(REPLIES.tooManyErrors);
  }
}
