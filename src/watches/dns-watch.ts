/** Once for all nodes, every day: whether DNS still has the records that the policy's domains need. */
import type { Policy } from '../policy/schema.ts';
import type { Clock, Dns, Emit } from '../ports.ts';
import { Raised, type Finding } from '../report/alerting/rules/raised.ts';
import { checkRecords, type CheckedRecord } from '../sign/records-check.ts';
import type { Marks } from '../spool/marks.ts';
import { domainRecords } from './domain-records.ts';

export type DnsWatchNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly dns: Dns;
  readonly emit: Emit;
  readonly marks: Pick<Marks, 'marks' | 'mark'>;
  /** Whether it is for this relay to look. */
  readonly isOurs: () => Promise<boolean>;
};

const MARK = 'alert-dns:checked';
const DAY_MS = 86_400_000;
/** Whoever starts has that long for itself; and between two looks at whether a day is over. */
const FIRST_MS = 5 * 60_000;
const LOOK_MS = 10 * 60_000;
const MOST_DOMAINS = 1_000;
/** As many as a mark has room for. */
const MOST_FOUND = 80;

type Found = Readonly<Record<string, Finding>>;

/** Goes on until it is disposed of. What DNS does not answer is left as it was. */
export function watchDns(needs: DnsWatchNeeds): AsyncDisposable {
  const ending = new AbortController();
  const { signal } = ending;
  const watch = new DnsWatch(needs);
  const run = async (): Promise<void> => {
    await watch.start();
    for (let waitMs = FIRST_MS; ; waitMs = LOOK_MS) {
      await needs.clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      await watch.look(signal).catch((cause: unknown) => {
        needs.emit({ event: 'failed', atMs: needs.clock.nowMs(), where: 'check of DNS', cause: String(cause) });
      });
    }
  };
  const running = run();
  return {
    [Symbol.asyncDispose]: () => {
      ending.abort(new Error('the relay ends'));
      return running;
    },
  };
}

/** What is known of DNS: kept as a mark, so that a restart neither asks again nor forgets. */
export class DnsWatch {
  readonly #needs: DnsWatchNeeds;
  readonly #raised: Raised;
  #found: Found = {};

  constructor(needs: DnsWatchNeeds) {
    this.#needs = needs;
    this.#raised = new Raised(needs);
  }

  /** Takes up what was found last. */
  async start(): Promise<void> {
    const { isOurs } = this.#needs;
    if (!(await isOurs().catch(() => false))) return;
    this.#tell((await this.#last())?.found ?? {});
  }

  /** Where a day is over, and it is this relay's turn. */
  async look(signal: AbortSignal): Promise<void> {
    const { isOurs, clock, marks } = this.#needs;
    if (!(await isOurs())) return this.#tell({});
    const last = await this.#last();
    const nowMs = clock.nowMs();
    if (last !== null && nowMs - last.atMs < DAY_MS && nowMs >= last.atMs)
      return this.#tell(this.#ofPolicy(last.found));
    const found = await this.#check(last?.found ?? {}, signal);
    if (signal.aborted) return;
    await marks.mark([{ name: MARK, text: JSON.stringify(found), atMs: nowMs }]);
    this.#tell(found);
  }

  async #check(before: Found, signal: AbortSignal): Promise<Found> {
    const { policy, dns } = this.#needs;
    const found: Record<string, Finding> = {};
    for (const domain of Object.keys(policy().domains).slice(0, MOST_DOMAINS)) {
      if (signal.aborted) return before;
      const { records } = await domainRecords(policy(), domain);
      for (const checked of await checkRecords(records, dns)) {
        const name = nameOf(domain, checked);
        if (name === null) continue;
        const finding = findingOf(domain, checked);
        const known = before[name];
        if (checked.state === 'unknown' && known !== undefined) found[name] = known;
        else if (finding !== null) found[name] = finding;
      }
    }
    return Object.fromEntries(Object.entries(found).slice(0, MOST_FOUND));
  }

  /** A domain that the policy does not have any more is nobody's trouble. */
  #ofPolicy(found: Found): Found {
    const domains = Object.keys(this.#needs.policy().domains);
    return Object.fromEntries(Object.entries(found).filter(([name]) => domains.some((domain) => isOf(name, domain))));
  }

  #tell(found: Found): void {
    this.#found = found;
    const entries = new Map(Object.entries(this.#found));
    this.#raised.become(
      ['dkim-dns', 'dns'],
      entries,
      (name) => `${name.slice(name.indexOf(':') + 1)}: DNS has the record`,
    );
  }

  async #last(): Promise<{ readonly found: Found; readonly atMs: number } | null> {
    const mark = (await this.#needs.marks.marks(MARK)).find(({ name }) => name === MARK);
    if (mark === undefined) return null;
    try {
      return { found: JSON.parse(mark.text) as Found, atMs: mark.atMs };
    } catch {
      return null;
    }
  }
}

/** null: nobody is told of that one. DMARC is the owner's to have. */
function nameOf(domain: string, { record: { purpose, name } }: CheckedRecord): string | null {
  if (purpose === 'dkim') return `dkim-dns:${name}`;
  if (purpose === 'dmarc') return null;
  return `dns:${purpose}:${name === domain ? domain : name}`;
}

function isOf(alert: string, domain: string): boolean {
  return alert.endsWith(`:${domain}`) || alert.endsWith(`.${domain}`);
}

function findingOf(domain: string, { record, state, found, advice }: CheckedRecord): Finding | null {
  if (state === 'present' || state === 'unknown') return null;
  const has = state === 'missing' ? 'DNS has no such record' : `DNS has ${found.join(' | ').slice(0, 200)}`;
  const what = { dkim: 'DKIM key', spf: 'SPF record', bounces: 'MX for bounces', dmarc: 'DMARC record' }[
    record.purpose
  ];
  return {
    text: `${domain}: the ${what} at ${record.name} is ${state === 'missing' ? 'missing' : 'wrong'}: ${has}. ${(advice ?? '').slice(0, 300)}`,
  };
}
