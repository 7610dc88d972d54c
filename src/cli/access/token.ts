import type { Command } from 'commander';
import { isTokenName, SCOPES, type Scope } from '../../http/token.ts';
import { nearest } from '../../policy/file/nearest.ts';
import { formatNetwork, parseNetwork, withoutHostBits } from '../../policy/network.ts';
import { formatAge, parseDurationMs, parseRate, type Rate } from '../../policy/units.ts';
import { isoTime } from '../../report/log-fields.ts';
import { addCommand, addGroup, UsageError, type Cli, type Registry } from '../cli.ts';
import { formatDue, json, table } from '../output.ts';
import { withOperations } from '../reach.ts';
import type { IssuedToken, TokenStatus } from '../../operations/token-operations.ts';

/** `relevo token …` */
export function addTokens(program: Command, registry: Registry): void {
  const group = addGroup(program, 'token', 'who may use the API: tokens, each with what it may do');
  addCreate(group, registry);
  addList(group, registry);
  addRotate(group, registry);
  addRevoke(group, registry);
}

function addCreate(group: Command, registry: Registry): void {
  addCommand<{
    readonly scopes: string;
    readonly expires?: string;
    readonly client?: string;
    readonly aws?: boolean;
    readonly rate?: string;
    readonly networks?: string;
  }>(group, registry, {
    usage: 'create <name>',
    summary: 'make a token, which is shown once',
    json: true,
    shape: (command) =>
      command
        .requiredOption('--scopes <list>', `what it may do, separated by commas: ${SCOPES.join(', ')}`)
        .option('--expires <time>', 'how long it is good, such as 90d (default: until it is revoked)')
        .option('--client <name>', 'the client of the policy that it submits mail as (default: what the request says)')
        .option('--rate <rate>', 'so many requests, such as 100/m (default: as many as like)')
        .option('--networks <list>', 'from where, separated by commas, such as 192.0.2.0/24 (default: from everywhere)')
        .option('--aws', 'with an access key id and a secret beside it, for programs with the AWS SDK')
        .addHelpText(
          'after',
          '\nNo scope includes another: read opens what there is to read, submit takes mail, operate changes what becomes of it, admin the rest.\nThe token is the only line on standard output; of it only a hash is kept, so that nobody can show it again.',
        ),
    run: async (cli, { args: [given], options, where }) => {
      const name = nameOf(given);
      const scopes = scopesOf(options.scopes);
      const lifetimeMs = options.expires === undefined ? null : lifetimeOf(options.expires);
      const issued = await withOperations(cli, where, (operations) =>
        operations.createToken({
          name,
          scopes,
          lifetimeMs,
          ...(options.client === undefined ? {} : { client: options.client }),
          ...(options.rate === undefined ? {} : { rate: rateOf(options.rate) }),
          ...(options.networks === undefined ? {} : { networks: networksOf(options.networks) }),
          ...(options.aws === true ? { withAccessKey: true } : {}),
        }),
      );
      tell(cli, issued, options.json === true);
      return 0;
    },
  });
}

function addList(group: Command, registry: Registry): void {
  addCommand(group, registry, {
    usage: 'list',
    summary: 'the tokens, what each may do, and until when; never the tokens themselves',
    json: true,
    run: async (cli, { options, where }) => {
      const tokens = await withOperations(cli, where, (operations) => operations.tokens());
      cli.terminal.out(options.json === true ? json({ tokens }) : listText(tokens, cli.clock.nowMs()));
      return 0;
    },
  });
}

function addRotate(group: Command, registry: Registry): void {
  addCommand<{ readonly overlap: string }>(group, registry, {
    usage: 'rotate <name>',
    summary: 'make the token another, which is shown once; the one before ends soon',
    json: true,
    shape: (command) =>
      command
        .option('--overlap <time>', 'how long the one before is good beside it; 0s: it ends at once', '1h')
        .addHelpText('after', '\nThe new one may do the same, and is good from now on for as long as the first was.'),
    run: async (cli, { args: [given], options, where }) => {
      const name = nameOf(given);
      const overlapMs = durationOf('--overlap', options.overlap, { from: '0s', leastMs: 0 });
      const issued = await withOperations(cli, where, (operations) => operations.rotateToken({ name, overlapMs }));
      tell(cli, issued, options.json === true);
      return 0;
    },
  });
}

function addRevoke(group: Command, registry: Registry): void {
  addCommand(group, registry, {
    usage: 'revoke <name>',
    summary: 'end a token, and what it was before; refused on all nodes within 5 s',
    json: true,
    run: async (cli, { args: [given], options, where }) => {
      const name = nameOf(given);
      const revoked = await withOperations(cli, where, (operations) => operations.revokeToken({ name }));
      cli.terminal.out(options.json === true ? json(revoked) : `${name} is revoked.\n`);
      return 0;
    },
  });
}

/** What is said about it does not get into a variable that takes the token. */
function tell({ terminal, clock }: Cli, issued: IssuedToken, asJson: boolean): void {
  if (asJson) {
    terminal.out(json(issued));
    return;
  }
  const { token, name, scopes, expiresAtMs, previousUntilMs, accessKeyId, secretAccessKey } = issued;
  const until = expiresAtMs === null ? 'until it is revoked' : `until ${isoTime(expiresAtMs)}`;
  const before =
    previousUntilMs === null
      ? ''
      : `The one before is good ${formatDue(previousUntilMs - clock.nowMs())} at the longest.\n`;
  terminal.out(`${token}\n`);
  if (accessKeyId !== undefined)
    terminal.out(`AWS_ACCESS_KEY_ID=${accessKeyId}\nAWS_SECRET_ACCESS_KEY=${secretAccessKey ?? ''}\n`);
  terminal.err(`${name} may ${scopes.join(', ')}, ${until}. Keep it now: it is not shown again.\n${before}`);
}

function listText(tokens: readonly TokenStatus[], nowMs: number): string {
  if (tokens.length === 0) return 'There are no tokens.\n';
  const rows = tokens.map((token) => [
    token.name,
    token.scopes.join(', '),
    dayOf(token.createdAtMs),
    token.rotatedAtMs === null ? '-' : dayOf(token.rotatedAtMs),
    expiryText(token.expiresAtMs, nowMs),
    token.previousUntilMs === null ? '-' : formatDue(token.previousUntilMs - nowMs),
    usedText(token, nowMs),
    limitsText(token),
  ]);
  const header = ['NAME', 'SCOPES', 'CREATED', 'ROTATED', 'EXPIRES', 'BEFORE ENDS', 'LAST USED', 'LIMITS'];
  return table(header, rows);
}

function usedText({ lastUsedAtMs, lastUsedFrom }: TokenStatus, nowMs: number): string {
  return lastUsedAtMs === null ? 'never' : `${formatAge(nowMs - lastUsedAtMs)} ago from ${lastUsedFrom ?? '?'}`;
}

function limitsText({ client, rate, networks }: TokenStatus): string {
  const parts = [
    ...(client === undefined ? [] : [`as ${client}`]),
    ...(rate === undefined ? [] : [`${rate.count} in ${formatAge(rate.windowMs)}`]),
    ...(networks === undefined ? [] : [`from ${networks.join(' ')}`]),
  ];
  return parts.length === 0 ? '-' : parts.join(', ');
}

function dayOf(atMs: number): string {
  return isoTime(atMs).slice(0, 10);
}

function expiryText(expiresAtMs: number | null, nowMs: number): string {
  if (expiresAtMs === null) return 'never';
  return nowMs >= expiresAtMs ? 'expired' : formatDue(expiresAtMs - nowMs);
}

function nameOf(given: unknown): string {
  const name = String(given);
  if (isTokenName(name)) return name;
  throw new UsageError(
    `${JSON.stringify(name)} cannot be the name of a token: give 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first`,
  );
}

function scopesOf(list: string): readonly Scope[] {
  const known = `the scopes are ${SCOPES.join(', ')}`;
  const scopes = list.split(',').map((word) => word.trim());
  return scopes.map((word) => {
    const scope = SCOPES.find((one) => one === word);
    if (scope !== undefined) return scope;
    if (word === '') throw new UsageError(`--scopes "${list}": a scope is missing; ${known}`);
    const meant = nearest(word, SCOPES);
    throw new UsageError(
      `--scopes: unknown scope "${word}"${meant === null ? '' : `, did you mean "${meant}"?`}; ${known}`,
    );
  });
}

function rateOf(text: string): Rate {
  const rate = parseRate(text);
  if (rate !== null && rate.count > 0) return rate;
  throw new UsageError(`--rate "${text}": expected a rate such as 100/m, 20/s or 5/10m`);
}

function networksOf(list: string): readonly string[] {
  return list.split(',').map((word) => {
    const network = parseNetwork(word.trim());
    if (network !== null) return formatNetwork(withoutHostBits(network));
    throw new UsageError(`--networks "${word.trim()}": expected an address or a network such as 192.0.2.0/24`);
  });
}

function lifetimeOf(text: string): number {
  return durationOf('--expires', text, { from: '1s', leastMs: 1_000 });
}

/** 10 years: who wants longer can leave it out, and sees in the list that it never ends. */
const LONGEST_MS = 3_650 * 86_400_000;

function durationOf(
  option: string,
  text: string,
  { from, leastMs }: { readonly from: string; readonly leastMs: number },
): number {
  const durationMs = parseDurationMs(text);
  if (durationMs !== null && durationMs >= leastMs && durationMs <= LONGEST_MS) return durationMs;
  throw new UsageError(`${option} "${text}": give a time from ${from} to 3650d, such as 30m, 12h or 90d`);
}
