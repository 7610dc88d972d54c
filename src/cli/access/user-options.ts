/** What commands about users are given: names, and passwords or none. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parseUserName } from '../../http/sign-in/user.ts';
import { type Cli, UsageError } from '../cli.ts';

export type PasswordOptions = { readonly passwordFile?: string; readonly prompt?: true };

export function withPasswordOptions(command: Command): Command {
  return command
    .option('--prompt', 'ask for the password on the terminal')
    .option('--password-file <file>', 'take the password from a file, "-" for standard input');
}

const MOST_BYTES = 4_096;

/** @returns null: one is to be made */
export async function passwordGiven(cli: Cli, { passwordFile, prompt }: PasswordOptions): Promise<string | null> {
  if (prompt === true) return prompted(cli);
  if (passwordFile === undefined) return null;
  const input = passwordFile === '-' ? await cli.terminal.input(MOST_BYTES) : read(resolve(cli.cwd, passwordFile));
  const password = input?.toString('utf8').replace(/\r?\n$/, '') ?? '';
  if (password === '' || /[\r\n\0]/.test(password)) throw new UsageError('the password: expected one line');
  return password;
}

async function prompted({ terminal }: Cli): Promise<string> {
  const { secret } = terminal;
  if (secret === undefined || !terminal.inputIsTty)
    throw new UsageError('--prompt needs a terminal: use --password-file');
  const password = await secret('Password');
  const again = password === null ? null : await secret('The same again');
  if (password === null || again === null) throw new UsageError('no password was given');
  if (password !== again) throw new UsageError('the two are not the same');
  return password;
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** As it is kept: in small letters. */
export function userName(given: unknown): string {
  const name = parseUserName(String(given));
  if (name !== null) return name;
  throw new UsageError(
    `${JSON.stringify(String(given))} cannot be the name of a user: give 1 to 64 letters, digits, dots, dashes, underscores and @, a letter or digit first`,
  );
}
