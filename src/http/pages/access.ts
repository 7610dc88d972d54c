/** The page Access: one's own account and sign-ins; for admins users, tokens and the audit log. */
import { html } from 'hono/html';
import type { Operations } from '../../operations/operations.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Language, Page, PageAsk } from '../page.ts';
import { accountSection, sessionsSection } from './access-account.ts';
import { auditSection } from './access-audit.ts';
import { tokensSection } from './access-tokens.ts';
import { usersSection } from './access-users.ts';
import { ACCESS_WORDS } from './access-words.ts';

export type AccessNeeds = Pick<RouteNeeds, 'policy' | 'clock'> & {
  readonly operations: Pick<Operations, 'users' | 'sessions' | 'tokens' | 'auditLog'>;
};

/** How times are shown, and in which words. */
export type AccessTold = { readonly nowMs: number; readonly zone: string; readonly language: Language };

const PATH = '/access';

export function accessPage(needs: AccessNeeds): Page {
  return {
    path: PATH,
    scope: null,
    nav: { order: 90, name: { en: ACCESS_WORDS.en.title, es: ACCESS_WORDS.es.title } },
    render: async (ask) => ({
      title: ACCESS_WORDS[ask.language].title,
      main: await mainOf(needs, ask),
      scripts: ['access.js'],
    }),
  };
}

async function mainOf({ operations, policy, clock }: AccessNeeds, ask: PageAsk): Promise<Html> {
  const { principal, language, nowMs } = ask;
  const told: AccessTold = { nowMs, zone: policy().timeZone, language };
  const isAdmin = principal.scopes.includes('admin');
  const [users, all, tokens, audit] = await Promise.all([
    operations.users(),
    operations.sessions({ user: null }),
    isAdmin ? operations.tokens() : null,
    isAdmin ? auditSection({ operations, clock, path: PATH, ask, told }) : '',
  ]);
  const own = principal.kind === 'user' ? (users.find(({ name }) => name === principal.name) ?? null) : null;
  const shown = all.filter(({ by, name }) => isAdmin || (by === principal.kind && name === principal.name));
  return html`${accountSection({ principal, user: own, told })} ${sessionsSection(shown, told)}
  ${isAdmin ? usersSection({ users, chosen: ask.query.get('user'), told }) : ''}
  ${tokens === null ? '' : tokensSection(tokens, told)} ${audit}`;
}
