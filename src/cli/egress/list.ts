import type { Command } from 'commander';
import type { LimitUse, Used } from '../../schedule/limits/limit-uses.ts';
import { addCommand, addGroup, type Registry } from '../cli.ts';
import type { BudgetStatus, ExitStatus } from '../../operations/exits/exit-status.ts';
import { closureLines, stateText } from './exit-text.ts';
import { formatDue, json, table } from '../output.ts';
import { formatAge } from '../../policy/units.ts';
import { withOperations } from '../reach.ts';

/** `relevo egress list` */
export function addEgressList(program: Command, registry: Registry): void {
  const group =
    program.commands.find((command) => command.name() === 'egress') ??
    addGroup(program, 'egress', 'look at the exits, stop one and let it go on');
  addCommand(group, registry, {
    usage: 'list',
    summary: 'the exits: whether mail goes out by them, and what is used of their limits',
    json: true,
    shape: (command) =>
      command.addHelpText(
        'after',
        '\nUSED/LIMIT counts messages, with what processes have set aside to send in the next moments. DAY is the dailyLimit, or\nless while the exit is warmed up; RATE is what left in the window that ends now; CONN. the connections, of all nodes that share a\nspool, else while a relay runs; RESETS is when the first of its limits begins anew. Exit code 1 while none can send.',
      ),
    run: async (cli, { options, where }) => {
      const exits = await withOperations(cli, where, (operations) => operations.exits());
      cli.terminal.out(options.json === true ? json({ exits }) : exitsText(exits, cli.clock.nowMs()));
      return exits.some(({ closures }) => closures.every(({ gate }) => gate === 'elsewhere')) ? 0 : 1;
    },
  });
}

function exitsText(exits: readonly ExitStatus[], nowMs: number): string {
  if (exits.length === 0) return 'The policy has no exit.\n';
  const hasBudgets = exits.some(({ budget }) => budget !== null);
  const limited = ['HOUR', 'DAY', 'RATE', 'CONN.', 'WARM-UP', 'RESETS', ...(hasBudgets ? ['BUDGET'] : [])];
  const header = ['EXIT', 'TYPE', 'STATE', 'SCORE', 'DELIVERED', ...limited];
  const rows = exits.map(({ limits, ...exit }) => [
    exit.egress,
    exit.type,
    stateText({ ...exit, pace: limits?.part ?? 1 }),
    String(exit.score),
    exit.successRate === null ? '-' : `${(100 * exit.successRate).toFixed(1)} %`,
    usedText(limits?.hour ?? null),
    usedText(limits?.day ?? null),
    limits === null ? '-' : rateText(limits, nowMs),
    usedText(limits?.connections ?? null),
    limits === null ? '-' : warmupText(limits),
    limits === null ? '-' : resetText(limits, nowMs),
    ...(hasBudgets ? [budgetText(exit.budget)] : []),
  ]);
  const lines = exits.flatMap(({ egress, closures }) => closureLines(egress, closures, nowMs));
  const providers = exits.flatMap(({ egress, limits }) =>
    (limits?.providers ?? []).map(
      ({ provider, day, warmup }) => `${egress} at ${provider}: warm-up ${stepText(warmup)}, ${usedText(day)} today\n`,
    ),
  );
  const stopped = exits.every(({ isRunning }) => !isRunning) ? 'No relay is running.\n' : '';
  return table(header, rows) + lines.join('') + providers.join('') + stopped;
}

/** `12.30/90 USD`. */
function budgetText(budget: BudgetStatus | null): string {
  return budget === null ? '-' : `${budget.used.toFixed(2)}/${budget.amount} ${budget.currency}`;
}

/** `3/20`. */
export function usedText(used: Pick<Used, 'used' | 'limit'> | null): string {
  return used === null ? '-' : `${used.used}/${used.limit}`;
}

const UNITS = new Map([
  [1_000, 's'],
  [60_000, 'm'],
  [3_600_000, 'h'],
  [86_400_000, 'd'],
]);

/** `120/1000/h, 2 s apart, next in 1 s`. */
export function rateText({ rate, delayMs, nextAtMs }: Omit<LimitUse, 'egress'>, nowMs: number): string {
  const delay = delayMs === 0 ? [] : [`${delayMs / 1_000} s apart`];
  const window = rate === null ? undefined : UNITS.get(rate.windowMs);
  const rated = rate === null ? [] : [`${rate.used}/${rate.used + rate.left}/${window ?? formatAge(rate.windowMs)}`];
  const next = nextAtMs === null || nextAtMs <= nowMs ? [] : [`next in ${formatAge(nextAtMs - nowMs)}`];
  return [...rated, ...delay, ...next].join(', ') || '-';
}

function warmupText({ warmup, providers }: Omit<LimitUse, 'egress'>): string {
  if (warmup !== null) return stepText(warmup);
  return providers.length === 0 ? '-' : 'by provider';
}

function stepText(warmup: LimitUse['providers'][number]['warmup']): string {
  switch (warmup.kind) {
    case 'before':
      return `from ${warmup.start}`;
    case 'warming':
      return `day ${warmup.day} of ${warmup.days}`;
    case 'done':
      return 'over';
  }
}

function resetText({ hour, day }: Omit<LimitUse, 'egress'>, nowMs: number): string {
  const times = [hour, day].flatMap((used) => (used === null ? [] : [used.resetsAtMs]));
  return times.length === 0 ? '-' : formatDue(Math.min(...times) - nowMs);
}
