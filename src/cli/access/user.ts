import type { Command } from 'commander';
import { ROLES, type Role } from '../../http/sign-in/user.ts';
import type { UserStatus, UserWithPassword } from '../../operations/user-operations.ts';
import { nearest } from '../../policy/file/nearest.ts';
import { isoTime } from '../../report/log-fields.ts';
import { addCommand, addGroup, type Cli, type Registry, UsageError } from '../cli.ts';
import { json, table } from '../output.ts';
import { withOperations } from '../reach.ts';
import { passwordGiven, type PasswordOptions, userName, withPasswordOptions } from './user-options.ts';
import { addUserTotp } from './user-totp.ts';

/** `relevo user …` */
export function addUsers(program: Command, registry: Registry): void {
  const group = addGroup(program, 'user', 'who signs in at the status pages, and what each may do there');
  addAdd(group, registry);
  addList(group, registry);
  addPassword(group, registry);
  addRole(group, registry);
  addDisable(group, registry);
  addUserTotp(group, registry);
  addRemove(group, registry);
}

function addAdd(group: Command, registry: Registry): void {
  addCommand<PasswordOptions & { readonly role: string }>(group, registry, {
    usage: 'add <name>',
    summary: 'add a user; the random password is shown once',
    json: true,
    shape: (command) =>
      withPasswordOptions(command.requiredOption('--role <role>', ROLES.join(', '))).addHelpText(
        'after',
        '\nviewer sees all, operator also holds, releases and pauses, admin also changes policy, tokens and users.',
      ),
    run: async (cli, { args: [given], options, where }) => {
      const name = userName(given);
      const role = roleOf(options.role);
      const password = await passwordGiven(cli, options);
      const added = await withOperations(cli, where, (operations) => operations.addUser({ name, role, password }));
      tellPassword(cli, added, options.json === true);
      return 0;
    },
  });
}

function addList(group: Command, registry: Registry): void {
  addCommand(group, registry, {
    usage: 'list',
    summary: 'the users, what each may do, and when each signed in last',
    json: true,
    run: async (cli, { options, where }) => {
      const users = await withOperations(cli, where, (operations) => operations.users());
      cli.terminal.out(options.json === true ? json({ users }) : listText(users));
      return 0;
    },
  });
}

function addPassword(group: Command, registry: Registry): void {
  addCommand<PasswordOptions>(group, registry, {
    usage: 'password <name>',
    summary: 'give a user a new password, which is shown once; all sign-ins of the user end',
    json: true,
    shape: withPasswordOptions,
    run: async (cli, { args: [given], options, where }) => {
      const name = userName(given);
      const password = await passwordGiven(cli, options);
      const changed = await withOperations(cli, where, (operations) => operations.setUserPassword({ name, password }));
      tellPassword(cli, changed, options.json === true);
      return 0;
    },
  });
}

function addRole(group: Command, registry: Registry): void {
  addCommand(group, registry, {
    usage: 'role <name> <role>',
    summary: `${ROLES.join(', ')}; all sign-ins of the user end`,
    json: true,
    run: async (cli, { args: [given, wanted], options, where }) => {
      const name = userName(given);
      const role = roleOf(String(wanted));
      const user = await withOperations(cli, where, (operations) => operations.setUserRole({ name, role }));
      cli.terminal.out(options.json === true ? json(user) : `${user.name} is ${user.role}.\n`);
      return 0;
    },
  });
}

function addDisable(group: Command, registry: Registry): void {
  for (const [word, isDisabled] of [['disable', true] as const, ['enable', false] as const])
    addCommand(group, registry, {
      usage: `${word} <name>`,
      summary: isDisabled ? 'keep a user from signing in; all sign-ins of the user end' : 'let a user sign in again',
      json: true,
      run: async (cli, { args: [given], options, where }) => {
        const name = userName(given);
        const user = await withOperations(cli, where, (operations) => operations.setUserDisabled({ name, isDisabled }));
        cli.terminal.out(options.json === true ? json(user) : `${user.name} is ${word}d.\n`);
        return 0;
      },
    });
}

function addRemove(group: Command, registry: Registry): void {
  addCommand(group, registry, {
    usage: 'remove <name>',
    summary: 'remove a user; all sign-ins of the user end',
    json: true,
    run: async (cli, { args: [given], options, where }) => {
      const name = userName(given);
      const removed = await withOperations(cli, where, (operations) => operations.removeUser({ name }));
      cli.terminal.out(options.json === true ? json(removed) : `${removed.name} is removed.\n`);
      return 0;
    },
  });
}

function tellPassword({ terminal }: Cli, user: UserWithPassword, asJson: boolean): void {
  if (asJson) {
    terminal.out(json(user));
    return;
  }
  const password = user.password === null ? '' : `password  ${user.password}   (shown only now)\n`;
  terminal.out(`user      ${user.name}\nrole      ${user.role}\n${password}`);
}

function listText(users: readonly UserStatus[]): string {
  if (users.length === 0) return 'There are no users: `relevo user add NAME --role admin` makes the first.\n';
  const rows = users.map(({ name, role, isDisabled, secondFactorSinceMs, recoveryCodesLeft, lastSignIn }) => [
    name,
    role,
    isDisabled ? 'disabled' : '-',
    secondFactorSinceMs === null ? 'no' : `yes, ${recoveryCodesLeft} recovery codes`,
    lastSignIn === null ? 'never' : `${isoTime(lastSignIn.atMs)} from ${lastSignIn.peer}`,
  ]);
  return table(['NAME', 'ROLE', 'STATE', 'SECOND FACTOR', 'LAST SIGN-IN'], rows);
}

function roleOf(word: string): Role {
  const role = ROLES.find((one) => one === word);
  if (role !== undefined) return role;
  const meant = nearest(word, ROLES);
  throw new UsageError(
    `unknown role "${word}"${meant === null ? '' : `, did you mean "${meant}"?`}; the roles are ${ROLES.join(', ')}`,
  );
}
