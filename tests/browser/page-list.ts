/** Every page, as the tests of all pages open it: a line for each. */
export type ListedPage = {
  readonly path: string;
  /** Of its screenshot in `docs/screenshots/`. */
  readonly name: string;
  /** Shown once it is whole, where that is later than its loading. */
  readonly ready?: string;
  /** Default: it needs somebody who has signed in. */
  readonly isOpen?: boolean;
};

export const PAGES: readonly ListedPage[] = [
  { path: '/', name: 'overview', ready: '[data-charts][data-drawn]' },
  { path: '/exits', name: 'exits' },
  { path: '/exits/one', name: 'exit', ready: '[data-charts][data-drawn]' },
];
