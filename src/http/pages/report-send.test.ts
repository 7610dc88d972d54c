import { expect, test } from 'vitest';
import { emptyCell, figuresOf } from '../../report/rollups/figures.ts';
import { bouncesPage, type BouncesNeeds } from './reports.ts';

async function shown(scopes: readonly string[], language: 'en' | 'es' = 'en'): Promise<string> {
  const total = { name: 'all', isRest: false, figures: figuresOf(emptyCell()), success: null, latencyMs: null };
  const operations = { table: async () => ({ fromMs: 0, toMs: 1, rows: [], total }) };
  const page = bouncesPage({ operations: operations as unknown as BouncesNeeds['operations'] });
  const principal = { kind: 'user', name: 'ana', scopes, peer: '192.0.2.1' };
  const ask = { principal, params: {}, query: new URLSearchParams(), language, nowMs: 1_000, csrf: 'x' };
  const { main } = await page.render(ask as unknown as Parameters<typeof page.render>[0]);
  return String(await main);
}

test('a report is sent from the page by whoever may operate, and by nobody else', async () => {
  const page = await shown(['read', 'operate']);
  expect(page).toContain('data-api="POST /api/v1/reports/send"');
  for (const every of ['day', 'week', 'month']) expect(page).toContain(`<option value="${every}">`);
  expect(page).toMatch(/<input\s+type="email"\s+name="to"\s+data-as="list"/);
  expect(await shown(['read', 'operate'], 'es')).toContain('Enviar por correo');
  expect(await shown(['read'])).not.toContain('reports/send');
});
