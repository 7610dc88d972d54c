import { html } from 'hono/html';
import { expect, test } from 'vitest';
import type { Page, PageAsk } from '../page.ts';
import { createFrame, type Notices } from './frame.ts';

const page = (path: string, name: string | null): Page => ({
  path,
  scope: 'read',
  nav: name === null ? null : { order: 1, name: { en: name, es: name } },
  render: async () => ({ title: '', main: html`` }),
});
const [home, exits, exit] = [page('/', 'Home'), page('/exits', 'Exits'), page('/exits/{name}', null)];
const HOSTILE = '</title><script>alert(1)</script>"';

async function documentOf(of: { ask?: Partial<PageAsk>; notices?: Partial<Notices>; scripts?: string[] } = {}) {
  const layout = createFrame({
    asset: (name) => `/assets/v/${name}`,
    notices: async () => ({ alerts: [], policyProblems: [], notReady: [], ...of.notices }),
  });
  const ask: PageAsk = {
    principal: { kind: 'user', name: 'ana', scopes: ['read'], peer: '' },
    params: { name: 'a/b' },
    query: new URLSearchParams({ q: HOSTILE }),
    language: 'en',
    nowMs: 0,
    csrf: 'token',
    ...of.ask,
  };
  const body = { title: HOSTILE, main: html`<p>main</p>`, scripts: of.scripts ?? [] };
  return String(await layout({ ask, page: exit, body, nav: [home, exits] }));
}

test('titles, addresses and notices are text, whatever they are', async () => {
  const text = await documentOf({
    notices: { alerts: [{ name: 'a', text: HOSTILE }], policyProblems: [HOSTILE, HOSTILE], notReady: [HOSTILE] },
    ask: { principal: { kind: 'user', name: HOSTILE, scopes: [], peer: '' }, csrf: HOSTILE },
  });
  expect(text).not.toContain('<script>');
  expect(text.match(/&lt;script&gt;alert/g)?.length).toBeGreaterThan(6);
  expect(text.match(/<script /g)).toHaveLength(3);
  expect(text).not.toMatch(/ style=| on[a-z]+=|<style/);
});

test('a page below another is marked as that one, and the other language leads to the same place', async () => {
  const text = await documentOf();
  expect(text).toMatch(/<a href="\/exits"\s+aria-current="page">/);
  expect(text).not.toMatch(/<a href="\/"\s+aria-current/);
  const next = encodeURIComponent(`/exits/a%2Fb?${new URLSearchParams({ q: HOSTILE }).toString()}`);
  expect(text).toContain(`href="/language/es?next=${next}"`);
});

test('whoever is not known sees neither which pages there are nor what is amiss', async () => {
  const text = await documentOf({
    ask: { principal: { kind: 'user', name: '', scopes: [], peer: '' }, csrf: null },
    notices: { notReady: ['the disk is full'] },
  });
  expect(text).not.toMatch(/the disk is full|\/exits"|relevo-csrf|Sign out/);
  expect(text).toContain('<p>main</p>');
});

test('scripts come in the order in which they need each other', async () => {
  const text = await documentOf({ scripts: ['uplot.js', 'charts.js'] });
  const scripts = [...text.matchAll(/<script src="\/assets\/v\/([\w.]+)" defer>/g)].map(([, name]) => name);
  expect(scripts).toEqual(['page.js', 'forms.js', 'live.js', 'uplot.js', 'charts.js']);
  expect(text).toContain('/assets/v/uplot.css');
});
