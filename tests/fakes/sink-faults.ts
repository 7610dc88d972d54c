/** What an SMTP sink is told to do wrong: by the addresses of the envelope, or for everyone. */

/**
 * `connect`: before the greeting. `handshake`: after the reply to STARTTLS, or first thing under implicit TLS. `content`:
 * when the first bytes of the message have come. `dot`: when the final dot has come.
 */
export const STAGES = [
  'connect',
  'greeting',
  'ehlo',
  'starttls',
  'handshake',
  'auth',
  'mail',
  'rcpt',
  'data',
  'content',
  'dot',
  'rset',
  'quit',
] as const;
export type SinkStage = (typeof STAGES)[number];

/**
 * A number is a reply of that code. `close` ends the connection in order, `reset` with RST, `hang` says and reads nothing
 * more. `slow` waits before the usual reply, `drip` sends it byte by byte. `garbage` is no reply, `huge` one without end,
 * `mixed` one with two codes, `twice` the usual one twice.
 */
export type SinkAction = number | (typeof WORDS)[number];
const WORDS = ['close', 'reset', 'hang', 'slow', 'drip', 'garbage', 'huge', 'mixed', 'twice'] as const;

type Fault = { readonly action: SinkAction; readonly stage: SinkStage; readonly times: number };

/**
 * Faults for everyone, and those that an address asks for: `x-450@`, `x-421-at-mail@` (as the sender: RCPT comes too late
 * for it), `x-reset-at-dot@`, `x-451-at-rcpt-times-2@` (twice, then well), each with `.anything` or `+anything` behind to
 * make different mailboxes. Without a stage: RCPT for a recipient, MAIL for a sender.
 */
export class SinkFaults {
  readonly #forAll = new Map<SinkStage, { action: SinkAction; times: number }>();
  readonly #used = new Map<string, number>();

  /** @param times so often, then all is well again */
  set(stage: SinkStage, action: SinkAction, times = Infinity): void {
    this.#forAll.set(stage, { action, times });
  }

  /** Takes back what was set for everyone. */
  heal(): void {
    this.#forAll.clear();
  }

  /**
   * What is to go wrong now; null: nothing.
   * @param addresses of the envelope so far, the sender first; undefined: there is none yet
   */
  due(stage: SinkStage, addresses: readonly (string | undefined)[]): SinkAction | null {
    for (const [at, address] of addresses.entries()) {
      const fault = address === undefined ? null : parseFault(address, at === 0 ? 'mail' : 'rcpt');
      if (fault === null || address === undefined || fault.stage !== stage) continue;
      const used = this.#used.get(address) ?? 0;
      if (used >= fault.times) continue;
      this.#used.set(address, used + 1);
      return fault.action;
    }
    const common = this.#forAll.get(stage);
    if (common === undefined || common.times <= 0) return null;
    common.times -= 1;
    return common.action;
  }
}

/** null: an address that asks for nothing. */
export function parseFault(address: string, stage: SinkStage): Fault | null {
  const match = /^x-(\d{3}|[a-z]+)(?:-at-([a-z]+))?(?:-times-(\d+))?(?:[.+][^@]*)?@/i.exec(address);
  if (match === null) return null;
  const [, what = '', where = stage, times = 'Infinity'] = match;
  const action = /^\d/.test(what) ? Number(what) : WORDS.find((word) => word === what.toLowerCase());
  const place = STAGES.find((one) => one === where.toLowerCase());
  if (action === undefined || place === undefined) throw new Error(`no such fault: ${address}`);
  return { action, stage: place, times: Number(times) };
}
