/** A simulation as people read it. */
import { isoTime } from '../../report/log-fields.ts';
import type { Change, Simulation } from '../../routing/simulate.ts';
import type { LimitReached } from '../../routing/limits-reached.ts';
import type { Counted, Delay, PolicyFigures } from '../../routing/replay-figures.ts';
import { plural, printable, table } from '../output.ts';
import { formatAge } from '../../policy/units.ts';

const LINES_MOST = 20;

export function simulationText(simulation: Simulation, notes: readonly string[]): string {
  const { sinceMs, untilMs, messages, deliveries, inForce, candidate } = simulation;
  const span = `from ${minute(sinceMs)} to ${minute(untilMs)} UTC`;
  return [
    `${plural(messages, 'message')} (${plural(deliveries, 'delivery')}) ${span}\n`,
    exitsTable(simulation),
    countsTable('ROUTE', inForce.routes, candidate.routes),
    totalsTable(simulation),
    changesText(simulation.changes),
    limitsText('Limits reached under the policy in force', inForce.limits),
    limitsText('Limits reached under the candidate', candidate.limits),
    notes.length === 0 ? null : notes.map((note) => `Note: ${printable(note)}\n`).join(''),
  ]
    .filter((part) => part !== null)
    .join('\n');
}

function exitsTable({ recorded, inForce, candidate }: Simulation): string {
  const was = countsOf(recorded.exits);
  const left = countsOf(inForce.exits.map(({ egress: name, count }) => ({ name, count })));
  const right = countsOf(candidate.exits.map(({ egress: name, count }) => ({ name, count })));
  const names = new Set([...left.keys(), ...right.keys(), ...was.keys()]);
  const rows = [...names].map((name) => [
    name,
    String(was.get(name) ?? 0),
    left.has(name) ? String(left.get(name)) : '-',
    right.has(name) ? String(right.get(name)) : '-',
    difference(left.get(name), right.get(name)),
  ]);
  return table(['EXIT', 'RECORDED', 'IN FORCE', 'CANDIDATE', 'CHANGE'], rows);
}

function countsTable(what: string, inForce: readonly Counted[], candidate: readonly Counted[]): string {
  const [left, right] = [countsOf(inForce), countsOf(candidate)];
  const rows = [...new Set([...left.keys(), ...right.keys()])].map((name) => [
    name,
    left.has(name) ? String(left.get(name)) : '-',
    right.has(name) ? String(right.get(name)) : '-',
    difference(left.get(name), right.get(name)),
  ]);
  return table([what, 'IN FORCE', 'CANDIDATE', 'CHANGE'], rows);
}

function totalsTable({ recorded, inForce, candidate }: Simulation): string {
  const both = (figure: (of: PolicyFigures) => string): readonly [string, string] => [
    figure(inForce),
    figure(candidate),
  ];
  const delays = (name: string, of: (delay: Delay) => number): string[] => [
    name,
    waitText(of(recorded.delay)),
    ...both(({ delay }) => waitText(of(delay))),
  ];
  return table(
    ['', 'RECORDED', 'IN FORCE', 'CANDIDATE'],
    [
      ['refused', '-', ...both(({ refused }) => String(refused))],
      ['no route', '-', ...both(({ unrouted }) => String(unrouted))],
      ['not sent by the end', String(recorded.unsent), ...both(({ waiting }) => String(waiting))],
      ['never sent', '-', ...both(({ never }) => String(never))],
      ['had to wait', '-', ...both(({ delay }) => String(delay.waited))],
      delays('delay, mean', ({ meanMs }) => meanMs),
      delays('delay, 95 in 100', ({ p95Ms }) => p95Ms),
      delays('delay, most', ({ mostMs }) => mostMs),
      ['cost', '-', ...both(costText)],
      ['cost per 1000', '-', ...both(costPerThousand)],
    ],
  );
}

function changesText({ refused, routes, streams, priorities }: Simulation['changes']): string {
  const lines = [
    ...refused.map(({ name, count }) => `${count} refused: ${name}`),
    ...routes.map((change) => changeText('route', change)),
    ...streams.map((change) => changeText('stream', change)),
    ...priorities.map((change) => changeText('priority', change)),
  ];
  if (lines.length === 0) return 'All mail is taken, routed and handled as before.\n';
  const shown = lines.slice(0, LINES_MOST).map((line) => `  ${printable(line)}\n`);
  const more = lines.length > LINES_MOST ? `  and ${lines.length - LINES_MOST} more\n` : '';
  return `Deliveries that would change\n${shown.join('')}${more}`;
}

function changeText(what: string, { from, to, count }: Change): string {
  return `${count} by ${what} ${to} instead of ${from}`;
}

function limitsText(title: string, limits: readonly LimitReached[]): string | null {
  if (limits.length === 0) return `${title}: none\n`;
  const rows = limits.map(({ egress, what, provider, limit, firstAtMs, times, overflowed, waited }) => [
    egress,
    `${what}${what === 'rate' ? ` (one every ${waitText(limit)})` : ` ${limit}`}${provider === null ? '' : ` at ${provider}`}`,
    minute(firstAtMs),
    times === 0 ? '-' : plural(times, what === 'hourly limit' ? 'hour' : what === 'budget' ? 'month' : 'day'),
    String(overflowed),
    String(waited),
  ]);
  return `${title}\n${table(['EXIT', 'LIMIT', 'FIRST', 'IN', 'OVERFLOWED', 'WAITED'], rows)}`;
}

function costText({ costs }: PolicyFigures): string {
  return costs.map(({ amount, currency }) => `${amount.toFixed(2)} ${currency}`).join(' + ') || '-';
}

/** Of what was sent. */
function costPerThousand({ costs, exits }: PolicyFigures): string {
  const sent = exits.reduce((sum, { count }) => sum + count, 0);
  if (sent === 0) return '-';
  return costs.map(({ amount, currency }) => `${((amount * 1_000) / sent).toFixed(2)} ${currency}`).join(' + ') || '-';
}

function countsOf(counted: readonly Counted[]): Map<string, number> {
  return new Map(counted.map(({ name, count }) => [name, count]));
}

function difference(left = 0, right = 0): string {
  return left === right ? '' : `${right > left ? '+' : '-'}${Math.abs(right - left)}`;
}

function waitText(ms: number): string {
  if (ms === 0) return '0 s';
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : formatAge(ms);
}

/** `2026-11-20 09:30`. */
function minute(atMs: number): string {
  return isoTime(atMs).slice(0, 16).replace('T', ' ');
}
