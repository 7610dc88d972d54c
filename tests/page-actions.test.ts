/** That every page is one of those that tests open in a browser, and every action of theirs one that tests take there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { RouteNeeds } from '../src/http/needs.ts';
import { allPages } from '../src/http/pages/pages.ts';
import { ACTIONS } from './browser/actions.ts';
import { wasDone } from './browser/deeds.ts';
import { PAGES } from './browser/page-list.ts';

const HTTP = resolve(import.meta.dirname, '../src/http');

/** What a form or a button says that it does, searches, exports; of scripts the calls. As it is written. */
const MARKS = {
  pages: [
    /["'`]((?:POST|PUT|PATCH|DELETE) [^"'`]*)/g,
    /(data-api="\$\{[^"]*")/g,
    /(data-(?:do|policy|dialog|range)="[^"]*")/g,
    /\s(data-(?:remove|filter))\b(?!=)/g,
    /(method="get")(?![^>]*data-filter)/g,
    /<a [^>]*\s(download)\b/g,
    /(href="\/(?:language|api)\/[^"?]*)/g,
    /<a [^>]*\s(rel="next")/g,
  ],
  assets: [/['"`](\/api\/v1\/[^'"`?]*)/g],
};

/** What only shows the same in another form. */
const NO_ACTIONS = new Set(['href="/api/v1/messages/${message.id}']);

/** Of all files, those without any left out. */
function actionsOf(folder: keyof typeof MARKS): readonly string[] {
  const names = readdirSync(join(HTTP, folder)).filter((name) => /\.(?:ts|js)$/.test(name) && !name.includes('.test.'));
  return names.flatMap((name) => {
    const code = readFileSync(join(HTTP, folder, name), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
    const found = MARKS[folder].flatMap((mark) => [...code.matchAll(mark)].map(([, as = '']) => as));
    return found.filter((as) => !NO_ACTIONS.has(as)).map((as) => `${folder}/${name}: ${as}`);
  });
}

test('every action that a page offers, and every call that its scripts make, is taken by a test in a browser', () => {
  const there = [...actionsOf('pages'), ...actionsOf('assets')];
  expect(there.length).toBeGreaterThan(50);
  expect(ACTIONS.map(({ of, as }) => `${of}: ${as}`).toSorted()).toEqual(there.toSorted());
});

test('every page is opened by the tests of all pages', () => {
  const nothing = new Proxy({}, { get: () => () => undefined });
  const there = allPages(nothing as RouteNeeds).map(({ path }) => path.replaceAll(/\{\w+\}/g, '…'));
  // One that has a name of its own is come to by a link.
  const opened = PAGES.map(({ path, by }) => (by === undefined ? path.replace('/one', '/…') : '/messages/…'));
  expect(opened.toSorted()).toEqual(there.toSorted());
});

test('what was done is told from what was not', () => {
  const deeds = [
    { at: '/exits', what: 'POST /api/v1/egress/one/pause', fields: ['reason'] },
    { at: '/policy/wizard', what: 'click do next', fields: [] },
  ];
  const done = (wanted: string): boolean => wasDone(wanted, deeds);
  expect(done('POST /api/v1/egress/{name}/pause reason @/exits')).toBe(true);
  expect(done('click do next')).toBe(true);
  expect(done('click do')).toBe(true);
  for (const other of [
    'POST /api/v1/egress/{name}',
    'POST /api/v1/egress/{name}/resume',
    'DELETE /api/v1/egress/{name}/pause',
    'POST /api/v1/egress/{name}/pause until',
    'POST /api/v1/egress/{name}/pause reason @/exits/',
    'click do back',
    'click d',
  ])
    expect([other, done(other)]).toEqual([other, false]);
});
