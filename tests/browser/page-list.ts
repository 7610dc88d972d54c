/** Every page, as the tests of all pages open it: a line for each. */
export type ListedPage = {
  readonly path: string;
  /** Of its screenshot in `docs/screenshots/`. */
  readonly name: string;
  /** A link on the page at `path` that leads to the one that is meant. Default: that one is. */
  readonly by?: string;
  /** Shown once it is whole, where that is later than its loading. */
  readonly ready?: string;
  /** Default: it needs somebody who has signed in. */
  readonly isOpen?: boolean;
};

export const PAGES: readonly ListedPage[] = [
  { path: '/', name: 'overview', ready: '[data-charts][data-drawn]' },
  { path: '/alerts', name: 'alerts' },
  { path: '/exits', name: 'exits' },
  { path: '/exits/one', name: 'exit', ready: '[data-charts][data-drawn]' },
  { path: '/queue', name: 'queue' },
  { path: '/messages', name: 'messages' },
  { path: '/messages?domain=refused.test', name: 'message', by: 'main a[href^="/messages/"]' },
  { path: '/suppression', name: 'suppression' },
  { path: '/reports', name: 'reports', ready: '[data-charts][data-drawn]' },
  { path: '/reports/costs', name: 'costs' },
  { path: '/policy', name: 'policy', ready: '#policy[data-checked=good]' },
  { path: '/policy/settings', name: 'policy-settings' },
  { path: '/policy/wizard', name: 'policy-wizard' },
  { path: '/access', name: 'access' },
  { path: '/sign-in', name: 'sign-in', isOpen: true },
];
