/** From a next hop to a session on one of its addresses. */
import { isIPv4 } from 'node:net';
import type { Clock, Dial } from '../../ports.ts';
import { isOwnTrouble, type Stage } from '../classify.ts';
import type { Recorder } from '../recorder.ts';
import type { Credentials } from './auth.ts';
import type { DeadHosts } from './dead-hosts.ts';
import { dialFirst, interleaved, type Dialled } from './dial.ts';
import { ExpiringMap } from './expiring-map.ts';
import { openSession, type NotOpened, type Opened, type SessionSetup, type Timeouts, type TlsMode } from './session.ts';
import type { TlsContexts } from './tls.ts';

/** One server: its name (the address itself where it has none) and its addresses. */
export type NextHop = { readonly host: string; readonly addresses: readonly string[] };

/** `address`: the one that the result is about; null: none was reached. */
export type Connection = Opened & { readonly address: string | null };

/** Told of each stage as it begins, and of what is said. */
export type Watching = {
  readonly onStage?: ((stage: Stage) => void) | undefined;
  readonly recorder?: Recorder | undefined;
};

export type ConnectorOptions = {
  readonly port: number;
  readonly bind: string | null;
  readonly helo: () => string;
  readonly tls: TlsMode;
  readonly credentials: Credentials | null;
  readonly contexts: TlsContexts;
  readonly timeouts: Timeouts;
  readonly clock: Clock;
  readonly dial: Dial;
  /** Shared by all exits; null: every address is always worth a try. */
  readonly dead: DeadHosts | null;
};

/** Of one host in one attempt. */
const MAX_ADDRESSES = 8;
/** How long a peer that could not do TLS, or PIPELINING, though it offered it, is not asked to again. */
const QUIRK_MS = 4 * 60 * 60_000;
const MAX_QUIRKS = 10_000;

export class Connector {
  readonly #options: ConnectorOptions;
  /** Peers whose TLS handshake failed. */
  readonly #clearText: ExpiringMap<true>;
  /** Peers that lost track of pipelined commands. */
  readonly #oneByOne: ExpiringMap<true>;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#clearText = new ExpiringMap(options.clock, MAX_QUIRKS);
    this.#oneByOne = new ExpiringMap(options.clock, MAX_QUIRKS);
  }

  /** From now on commands go one by one to this peer. */
  avoidPipelining({ host, address }: { readonly host: string; readonly address: string }): void {
    this.#oneByOne.set(`${host} ${address}`, true, QUIRK_MS);
  }

  /** Tries the host's addresses until one leads to a session. Never rejects. */
  async open(hop: NextHop, signal: AbortSignal, watching: Watching = {}): Promise<Connection> {
    let candidates = this.#usable(hop.addresses);
    if (candidates.length === 0)
      return { ...notOpened({ stage: 'connect', happening: { kind: 'lost', code: 'EAFNOSUPPORT' } }), address: null };
    let last: Connection = { ...notOpened({ stage: 'connect', happening: { kind: 'resting' } }), address: null };
    for (;;) {
      const awake = candidates.filter((address) => this.#options.dead?.mayTry(this.#key(address)) ?? true);
      if (awake.length === 0) return last;
      watching.onStage?.('connect');
      const { dialled, failures } = await this.#dial(awake, signal, watching);
      if (dialled.kind === 'aborted')
        return { ...notOpened({ stage: 'connect', happening: { kind: 'aborted' } }), address: null };
      if (dialled.kind === 'failed') return connectFailure(failures);
      const { address } = dialled;
      last = { ...this.#tamed(await this.#converse(hop.host, dialled, { signal, watching })), address };
      if (last.kind === 'open' || last.happening.kind === 'aborted' || last.stage === 'auth') return last;
      candidates = candidates.filter((candidate) => candidate !== address && !failures.has(candidate));
    }
  }

  #usable(addresses: readonly string[]): readonly string[] {
    const { bind } = this.#options;
    const reachable = bind === null ? addresses : addresses.filter((address) => isIPv4(address) === isIPv4(bind));
    return interleaved([...new Set(reachable)]).slice(0, MAX_ADDRESSES);
  }

  async #dial(
    addresses: readonly string[],
    signal: AbortSignal,
    { recorder }: Watching,
  ): Promise<{ readonly dialled: Dialled; readonly failures: ReadonlyMap<string, string> }> {
    const { dead, dial, clock, port, bind, timeouts } = this.#options;
    const failures = new Map<string, string>();
    const dialled = await dialFirst({
      addresses,
      target: { port, bind, timeoutMs: timeouts.connectMs },
      dial,
      clock,
      signal,
      onFailed: (address, { code, tookMs }) => {
        failures.set(address, code);
        recorder?.note(`${address} port ${port}: no connection (${code})`);
        if (isOwnTrouble(code)) dead?.leftOpen(this.#key(address));
        else dead?.failed(this.#key(address), tookMs);
      },
    });
    const reached = dialled.kind === 'connected' ? dialled.address : null;
    if (reached !== null) recorder?.note(`connected to ${reached} port ${port}`);
    for (const address of addresses)
      if (!failures.has(address) && address !== reached) dead?.leftOpen(this.#key(address));
    return { dialled, failures };
  }

  async #converse(
    host: string,
    dialled: Dialled & { kind: 'connected' },
    { signal, watching }: { readonly signal: AbortSignal; readonly watching: Watching },
  ): Promise<Opened> {
    const { address } = dialled;
    const { clock, dead, tls } = this.#options;
    const peer = `${host} ${address}`;
    const clearText = tls === 'opportunistic' && this.#clearText.get(peer) === true;
    const startedMs = clock.monotonicMs();
    const opened = await openSession(dialled.socket, this.#setup({ host, address, clearText }, watching), signal);
    const silent = opened.kind === 'failed' && opened.stage === 'greeting' && opened.happening.kind !== 'reply';
    if (!silent) dead?.reached(this.#key(address));
    else if (opened.happening.kind === 'aborted') dead?.leftOpen(this.#key(address));
    else dead?.failed(this.#key(address), clock.monotonicMs() - startedMs);

    if (opened.kind === 'open' || !opened.handshake || tls !== 'opportunistic') return opened;
    this.#clearText.set(peer, true, QUIRK_MS);
    const { dialled: again, failures } = await this.#dial([address], signal, watching);
    if (again.kind !== 'connected')
      return again.kind === 'aborted'
        ? notOpened({ stage: 'connect', happening: { kind: 'aborted' } })
        : connectFailure(failures);
    return openSession(again.socket, this.#setup({ host, address, clearText: true }, watching), signal);
  }

  #tamed(opened: Opened): Opened {
    if (opened.kind !== 'open') return opened;
    const { session } = opened;
    if (this.#oneByOne.get(`${session.host} ${session.address}`) !== true) return opened;
    return { kind: 'open', session: { ...session, extensions: { ...session.extensions, pipelining: false } } };
  }

  #setup(
    peer: { readonly host: string; readonly address: string; readonly clearText: boolean },
    { onStage = () => {}, recorder }: Watching,
  ): SessionSetup {
    const { helo, tls, credentials, contexts, timeouts, clock } = this.#options;
    return { ...peer, helo: helo(), tls, credentials, contexts, timeouts, clock, onStage, recorder };
  }

  #key(address: string): string {
    return `${this.#options.bind ?? ''} ${address} ${this.#options.port}`;
  }
}

/** Trouble of this machine counts only when it was all there was; otherwise the peer's last word does. */
function connectFailure(failures: ReadonlyMap<string, string>): NotOpened & { readonly address: string | null } {
  const all = [...failures];
  const [address, code] = all.findLast(([, each]) => !isOwnTrouble(each)) ?? all.at(-1) ?? [null, 'EUNKNOWN'];
  return { ...notOpened({ stage: 'connect', happening: { kind: 'lost', code } }), address };
}

function notOpened(what: Pick<NotOpened, 'stage' | 'happening'>): NotOpened {
  return { kind: 'failed', ...what, handshake: false };
}
