/** The ten days as tables. */
import { ADDRESSES, bindOf, exitOf, HOUR_MS, START_MS, type Trouble, TROUBLES } from './scenario.ts';
import { capsOf, dayAt, type Ledger } from './ledger.ts';

export type Figures = {
  readonly accepted: number;
  readonly delivered: number;
  readonly bounced: number;
  readonly expired: number;
  readonly waiting: number;
  readonly meanMs: number;
  readonly medianMs: number;
  readonly p95Ms: number;
};

/** Of what was accepted on some days; all that is delivered counts, whenever that was. */
export function figuresOf(ledger: Ledger, isOf: (day: number, stream: string) => boolean): Figures {
  const some = [...ledger.accepted].filter(([, { atMs, stream }]) => isOf(dayAt(atMs), stream));
  const delays: number[] = [];
  const counts = { delivered: 0, bounced: 0, expired: 0, waiting: 0 };
  for (const [recipient, { atMs }] of some) {
    const fate = ledger.fates.get(recipient);
    if (fate === undefined) counts.waiting += 1;
    else if (fate.state === 'bounced') counts.bounced += 1;
    else if (fate.state === 'expired') counts.expired += 1;
    else if (fate.state === 'delivered') {
      counts.delivered += 1;
      delays.push(fate.atMs - atMs);
    }
  }
  delays.sort((one, other) => one - other);
  const at = (share: number): number => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0;
  const sumMs = delays.reduce((sum, delayMs) => sum + delayMs, 0);
  const meanMs = delays.length === 0 ? 0 : sumMs / delays.length;
  return { accepted: some.length, ...counts, meanMs, medianMs: at(0.5), p95Ms: at(0.95) };
}

type Shown = { readonly days: number; readonly dailyLimit: number };

/** Markdown. */
export function reportOf(ledger: Ledger, terms: Shown): string {
  return [flowTable(ledger, terms), sentTable(ledger, terms), befallenTable(ledger)]
    .map((table) => `${table.join('\n')}\n`)
    .join('\n');
}

const FLOW = [
  'mail of',
  'recipients',
  'delivered',
  'share',
  'bounced',
  'expired',
  'waiting',
  'median delay',
  'mean',
  '95 %',
];

function flowTable(ledger: Ledger, { days }: Shown): string[] {
  const line = (name: string, isOf: (day: number, stream: string) => boolean): string => {
    const { accepted, delivered, bounced, expired, waiting, meanMs, medianMs, p95Ms } = figuresOf(ledger, isOf);
    const share = accepted === 0 ? '' : `${((100 * delivered) / accepted).toFixed(2)} %`;
    const times = [medianMs, meanMs, p95Ms].map(timeOf);
    return row([name, accepted, delivered, share, bounced, expired, waiting, ...times]);
  };
  return [
    ...headOf(FLOW),
    ...daysTo(days).map((day) => line(`day ${day}`, (of) => of === day)),
    line('transactional', (_, stream) => stream === 'transactional'),
    line('marketing', (_, stream) => stream === 'marketing'),
    line('**all**', () => true),
  ];
}

function sentTable(ledger: Ledger, terms: Shown): string[] {
  const days = daysTo(terms.days);
  const rows = daysTo(ADDRESSES).map((address) => {
    const caps = capsOf(ledger, address, terms);
    return row([exitOf(address), ...days.map((day) => `${ledger.sentOn(address, day)}/${caps[day - 1]}`)]);
  });
  return [...headOf(['sent/cap', ...days.map((day) => `day ${day}`)]), ...rows];
}

function befallenTable(ledger: Ledger): string[] {
  return [...headOf(BEFELL), ...TROUBLES.map((trouble) => row(befallen(ledger, trouble)))];
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function headOf(cells: readonly string[]): string[] {
  return [row(cells), row(cells.map(() => '---'))];
}

function daysTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

const BEFELL = [
  'what befell',
  '',
  'from',
  'for',
  'tries meanwhile',
  'taken meanwhile',
  'last taken after',
  'first taken afterwards',
];

function befallen(ledger: Ledger, { address, kind, fromHour, untilHour }: Trouble): (string | number)[] {
  const [fromMs, untilMs] = [fromHour, untilHour].map((hour) => START_MS + hour * HOUR_MS) as [number, number];
  const isMeanwhile = (atMs: number): boolean => atMs >= fromMs && atMs < untilMs;
  const taken = ledger.times.get(bindOf(address)) ?? [];
  const meanwhile = taken.filter(isMeanwhile);
  const afterwards = taken.find((atMs) => atMs >= untilMs);
  return [
    exitOf(address),
    kind,
    `day ${Math.floor(fromHour / 24) + 1}, ${fromHour % 24}:00`,
    `${untilHour - fromHour} h`,
    (ledger.attempts.get(exitOf(address)) ?? []).filter(isMeanwhile).length,
    meanwhile.length,
    meanwhile.length === 0 ? '' : timeOf(Math.max(...meanwhile) - fromMs),
    afterwards === undefined ? 'never' : timeOf(afterwards - untilMs),
  ];
}

function timeOf(ms: number): string {
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s`;
  return ms < 2 * 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}
