/** The form in which a spool is kept on Redis: which of them this version knows, and how it becomes the newest. */
import { isUp, nodeOfOwner } from '../nodes.ts';
import { SpoolError } from '../spool.ts';
import { formatKey } from './keys.ts';
import type { RedisLink } from './link.ts';
import { nodesOf } from './node-list.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, type Store, textOf } from './store.ts';

/** Since 4 messages may be kept without their signatures (`Message.unsigned`), which relays of before would send so. */
const FORM = 4;
/** All of it means the same in `FORM`. */
const FORM_BEFORE = 3;
const SHARDS_OF_A_CLUSTER = 16;
const SHARDS_AT_MOST = 1_024;

export type FormNeeds = {
  readonly link: RedisLink;
  readonly prefix: string;
  /** See `RedisSpoolOptions`. */
  readonly shards?: number;
};

/** `format` as it is stored: the form, how many shards, when it was made. */
export type Form = { readonly format: string; readonly shards: number };

/**
 * Of the spool under the prefix, made where there is none; it may be the one before this version's, see `raiseForm`.
 * @throws SpoolError `in-use` when this version does not know it
 */
export async function openForm({ link, prefix, shards: asked }: FormNeeds): Promise<Form> {
  const wanted = asked ?? (link.topology === 'cluster' ? SHARDS_OF_A_CLUSTER : 1);
  const format = textOf(await link.run(SCRIPTS.format, [formatKey(prefix)], [`${FORM} ${wanted}`]));
  const { form, shards } = parsed(format);
  if (form !== FORM && form !== FORM_BEFORE) throw unknown(prefix, format);
  return { format, shards };
}

/**
 * Makes it a spool of this version's form, before anything is written to it.
 * @param store whose node was found to be the only process of its name
 * @throws SpoolError `in-use` when it is of the form before, and other nodes use it
 */
export async function raiseForm(store: Store, link: RedisLink, prefix: string): Promise<void> {
  if (parsed(store.format).form === FORM) return;
  await refuseBesideOthers(store, prefix);
  await link.run(SCRIPTS.raise, [formatKey(prefix)], [FORM_BEFORE, FORM]);
}

/** `form` null: none that could be one. */
function parsed(format: string): { readonly form: number | null; readonly shards: number } {
  const [form = null, shards = 0] = format.split(' ').map(Number);
  const isSound = Number.isInteger(shards) && shards >= 1 && shards <= SHARDS_AT_MOST;
  return { form: isSound ? form : null, shards };
}

function unknown(prefix: string, format: string): SpoolError {
  const forms = `in form ${format.split(' ', 1)[0]}, and this version of relevo knows form ${FORM}`;
  const todo = 'docs/operating.md, "Upgrades", tells how its mail is carried over';
  return new SpoolError('in-use', `the spool under ${prefix} is kept ${forms}: ${todo}`, { isFinal: true });
}

async function refuseBesideOthers(store: Store, prefix: string): Promise<void> {
  const nowMs = store.clock.nowMs();
  const own = nodeOfOwner(store.node);
  const nodes = nodesOf(listOf(await store.runOn(store.keys.nodes, SCRIPTS.nodes, [])));
  const others = nodes.filter((one) => one.name !== own && isUp(one, nowMs)).map(({ name }) => name);
  if (others.length === 0) return;
  const why = `the spool under ${prefix} is used by ${others.join(', ')}, of a version before this one`;
  const todo = 'stop all nodes, then start this version on each (one that was killed counts for another 15 s)';
  throw new SpoolError('in-use', `${why}: ${todo}`, { isFinal: true });
}
