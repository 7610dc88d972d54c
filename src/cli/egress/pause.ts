import type { Command } from 'commander';
import { addCommand, addGroup, type Registry } from '../cli.ts';
import { json } from '../output.ts';
import { withOperations } from '../reach.ts';

/** `relevo egress pause`, `relevo egress resume` */
export function addEgressPause(program: Command, registry: Registry): void {
  const group =
    program.commands.find((command) => command.name() === 'egress') ??
    addGroup(program, 'egress', 'look at the exits, stop one and let it go on');
  addPause(group, registry);
  addResume(group, registry);
}

function addPause(group: Command, registry: Registry): void {
  addCommand<{ readonly reason?: string }>(group, registry, {
    usage: 'pause <name>',
    summary: 'let no new mail out by an exit',
    json: true,
    shape: (command) =>
      command
        .option('--reason <text>', 'why, for whoever looks next', '')
        .addHelpText(
          'after',
          '\nOn all nodes, within 5 s, and until it is resumed, whatever is started anew. What is under way ends; other mail leaves\nby the next exit of its route, or waits.',
        ),
    run: async (cli, { args: [name], options, where }) => {
      const egress = String(name);
      const { reason = '' } = options;
      const { changed } = await withOperations(cli, where, (operations) => operations.pause({ egress, reason }));
      const text = changed ? `${egress} is paused` : `${egress} was paused already`;
      cli.terminal.out(
        options.json === true
          ? json({ egress, paused: true, changed, reason })
          : `${text}: no new mail goes out by it until \`relevo egress resume ${egress}\`.\n`,
      );
      return 0;
    },
  });
}

function addResume(group: Command, registry: Registry): void {
  addCommand<{ readonly forget?: true }>(group, registry, {
    usage: 'resume <name>',
    summary: 'let mail out again by an exit that was paused',
    json: true,
    shape: (command) =>
      command
        .option('--forget', 'begin its reputation anew: what came of its mail so far is not held against it any more')
        .addHelpText(
          'after',
          '\nAn exit that is paused for its reputation comes back by itself. --forget is for when the reason is mended and known:\nits figures count again from the next full hour on.',
        ),
    run: async (cli, { args: [name], options, where }) => {
      const egress = String(name);
      const forget = options.forget === true;
      const { changed } = await withOperations(cli, where, (operations) => operations.resume({ egress, forget }));
      const resumed = changed ? `Mail goes out by ${egress} again.` : `${egress} was not paused.`;
      const text = forget ? `${resumed} Its reputation begins anew.` : resumed;
      cli.terminal.out(options.json === true ? json({ egress, paused: false, changed, forget }) : `${text}\n`);
      return 0;
    },
  });
}
