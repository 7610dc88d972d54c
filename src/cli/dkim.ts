import { dirname, relative, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { generateDkimKeys, type DkimKeyType, type GeneratedKey } from '../sign/keygen.ts';
import { zoneLine } from '../sign/records.ts';
import { addCommand, addGroup, type Registry } from './cli.ts';
import { json } from './output.ts';
import { shownPath } from './policy/policy-file.ts';

type KeygenOptions = { readonly selector?: string; readonly type?: DkimKeyType | 'both'; readonly out?: string };

/** `relevo dkim keygen` */
export function addDkim(program: Command, registry: Registry): void {
  const dkim = addGroup(program, 'dkim', 'keys that sign mail');
  addCommand<KeygenOptions>(dkim, registry, {
    usage: 'keygen <domain>',
    summary: 'make signing keys of a domain; print the policy lines and the DNS records',
    json: true,
    shape: (command) =>
      command
        .option('--selector <name>', 'selector of the one key (default: rsa and the year, ed and the year)')
        .addOption(
          new Option('--type <type>', 'rsa (2048 bits), ed25519 or both (default: both; with --selector rsa)').choices([
            'rsa',
            'ed25519',
            'both',
          ]),
        )
        .option('--out <folder>', 'where the keys go (default: ../certs/dkim from the policy file)'),
    run: async (cli, { args, options, where }) => {
      const folder = options.out === undefined ? dkimFolder(where.policyFile) : resolve(cli.cwd, options.out);
      const year = new Date(cli.clock.nowMs()).getUTCFullYear();
      const made = await generateDkimKeys({ domain: String(args[0]), folder, year, ...selectorsOf(options, year) });
      switch (made.kind) {
        case 'generated':
          if (options.json === true) cli.terminal.out(json({ domain: made.domain, keys: made.keys }));
          else cli.terminal.out(keysText(made, (path) => shownPath(cli, path), where.policyFile));
          return 0;
        case 'exists':
          cli.terminal.err(`relevo: ${made.path} is there already and was left alone: give another --selector\n`);
          return 1;
        case 'failed':
          cli.terminal.err(`relevo: cannot write ${made.path}: ${made.reason}\n`);
          return 1;
        case 'invalid':
          cli.terminal.err(`relevo: ${made.reason}\n`);
          return 2;
      }
    },
  });
}

/** Where the DKIM keys of a policy are kept unless it says otherwise. */
export function dkimFolder(policyFile: string): string {
  return resolve(dirname(policyFile), '../certs/dkim');
}

function selectorsOf(options: KeygenOptions, year: number): { selectors?: Partial<Record<DkimKeyType, string>> } {
  const type = options.type ?? (options.selector === undefined ? 'both' : 'rsa');
  if (type === 'both') {
    // Two keys cannot share a name in DNS.
    const { selector } = options;
    return selector === undefined ? {} : { selectors: { rsa: `${selector}-rsa`, ed25519: `${selector}-ed` } };
  }
  return { selectors: { [type]: options.selector ?? `${type === 'rsa' ? 'rsa' : 'ed'}${year}` } };
}

function keysText(
  { domain, keys }: { readonly domain: string; readonly keys: readonly GeneratedKey[] },
  shown: (path: string) => string,
  policyFile: string,
): string {
  const lines = keys.map(({ selector, path }) => {
    return `      - { selector: ${selector}, key: ${relative(dirname(policyFile), path)} }`;
  });
  return [
    'Made, readable by you alone:',
    ...keys.map(({ type, path }) => `  ${shown(path)} (${type})`),
    '',
    'Publish, and wait until it is seen (`relevo dns` looks):',
    ...keys.map(({ record }) => zoneLine(record)),
    '',
    `Then in ${shown(policyFile)}:`,
    'domains:',
    `  ${domain}:`,
    '    dkim:',
    ...lines,
    '',
  ].join('\n');
}
