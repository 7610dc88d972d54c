/** Whether the spool under a prefix is still the one that was opened, and open to relays. */
import type { MoveMark } from '../move.ts';
import { formatKey, moveKey } from './keys.ts';
import type { Look } from './link.ts';
import { describeMove, isClosing } from './move-mark.ts';
import { parseJson } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf } from './store.ts';

/** What no other spool has of the form that one is kept in: when it was made. */
export function identityOf(format: string): string {
  return format.split(' ')[2] ?? '';
}

/** @param format as it was when the spool was opened */
export function watchOf(prefix: string, format: string): Look {
  const keys = [formatKey(prefix), moveKey(prefix)];
  return async (run) => {
    const [found = '', mark = ''] = listOf(await run(SCRIPTS.watched, keys, [])).map(textOf);
    if (identityOf(found) !== identityOf(format)) {
      const what = found === '' ? 'is gone' : 'is another one than before';
      const text =
        `the spool under ${prefix} ${what} (FLUSHALL, or a server that came back without its file?): mail that was ` +
        'answered 250 may be lost; give it its data back, then restart this relay';
      return { text, isForGood: true };
    }
    const moved = mark === '' ? null : (parseJson(mark) as MoveMark | null);
    return isClosing(moved) ? { text: describeMove(moved, prefix), isForGood: false } : null;
  };
}
