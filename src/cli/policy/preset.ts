import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseDocument } from 'yaml';
import { egressOf, isUsable } from '../../policy/match.ts';
import { suggestion } from '../../policy/file/nearest.ts';
import { presetText } from '../../policy/presets/text.ts';
import { PRESET_NAMES, presetOf, presetTotals, PRESETS, totalsOf, type Preset } from '../../policy/presets/presets.ts';
import type { Policy } from '../../policy/schema.ts';
import { addCommand, addGroup, UsageError, type Cli, type ExitCode, type Registry } from '../cli.ts';
import type { Where } from '../../foundation/data-folder.ts';
import { editPolicyFile, type FileEdited } from './edit-policy-file.ts';
import { json, table } from '../output.ts';
import { setPreset } from '../../operations/policy/edit.ts';
import { shownPath } from './policy-file.ts';
import type { Uptake } from '../../operations/policy/uptake.ts';
import { watchUptake } from './uptake.ts';

/** `relevo preset list|show|use` */
export function addPresets(program: Command, registry: Registry): void {
  const preset = addGroup(program, 'preset', 'ready-made sets of servers, limits and routes');
  addList(preset, registry);
  addShow(preset, registry);
  addUse(preset, registry);
}

function addList(preset: Command, registry: Registry): void {
  addCommand(preset, registry, {
    usage: 'list',
    summary: 'the presets with what they can send and cost',
    json: true,
    run: async (cli, { options, where }) => {
      const current = currentPreset(where);
      const rows = presetTotals().map((totals) => ({ ...totals, current: totals.name === current }));
      if (options.json === true) cli.terminal.out(json({ presets: rows.map(withSendgrid) }));
      else cli.terminal.out(`${listTable(current)}${LIST_NOTES}`);
      return 0;
    },
  });
}

const LIST_NOTES = `
A month is 30 days, USD/1000 is at full use. *: the preset of the policy file. \`relevo preset show NAME\` prints what
one stands for, \`relevo preset use NAME\` puts it in force.
`;

function withSendgrid<Row extends { readonly name: string; readonly usdPer1000: number | null }>(row: Row) {
  const usdPer1000 = row.usdPer1000 === null ? null : Number(row.usdPer1000.toFixed(2));
  return { ...row, usdPer1000, sendgridPerDay: presetOf(row.name)?.sendgrid?.dailyLimit ?? null };
}

function listTable(current: string | null): string {
  const header = ['  preset', 'servers', 'SendGrid/day', 'messages/day', 'messages/month', 'USD/month', 'USD/1000', ''];
  const rows = PRESETS.map((preset) => {
    const { perDay, perMonth, usdPerMonth, usdPer1000 } = totalsOf(preset);
    return [
      `${preset.name === current ? '*' : ' '} ${preset.name}`,
      serversText(preset),
      preset.sendgrid === null ? '' : count(preset.sendgrid.dailyLimit),
      count(perDay),
      count(perMonth),
      usdPerMonth === null ? '' : count(usdPerMonth),
      usdPer1000 === null ? '' : usdPer1000.toFixed(2),
      RECOMMENDED[preset.recommended],
    ];
  });
  return table(header, rows);
}

const RECOMMENDED = { first: 'recommended first', yes: 'recommended', no: '' } as const;

function serversText({ servers, dailyLimit, regions }: Preset): string {
  const each = regions.length === 0 ? '' : ` in ${regions.join(', ')}`;
  return `${servers} × ${dailyLimit}${each}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function addShow(preset: Command, registry: Registry): void {
  addCommand(preset, registry, {
    usage: 'show <name>',
    summary: 'the egress, pools and routes that a preset stands for, as YAML; variables are not resolved',
    json: true,
    run: async (cli, { args, options }) => {
      const preset = presetNamed(args[0]);
      const yaml = presetText(preset, cli.env);
      const { name, purpose, recommended } = preset;
      const figures = withSendgrid({ name, purpose, recommended, ...totalsOf(preset) });
      if (options.json === true) cli.terminal.out(json({ ...figures, yaml }));
      else cli.terminal.out(`${headOf(preset)}${yaml}`);
      return 0;
    },
  });
}

function headOf(preset: Preset): string {
  const { perDay, perMonth, usdPerMonth, usdPer1000 } = totalsOf(preset);
  const price = usdPerMonth === null ? '' : `, ${usdPerMonth} USD a month, ${usdPer1000?.toFixed(2)} USD for 1000`;
  return [
    `# preset: ${preset.name} – ${preset.purpose}`,
    `# ${count(perDay)} messages a day, ${count(perMonth)} a month${price}`,
    '# A policy that has this instead of the preset is the same. Which of SMTP_USER_n, SMTP_PASSWORD_n, SMTP_PORT_n,',
    '# SMTP_TLS_n, SMTP_IP_n and SMTP_REGION_n stand here depends on which are set.',
    '',
  ].join('\n');
}

function addUse(preset: Command, registry: Registry): void {
  addCommand<{ readonly force?: true }>(preset, registry, {
    usage: 'use <name>',
    summary: 'write a preset into the policy file, or none; a running relay takes it up at once and loses nothing',
    json: true,
    shape: (command) =>
      command
        .option('--force', 'write it although this command would refuse it: the relay’s environment may have more')
        .addHelpText('after', '\nExit code 1 when the file was left as it was, or the running relay refused it.'),
    run: async (cli, { args, options, where }) => {
      const name = args[0] === 'none' ? null : presetNamed(args[0], ', or none').name;
      return use(cli, where, { name, isForced: options.force === true, isJson: options.json === true });
    },
  });
}

async function use(
  cli: Cli,
  where: Where,
  { name, isForced, isJson }: { readonly name: string | null; readonly isForced: boolean; readonly isJson: boolean },
): Promise<ExitCode> {
  const before = currentPreset(where);
  const uptake = await watchUptake(where.dataFolder);
  const edited = await editPolicyFile(cli, where, {
    edit: (text) => setPreset(text, name),
    isForced,
    what: `preset ${name ?? 'none'}`,
  });
  if (edited.kind === 'left') {
    const isOwnEnvironment = edited.problems.some((problem) => problem.includes('environment of this process'));
    cli.terminal.err(`relevo: ${edited.why}\n`);
    if (isOwnEnvironment) cli.terminal.err('Where the relay’s own environment has them: --force\n');
    return 1;
  }
  const taken = await uptake.result(edited.version, edited.isSame);
  // Of a file that an edit changed, problems that it had before are nobody's news.
  const sameProblems = edited.isSame && !isForced ? edited.problems : [];
  if (isJson) {
    const problems = taken.kind === 'refused' ? taken.problems : sameProblems;
    const { version, warnings } = edited;
    cli.terminal.out(json({ preset: name, before, relay: taken.kind, version, warnings, problems }));
  } else tellUsed(cli, { name, before, taken, file: shownPath(cli, where.policyFile), edited, sameProblems });
  // What this process lacks, the relay may have.
  const isRefused = taken.kind === 'refused' || (taken.kind !== 'in-force' && sameProblems.length > 0);
  return isRefused ? 1 : 0;
}

function tellUsed(
  { terminal }: Cli,
  told: {
    readonly name: string | null;
    readonly before: string | null;
    readonly taken: Uptake;
    readonly file: string;
    readonly edited: Extract<FileEdited, { kind: 'written' }>;
    readonly sameProblems: readonly string[];
  },
): void {
  const { name, before, taken, file, edited } = told;
  const preset = name === null ? undefined : presetOf(name);
  const capacity = preset === undefined ? '' : `: ${count(totalsOf(preset).perDay)} messages a day`;
  const change = edited.isSame ? `${name ?? 'none'} already` : `${before ?? 'none'} → ${name ?? 'none'}`;
  terminal.out(`${file}: preset ${change}${capacity}.\n`);
  if (name === null && edited.policy !== null) terminal.out(leftText(edited.policy));
  for (const warning of edited.warnings) terminal.out(`${warning}\n`);
  if (told.sameProblems.length > 0)
    terminal.err(
      `relevo: with the environment of this process it would be refused:\n  ${told.sameProblems.join('\n  ')}\n`,
    );
  switch (taken.kind) {
    case 'in-force':
      if (edited.isSame) terminal.out('It is in force already: nothing changes.\n');
      else terminal.out('In force. What was sent today counts on; new servers warm up by themselves.\n');
      return;
    case 'not-running':
      terminal.out('No relay is running on this data folder: it counts from the next start.\n');
      return;
    case 'unknown':
      terminal.err(`relevo: whether the relay took it up is not known: ${taken.why}\n`);
      return;
    case 'refused':
      terminal.err(
        `relevo: the running relay refused the file; its policy in force stays as it was:\n  ${taken.problems.join('\n  ')}\n`,
      );
  }
}

/** By which exits mail goes without a preset. */
function leftText(policy: Policy): string {
  const used = new Set(
    policy.routes.flatMap(({ use: names }) =>
      names.flatMap((name) => (Object.hasOwn(policy.pools, name) ? (policy.pools[name]?.members ?? []) : [name])),
    ),
  );
  const left = [...used].flatMap((name) => {
    const exit = egressOf(policy, name);
    if (exit === undefined || !isUsable(policy, name)) return [];
    return [exit.type === 'mx' ? `${name} (straight to the recipients’ servers)` : `${name} (${exit.type})`];
  });
  return left.length === 0
    ? 'No exit is left that mail could leave by: it waits.\n'
    : `Mail goes by what is left: ${left.join(', ')}.\n`;
}

function presetNamed(text: unknown, more = ''): Preset {
  const name = String(text);
  const preset = presetOf(name);
  if (preset !== undefined) return preset;
  throw new UsageError(`no preset is named "${name}"${suggestion(name, PRESET_NAMES)} (\`relevo preset list\`${more})`);
}

/** As the file has it, whatever else is wrong with the file; null: none. */
function currentPreset({ policyFile }: Where): string | null {
  try {
    const preset: unknown = parseDocument(readFileSync(policyFile, 'utf8')).get('preset');
    return typeof preset === 'string' ? preset : null;
  } catch {
    return null;
  }
}
