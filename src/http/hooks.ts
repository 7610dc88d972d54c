/** `/hooks/NAME`: what providers post, by the name of their exit. */
import type { Hooks } from '../feedback/hooks/hooks.ts';
import { plain } from './answer.ts';
import type { Place } from './posts.ts';

export const HOOKS_PREFIX = '/hooks/';

/** SendGrid posts at most some 768 KB. */
const BODY_MOST = 1024 * 1024;

export function hooksPlace(hooks: Hooks): Place {
  return {
    mostBytes: BODY_MOST,
    refusal: ({ rest }) => (hooks.has(rest) ? null : plain(404, 'not found\n')),
    post: async ({ rest, headers, peer }, body) => {
      const { status, text } = await hooks.take({ name: rest, headers, body, peer });
      return status === 503 ? { ...plain(status, text), headers: { 'retry-after': '60' } } : plain(status, text);
    },
  };
}
