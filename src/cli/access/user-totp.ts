import type { Command } from 'commander';
import { squareText } from '../../http/sign-in/totp.ts';
import { addCommand, type Registry, UsageError } from '../cli.ts';
import { json } from '../output.ts';
import { withOperations } from '../reach.ts';
import { userName } from './user-options.ts';

/** `relevo user totp <name>`: a seed first, then the code that the phone shows for it. */
export function addUserTotp(group: Command, registry: Registry): void {
  addCommand<{ readonly code?: string; readonly remove?: true }>(group, registry, {
    usage: 'totp <name>',
    summary: 'set up a second factor: a program on a phone that shows codes',
    json: true,
    shape: (command) =>
      command
        .option('--code <code>', 'the code that it shows: confirms it, and prints recovery codes once')
        .option('--remove', 'do without: the phone is gone')
        .addHelpText(
          'after',
          '\nFirst without options, which shows what the program reads; then, within 15 minutes, with --code.',
        ),
    run: async (cli, { args: [given], options, where }) => {
      const name = userName(given);
      const { code, remove } = options;
      if (code !== undefined && remove === true) throw new UsageError('--code or --remove, not both');
      const { terminal } = cli;
      if (remove === true) {
        const user = await withOperations(cli, where, (operations) => operations.removeSecondFactor({ name }));
        terminal.out(options.json === true ? json(user) : `${name} signs in by password alone.\n`);
      } else if (code === undefined) {
        const begun = await withOperations(cli, where, (operations) => operations.beginSecondFactor({ name }));
        const square = await squareText(begun.uri);
        const text = `${square}\n${begun.uri}\nseed  ${begun.seed}   (shown only now)\n\nThen: relevo user totp ${name} --code CODE\n`;
        terminal.out(options.json === true ? json(begun) : text);
      } else {
        const confirmed = await withOperations(cli, where, (operations) =>
          operations.confirmSecondFactor({ name, code }),
        );
        const codes = confirmed.recoveryCodes.map((one) => `  ${one}\n`).join('');
        const text = `${name} is asked for a code from now on. For when the phone is gone, each good once, shown only now:\n${codes}`;
        terminal.out(options.json === true ? json(confirmed) : text);
      }
      return 0;
    },
  });
}
