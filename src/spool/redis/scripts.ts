/** The Lua scripts, each from its file in lua/, with the libraries that it names in front of it. */
import { readFileSync } from 'node:fs';
import type { Script } from './link.ts';

const NAMES = [
  'accept',
  'arrive',
  'bar',
  'beat',
  'block',
  'cells',
  'confirm',
  'content',
  'draw',
  'drop',
  'ended',
  'events',
  'exchange',
  'extend',
  'feed',
  'feed-end',
  'feed-want',
  'first',
  'format',
  'headers',
  'holders',
  'ids',
  'lease',
  'leave',
  'mark',
  'marked',
  'moving',
  'names',
  'nodes',
  'note',
  'overview',
  'peek',
  'post',
  'posted',
  'pour',
  'providers',
  'prune',
  'raise',
  'recall',
  'reschedule',
  'repost',
  'reserve',
  'resuppress',
  'retally',
  'scan',
  'search',
  'settle',
  'since',
  'slot',
  'spend',
  'sums',
  'suppress',
  'suppressed',
  'swap',
  'sweep',
  'tally',
  'turn',
  'values',
  'vanish',
  'unpost',
  'unspend',
  'unsuppress',
  'waiting',
  'watched',
  'window',
] as const;

/** By name. Those that work on a shard take its keys first (`Keys.ofShard`). */
export const SCRIPTS = Object.fromEntries(NAMES.map((name) => [name, load(name)])) as Readonly<
  Record<(typeof NAMES)[number], Script>
>;

/** `accept` where mail that is kept already waits for it (`Submission.endsMail`): a full server takes it, or stays full. */
export const ACCEPT_ANYWAY: Script = {
  name: 'accept-anyway',
  text: SCRIPTS.accept.text.replace(/^#!lua$/m, '#!lua flags=allow-oom'),
};

function load(name: string): Script {
  const [shebang = '', library = '', ...body] = read(`${name}.lua`).split('\n');
  const [, files = ''] = /^-- library: (.+)$/.exec(library) ?? [];
  // Redis wants the shebang, which says what a script may do on a server that is full, to be the very first line.
  const text = [shebang, ...(files === '' ? [library] : files.split(', ').map(read)), ...body].join('\n');
  return { name, text };
}

function read(file: string): string {
  return readFileSync(new URL(`./lua/${file}`, import.meta.url), 'utf8');
}
