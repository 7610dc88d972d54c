/** What `mx` and `smtp` exits have in common: sessions that are kept, attempts that never reject, an orderly end. */
import type { Outcome } from '../../message/outcome.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Emit, Ports } from '../../ports.ts';
import type { AttemptResult, Egress, Mail } from '../egress.ts';
import { carry, type NextHops } from './carry.ts';
import { Connector, type ConnectorOptions } from './connector.ts';
import type { PeerKind } from '../classify.ts';
import type { DeadHosts } from './dead-hosts.ts';
import type { TimePolicy } from './envelope.ts';
import { SessionPool } from './pool.ts';
import { messagesPerConnection } from './shaping.ts';

/** What every exit is given. */
export type ExitPorts = Ports & {
  /** The policy in force. */
  readonly policy: () => Policy;
  /** Shared by all exits. */
  readonly dead: DeadHosts;
  /** Whether mail sent to this address and port would come back to this relay. */
  readonly isOwn: (address: string, port: number) => boolean;
  readonly emit: Emit;
  /** See `ExitsOptions`. */
  readonly connectionsOf?: (exit: string) => number | null;
};

export type SmtpExitOptions = {
  readonly name: string;
  readonly peer: PeerKind;
  readonly concurrency: number;
  readonly connection: Omit<ConnectorOptions, 'clock' | 'dial' | 'dead'>;
  readonly hops: (domain: string, pool: SessionPool) => NextHops;
};

export class SmtpExit implements Egress {
  readonly name: string;
  readonly concurrency: number;
  readonly #options: SmtpExitOptions;
  readonly #ports: ExitPorts;
  readonly #connector: Connector;
  readonly #pool: SessionPool;
  readonly #underWay = new Set<Promise<AttemptResult>>();

  constructor(options: SmtpExitOptions, ports: ExitPorts) {
    const { clock, dial, dead } = ports;
    this.name = options.name;
    this.concurrency = options.concurrency;
    this.#options = options;
    this.#ports = ports;
    this.#connector = new Connector({ ...options.connection, clock, dial, dead: options.peer === 'mx' ? dead : null });
    this.#pool = new SessionPool({
      clock,
      most: () => ports.connectionsOf?.(options.name) ?? options.concurrency,
      underWay: () => this.#underWay.size,
    });
  }

  get connections(): number {
    return this.#underWay.size + this.#pool.open;
  }

  trim(most: number): void {
    this.#pool.trim(most);
  }

  attempt(mail: Mail, signal: AbortSignal): Promise<AttemptResult> {
    const attempt = this.#guarded(mail, signal).finally(() => this.#underWay.delete(attempt));
    this.#underWay.add(attempt);
    return attempt;
  }

  /** Waits for the attempts under way, then closes what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#pool[Symbol.asyncDispose]();
  }

  async #guarded(mail: Mail, signal: AbortSignal): Promise<AttemptResult> {
    const { peer, connection, hops } = this.#options;
    try {
      const carriage = {
        peer,
        connector: this.#connector,
        pool: this.#pool,
        maxTransactions: (host: string) => messagesPerConnection(this.#ports.policy().shaping, host),
        clock: this.#ports.clock,
        times: timesOf(this.#ports.policy(), mail),
        patienceMs: connection.timeouts.replyMs,
      };
      return await carry({ mail, hops: hops(mail.domain, this.#pool), signal }, carriage);
    } catch (error) {
      return brokenAttempt(this.name, mail, { error, ports: this.#ports });
    }
  }
}

function timesOf({ limits, streams }: Policy, { message: { stream } }: Mail): TimePolicy {
  const onLate = Object.hasOwn(streams, stream) ? (streams[stream]?.onLate ?? 'return') : 'return';
  return { deliverBy: limits.deliverBy, onLate };
}

/**
 * A bug, or broken machinery: told to operators, temporary for the mail, and held against this mail alone, so that one
 * message that trips the code up does not stop the exit.
 */
function brokenAttempt(
  egress: string,
  mail: Mail,
  { error, ports }: { readonly error: unknown; readonly ports: Pick<ExitPorts, 'clock' | 'emit'> },
): AttemptResult {
  const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
  ports.emit({ event: 'failed', atMs: ports.clock.nowMs(), where: `egress ${egress}`, cause });
  const outcome: Outcome = {
    own: true,
    kind: 'deferred',
    scope: 'recipient',
    reply: { code: 451, detail: '3.0', text: 'the exit failed inside' },
  };
  return { outcomes: mail.recipients.map(() => outcome), host: null, address: null, source: null, tls: null };
}
