import { expect, test } from 'vitest';
import { openAccessRig } from '../../../tests/fakes/access-rig.ts';
import { addTo, emptyCell, placeOf } from '../../report/rollups/figures.ts';
import { rowText } from '../../report/rollups/row.ts';
import { rowName } from '../../report/rollups/row-names.ts';
import { DIMENSIONS } from '../../report/rollups/stretch.ts';

test('figures, tables and reports are told over HTTP; what makes no sense is said with its place', async () => {
  await using relay = await openAccessRig();
  relay.rig.clock.jumpMs(30_000);
  const minuteMs = Math.floor(relay.rig.clock.nowMs() / 60_000) * 60_000;
  const cell = emptyCell();
  for (const [figure, amount] of [
    ['accepted', 4],
    ['delivered', 3],
    ['bounced', 1],
    ['unknownUser', 1],
  ] as const)
    addTo(cell, placeOf(figure), amount);
  const text = (name: string): string => rowText(new Map([[name, cell]]));
  await relay.spool.marks.mark(
    (['minute', 'hour', 'day'] as const).flatMap((level) =>
      DIMENSIONS.map((dimension) => ({
        name: rowName({
          dimension,
          level,
          startsAtMs: level === 'minute' ? minuteMs : minuteMs - (minuteMs % 86_400_000),
          node: 'a',
        }),
        text: text(dimension === 'all' ? 'all' : `${dimension}-1`),
        atMs: minuteMs,
      })),
    ),
  );
  const { token } = await relay.issue('create', 'reader', '--scopes', 'read');
  const get = async (path: string) => {
    const answer = await relay.get(`/api/v1/${path}`, token);
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };
  const value = async (path: string): Promise<unknown> => JSON.parse((await get(path)).text);

  expect(await value('stats/series?what=delivered,success&by=client&from=10m&step=1m')).toMatchObject({
    stepMs: 60_000,
    series: [
      { name: 'client-1', figure: 'delivered', values: expect.arrayContaining([0, 3]) },
      { name: 'client-1', figure: 'success', values: expect.arrayContaining([null, 0.75]) },
    ],
  });
  expect(await value('stats/series?what=delivered')).toMatchObject({ stepMs: 60_000, series: [{ name: 'all' }] });
  expect(await value('stats/table?by=exit&from=1h')).toMatchObject({
    rows: [{ name: 'exit-1', figures: { accepted: 4, delivered: 3 }, success: 0.75 }],
    total: { name: 'all' },
  });
  expect(await value('reports/bounces?from=1h')).toMatchObject({
    reasons: [{ name: 'reason-1', figures: { bounced: 1 } }],
  });
  const csv = await get('reports/bounces?from=1h&format=csv');
  expect([csv.status, csv.type]).toEqual([200, 'text/csv; charset=utf-8']);
  expect(csv.text).toContain('\r\ndestination,destination-1,1,0,');
  expect((await get('reports/traffic?from=1h&format=csv')).text).toMatch(/^by,name,accepted,/);
  expect((await get('reports/costs?format=csv')).text).toMatch(/^month,by,name,count,/);
  expect(await value('reports/costs?month=2025-02')).toMatchObject({ month: '2025-02' });

  // However far it goes, it ends with what there is.
  for (const path of ['stats/table?from=0&to=99999999999', 'stats/series?what=queue&from=0&to=2999-01-01T00:00:00Z'])
    expect((await get(path)).status, path).toBe(200);

  for (const [path, place] of [
    ['stats/series?what=delivered,nothing', 'what.1'],
    ['stats/series', 'what'],
    ['stats/series?what=delivered&by=weather', 'by'],
    ['stats/series?what=delivered&step=2m', 'step'],
    ['stats/table?from=yesterday', 'from'],
    ['stats/table?limit=0', 'limit'],
    ['reports/bounces?format=pdf', 'format'],
    ['reports/costs?month=2026-13', 'month'],
  ] as const) {
    const answer = await get(path);
    expect(answer.status, path).toBe(400);
    expect(JSON.parse(answer.text), path).toMatchObject({ errors: [{ in: 'query', path: place }] });
  }
  const { token: other } = await relay.issue('create', 'sender', '--scopes', 'submit');
  expect((await relay.get('/api/v1/stats/table', other)).status).toBe(403);
});
