/** Who outside is told of events: `webhooks`. */
import { z } from 'zod';
import { TOLD_EVENTS } from '../../message/told-event.ts';
import { duration, name, SECRET } from './values.ts';

const webhook = z.strictObject({
  name: name.optional().meta({
    description:
      'For alerts and `relevo webhook`. Default: the host of the URL, with a number where several have the same.',
  }),
  url: z
    .url('expected a URL')
    .refine(isSafe, 'expected an https URL (http is for this machine alone)')
    .meta({ description: 'Where events are posted.', ...SECRET }),
  secret: z
    .string()
    .min(1, 'expected a secret')
    .meta({ description: 'Signs each post.', ...SECRET }),
  events: z
    .array(z.enum(TOLD_EVENTS, `expected one of ${TOLD_EVENTS.join(', ')}`))
    .min(1, 'expected at least one event')
    .meta({ description: 'Which events.' }),
  clients: z
    .array(name)
    .min(1, 'expected at least one client')
    .nullable()
    .prefault(null)
    .meta({ description: 'Only of mail of these clients; null: of all.' }),
  timeout: duration.prefault('10s').meta({ description: 'Of one post.' }),
  retryFor: duration.prefault('24h').meta({
    description:
      'A program that takes no post for so long is not told any more, until somebody says so (`relevo webhook resume`).',
  }),
});

export const webhooks = z
  .array(webhook)
  .prefault([])
  .transform((all) => all.map((hook, place) => ({ ...hook, name: hook.name ?? hostName(all, place) })))
  .meta({ description: 'Programs that are told of each event. docs/webhooks.md has the form of a post.' });

/** What is posted names addresses, and a secret that is heard once signs anything. */
function isSafe(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}

function hostName(all: readonly { readonly url: string }[], place: number): string {
  const hosts = all.slice(0, place + 1).map(({ url }) => new URL(url).hostname.replace(/^\[|\]$/g, ''));
  const host = hosts[place] ?? '';
  const before = hosts.slice(0, place).filter((other) => other === host).length;
  return before === 0 ? host : `${host}-${before + 1}`;
}
