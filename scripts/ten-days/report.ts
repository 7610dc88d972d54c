/** The ten days as tables. */
import { ADDRESSES, DAYS, exitOf, TROUBLES } from './scenario.ts';
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

/** Markdown. */
export function reportOf(ledger: Ledger, dailyLimit: number): string {
  const days = Array.from({ length: DAYS }, (_, index) => index + 1);
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const line = (name: string, figures: Figures): string => {
    const { accepted, delivered, bounced, expired, waiting, meanMs, medianMs, p95Ms } = figures;
    const share = accepted === 0 ? '' : `${((100 * delivered) / accepted).toFixed(2)} %`;
    const times = [medianMs, meanMs, p95Ms].map(timeOf);
    return row([name, accepted, delivered, share, bounced, expired, waiting, ...times]);
  };
  const head = [
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
  const addresses = Array.from({ length: ADDRESSES }, (_, index) => index + 1).map((address) => {
    const caps = capsOf(ledger, address, { days: DAYS, dailyLimit });
    const befell = TROUBLES.filter((one) => one.address === address).map(({ kind }) => kind);
    return row([
      exitOf(address),
      ...days.map((day) => `${ledger.sentOn(address, day)}/${caps[day - 1]}`),
      befell.join(),
    ]);
  });
  return [
    row(head),
    row(head.map(() => '---')),
    ...days.map((day) =>
      line(
        `day ${day}`,
        figuresOf(ledger, (of) => of === day),
      ),
    ),
    line(
      'transactional',
      figuresOf(ledger, (_, stream) => stream === 'transactional'),
    ),
    line(
      'marketing',
      figuresOf(ledger, (_, stream) => stream === 'marketing'),
    ),
    line(
      '**all**',
      figuresOf(ledger, () => true),
    ),
    '',
    row(['sent/cap', ...days.map((day) => `day ${day}`), 'what befell it']),
    row(['---', ...days.map(() => '---'), '---']),
    ...addresses,
    '',
  ].join('\n');
}

function timeOf(ms: number): string {
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s`;
  return ms < 2 * 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}
