import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parseDocument } from 'yaml';
import { hashPassword } from '../policy/password.ts';
import { addClientGuard } from './client-guard.ts';
import { addCommand, addGroup, UsageError, type Cli, type ExitCode, type Registry } from './cli.ts';
import type { Where } from '../foundation/data-folder.ts';
import { json } from './output.ts';
import { newPassword } from '../operations/new-password.ts';
import { addClient, clientLine, removeClient, setClientPassword, type ClientInput } from '../operations/policy/edit.ts';
import type { Edited } from '../operations/policy/yaml-splice.ts';
import { shownPath } from './policy/policy-file.ts';
import { editPolicyFile } from './policy/edit-policy-file.ts';

type AddOptions = {
  readonly senders?: readonly string[];
  readonly networks?: readonly string[];
  readonly stream?: string;
  readonly priority?: string;
  readonly quota?: string;
  readonly password: boolean;
  readonly passwordFile?: string;
  readonly print?: true;
};

/** `relevo client add|password|remove`: edits of the policy file, which a running relay takes up by itself. */
export function addClients(program: Command, registry: Registry): void {
  const client = addGroup(program, 'client', 'who may submit mail, and what they do');
  addAdd(client, registry);
  addPassword(client, registry);
  addRemove(client, registry);
  addClientGuard(client, registry);
}

function addAdd(client: Command, registry: Registry): void {
  addCommand<AddOptions>(client, registry, {
    usage: 'add <name>',
    summary: 'add a client; its random password is shown once',
    json: true,
    shape: (command) =>
      command
        .option('--senders <glob...>', 'addresses it may send from (default: *@ each domain of the policy)')
        .option('--networks <network...>', 'networks that need no password')
        .option('--stream <name>', 'stream of its mail (default: transactional)')
        .option('--priority <priority>', 'high, normal or low (default: the stream’s)')
        .option('--quota <rate>', 'recipients in a window, such as 5000/d')
        .option('--password-file <file>', 'take the password from a file, "-" for standard input')
        .option('--no-password', 'none: by network only')
        .option('--print', 'print the policy line and leave the file alone'),
    run: async (cli, { args, options, where }) => {
      const name = clientName(args[0]);
      const password = options.password ? await passwordFor(cli, options.passwordFile) : null;
      const client = await clientOf(options, { password, file: where.policyFile });
      const line = clientLine(name, client);
      if (options.print !== true) {
        const code = await apply(cli, where, { name, edit: (text) => addClient(text, name, client) });
        if (code !== 0) return code;
      }
      const file = options.print === true ? null : where.policyFile;
      if (options.json === true) cli.terminal.out(json({ name, password, senders: client.senders, line, file }));
      else tellAdded(cli, { name, password, line, file });
      return 0;
    },
  });
}

async function clientOf(
  options: AddOptions,
  { password, file }: { readonly password: string | null; readonly file: string },
): Promise<ClientInput> {
  return {
    ...(password === null ? {} : { password: await hashed(password) }),
    ...(options.networks === undefined ? {} : { networks: [...options.networks] }),
    senders: options.senders === undefined ? usualSenders(file) : [...options.senders],
    ...(options.stream === undefined ? {} : { stream: options.stream }),
    // What is no priority is refused with the policy, by the same words as in the file.
    ...(options.priority === undefined ? {} : { priority: options.priority as 'high' }),
    ...(options.quota === undefined ? {} : { quota: options.quota }),
  };
}

function tellAdded(
  cli: Cli,
  told: {
    readonly name: string;
    readonly password: string | null;
    readonly line: string;
    readonly file: string | null;
  },
): void {
  const { terminal } = cli;
  if (told.file === null) terminal.out(told.line);
  else
    terminal.out(`Added to ${shownPath(cli, told.file)}; a running relay takes it up within a second:\n${told.line}`);
  if (told.password === null) return;
  // Not among the lines that may be appended to a file.
  const text = `user      ${told.name}\npassword  ${told.password}   (shown only now)\n`;
  if (told.file === null) terminal.err(text);
  else terminal.out(text);
}

function addPassword(client: Command, registry: Registry): void {
  addCommand<{ readonly passwordFile?: string; readonly print?: true }>(client, registry, {
    usage: 'password <name>',
    summary: 'give a client a new password, which is shown once; the old one ends at once',
    json: true,
    shape: (command) =>
      command
        .option('--password-file <file>', 'take the password from a file, "-" for standard input')
        .option('--print', 'print the hash and leave the file alone'),
    run: async (cli, { args, options, where }) => {
      const name = clientName(args[0]);
      const password = await passwordFor(cli, options.passwordFile);
      const hash = await hashed(password);
      if (options.print !== true) {
        const code = await apply(cli, where, { name, edit: (text) => setClientPassword(text, name, hash) });
        if (code !== 0) return code;
      }
      if (options.json === true) cli.terminal.out(json({ name, password, hash }));
      else if (options.print === true) {
        cli.terminal.out(`${hash}\n`);
        cli.terminal.err(`password  ${password}   (shown only now)\n`);
      } else cli.terminal.out(`user      ${name}\npassword  ${password}   (shown only now)\n`);
      return 0;
    },
  });
}

function addRemove(client: Command, registry: Registry): void {
  addCommand(client, registry, {
    usage: 'remove <name>',
    summary: 'remove a client; what it has queued is still sent',
    json: true,
    run: async (cli, { args, options, where }) => {
      const name = clientName(args[0]);
      const code = await apply(cli, where, { name, edit: (text) => removeClient(text, name) });
      if (code !== 0) return code;
      if (options.json === true) cli.terminal.out(json({ name, removed: true }));
      else cli.terminal.out(`Removed ${name} from ${shownPath(cli, where.policyFile)}.\n`);
      return 0;
    },
  });
}

function clientName(text: unknown): string {
  const name = String(text);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw new UsageError(`"${name}" is no client's name: expected letters, digits, - _ and .`);
  return name;
}

async function passwordFor(cli: Cli, file: string | undefined): Promise<string> {
  if (file === undefined) return newPassword();
  const input = file === '-' ? await cli.terminal.input(4_096) : readSecret(resolve(cli.cwd, file));
  const password = input?.toString('utf8').replace(/\r?\n$/, '') ?? '';
  if (password.length < 12 || /[\r\n\0]/.test(password))
    throw new UsageError('the password: expected one line of at least 12 characters');
  return password;
}

function readSecret(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function hashed(password: string): Promise<string> {
  return hashPassword(password, crypto.getRandomValues(Buffer.alloc(16)));
}

/** Its own domains are what a new client most likely sends from; without any the operator narrows it later. */
function usualSenders(policyFile: string): string[] {
  let domains: unknown;
  try {
    domains = (parseDocument(readFileSync(policyFile, 'utf8')).toJS() as { domains?: unknown } | null)?.domains;
  } catch {
    domains = null;
  }
  const names = typeof domains === 'object' && domains !== null ? Object.keys(domains) : [];
  return names.length === 0 ? ['*'] : names.map((name) => `*@${name}`);
}

async function apply(
  cli: Cli,
  where: Where,
  { name, edit }: { readonly name: string; readonly edit: (text: string) => Edited },
): Promise<ExitCode> {
  const file = shownPath(cli, where.policyFile);
  const changed = await editPolicyFile(cli, where, {
    edit,
    what: `client ${name}`,
    exists: `${file} has a client ${name} already: \`relevo client password ${name}\` changes its password`,
    missing: `${file} has no client ${name}`,
  });
  if (changed.kind === 'written') return 0;
  cli.terminal.err(`relevo: ${changed.why}\n`);
  return 1;
}
