import { describe, expect, test } from 'vitest';
import type { Suppression } from '../../spool/suppressions.ts';
import { exportFormat } from './export.ts';
import { entryOf, type ImportTerms, type RowResult } from './formats.ts';
import { ListError, rowsOf } from './rows.ts';

const NOW = Date.UTC(2026, 10, 1);
const TERMS: ImportTerms = { client: null, stream: null, isScoped: true, reason: null, keepMs: null, nowMs: NOW };

/** In pieces of so many characters, as a file is read. */
async function* inPieces(text: string, size = 7): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

async function read(
  text: string,
  terms: Partial<ImportTerms> = {},
): Promise<readonly (RowResult & { line: number })[]> {
  const results: (RowResult & { line: number })[] = [];
  for await (const row of rowsOf(inPieces(text)))
    results.push({ ...entryOf(row, { ...TERMS, ...terms }), line: row.line });
  return results;
}

async function entries(text: string, terms: Partial<ImportTerms> = {}): Promise<readonly Suppression[]> {
  const results = await read(text, terms);
  return results.flatMap((result) => (result.kind === 'entry' ? [result.entry] : []));
}

describe('the lists of providers', () => {
  const created = { atMs: 1_443_651_141_000, source: 'import', untilMs: null, client: null, stream: null };
  const ann = { address: 'ann@dest.example', ...created };

  test.each([
    [
      'SendGrid, bounces as JSON',
      '[{"created": 1443651141, "email": "Ann@dest.example", "reason": "550 5.1.1 no such user", "status": "5.1.1"}]',
      { ...ann, reason: 'hard-bounce', evidence: '5.1.1 550 5.1.1 no such user' },
    ],
    [
      'SendGrid, bounces as CSV',
      'status,reason,email,created\r\n5.1.1,"550 5.1.1 said ""no"", twice\nand more",ann@dest.example,1443651141\r\n',
      { ...ann, reason: 'hard-bounce', evidence: '5.1.1 550 5.1.1 said "no", twice and more' },
    ],
    [
      'SendGrid, invalid addresses',
      '[{"created":1443651141,"email":"ann@dest.example","reason":"Mail domain mentioned in email address is unknown"}]',
      { ...ann, reason: 'hard-bounce', evidence: 'Mail domain mentioned in email address is unknown' },
    ],
    [
      'SendGrid, spam reports',
      '[{"created":1443651141,"email":"ann@dest.example","ip":"192.0.2.1"}]',
      { ...ann, reason: 'complaint', evidence: '' },
    ],
    [
      'SendGrid, unsubscribes',
      'email,created\nann@dest.example,1443651141\n',
      { ...ann, reason: 'unsubscribe', evidence: '' },
    ],
    [
      'Mailgun, bounces as JSON',
      '{"items":[{"address":"ann@dest.example","code":"550","error":"No {such} \\"mailbox\\"","created_at":"Wed, 30 Sep 2015 22:12:21 UTC"}],"paging":{"next":"https://x"}}',
      { ...ann, reason: 'hard-bounce', evidence: '550 No {such} "mailbox"' },
    ],
    [
      'Mailgun, bounces as CSV',
      'address,code,error,created_at\nann@dest.example,550,No such mailbox,"Wed, 30 Sep 2015 22:12:21 UTC"\n',
      { ...ann, reason: 'hard-bounce', evidence: '550 No such mailbox' },
    ],
    [
      'Mailgun, complaints',
      '{"items":[{"address":"ann@dest.example","created_at":"Wed, 30 Sep 2015 22:12:21 UTC"}]}',
      { ...ann, reason: 'complaint', evidence: '' },
    ],
    [
      'Mailgun, unsubscribes',
      '{"items":[{"address":"ann@dest.example","tags":["*"],"created_at":"Wed, 30 Sep 2015 22:12:21 UTC"}]}',
      { ...ann, reason: 'unsubscribe', evidence: '["*"]' },
    ],
    [
      'Amazon SES, as its command prints',
      '{"SuppressedDestinationSummaries": [{"EmailAddress": "ann@dest.example", "Reason": "COMPLAINT", "LastUpdateTime": "2015-09-30T22:12:21+00:00"}], "NextToken": "x"}',
      { ...ann, reason: 'complaint', evidence: 'COMPLAINT' },
    ],
    [
      'Amazon SES, times as numbers',
      '{"SuppressedDestinationSummaries":[{"EmailAddress":"ann@dest.example","Reason":"BOUNCE","LastUpdateTime":1443651141.0}]}',
      { ...ann, reason: 'hard-bounce', evidence: 'BOUNCE' },
    ],
    [
      'Amazon SES, for its import',
      'ann@dest.example,BOUNCE\n',
      { ...ann, atMs: NOW, reason: 'hard-bounce', evidence: 'BOUNCE' },
    ],
    ['addresses alone', '\ufeffann@dest.example\n', { ...ann, atMs: NOW, reason: 'manual', evidence: '' }],
    [
      'addresses alone, with a header',
      'Email;Name\nann@dest.example;Ann\n',
      { ...ann, atMs: NOW, reason: 'manual', evidence: '' },
    ],
    [
      'an object a line',
      '{"email":"ann@dest.example","created":1443651141}\n',
      { ...ann, reason: 'unsubscribe', evidence: '' },
    ],
  ])('%s', async (_, text, entry) => {
    expect(await entries(text)).toEqual([entry]);
    expect(await read(text)).toHaveLength(1);
  });

  test('blocks say nothing of the address, and are left out unless a reason is given for them', async () => {
    const blocks =
      'status,reason,email,created\n' +
      '5.7.1,550 5.7.1 blocked using zen.spamhaus.org,ann@dest.example,1443651141\n' +
      '4.0.0,"421 4.7.28 unusual rate of mail",bob@dest.example,1443651141\n' +
      '5.1.1,550 5.1.1 no such user,cid@dest.example,1443651141\n';
    expect((await read(blocks)).map(({ kind }) => kind)).toEqual(['skipped', 'skipped', 'entry']);
    expect((await entries(blocks, { reason: 'manual' })).map(({ reason }) => reason)).toEqual([
      'manual',
      'manual',
      'manual',
    ]);
  });

  test('whom complaints and unsubscribes hold for must be said; bounces hold for all', async () => {
    const list = 'address,tags,created_at\nann@dest.example,*,2015-09-30\n';
    expect(await read(list, { isScoped: false })).toMatchObject([
      { kind: 'bad', line: 2, problem: expect.stringContaining('--stream') },
    ]);
    expect(await entries(list, { client: 'shop', stream: 'news' })).toMatchObject([{ client: 'shop', stream: 'news' }]);
    expect(await entries('ann@dest.example,BOUNCE\n', { isScoped: false, keepMs: 1_000 })).toMatchObject([
      { client: null, untilMs: NOW + 1_000 },
    ]);
  });
});

describe('what cannot be read', () => {
  test('is told by line, and the lines after it are read', async () => {
    const text =
      'email,created\nann@dest.example,1443651141\n\nnobody,1\n"bob@\ndest.example",1\ncid@dest.example,never\nd@dest.example,1\n';
    expect((await read(text)).map(({ line, kind }) => [line, kind])).toEqual([
      [2, 'entry'],
      [4, 'bad'],
      [5, 'bad'],
      [7, 'bad'],
      [8, 'entry'],
    ]);
    expect(await read('name,age\nx@y.example,3\n')).toMatchObject([{ kind: 'bad', line: 2 }]);
  });

  test.each([
    ['a quote without an end', 'email\n"ann@dest.example\n', 'line 2: a quote is not closed'],
    ['a list that was cut off', '[{"email":"ann@dest.example"', 'line 1: it ends in the middle'],
    ['what only looks like JSON', '\n[\n{email: 1}]', 'line 3: not JSON'],
    ['a line without an end', `email\n${'x'.repeat(70_000)}`, 'line 2: longer than 65536 characters'],
    ['an object without an end', `[{"a":"${'x'.repeat(70_000)}`, 'line 1: longer than 65536 characters'],
  ])('ends at %s', async (_, text, problem) => {
    await expect(read(text)).rejects.toThrow(new ListError(problem));
  });

  test('of nothing is nothing', async () => {
    for (const text of ['', '\n\n', '[]', '{}', '{"items":[]}'])
      expect((await read(text)).filter(({ kind }) => kind !== 'bad')).toEqual([]);
  });
});

test('what is exported is read again as it was', async () => {
  const all: Suppression[] = [
    {
      address: 'ann@dest.example',
      client: 'shop',
      stream: 'news',
      reason: 'unsubscribe',
      evidence: 'said "no", twice; or = more',
      source: 'one-click',
      atMs: NOW - 1_000,
      untilMs: null,
    },
    {
      address: '"odd, one"@dest.example',
      client: null,
      stream: null,
      reason: 'soft-bounces',
      evidence: '',
      source: 'bounce',
      atMs: NOW,
      untilMs: NOW + 5_000,
    },
  ];
  for (const name of ['csv', 'json']) {
    const { header, lineOf } = exportFormat(name)!;
    expect(await entries(header + all.map(lineOf).join(''))).toEqual(all);
  }
  const ses = exportFormat('ses')!;
  expect(all.map(ses.lineOf)).toEqual(['ann@dest.example,COMPLAINT\n', '"""odd, one""@dest.example",BOUNCE\n']);
  expect(all.map(exportFormat('mailgun-bounces')!.lineOf)[0]).toBeNull();
});

test('a spreadsheet finds no formula in what is exported, and all of it is read again as it was', async () => {
  const entryWith = (address: string, evidence: string): Suppression => ({
    address,
    client: null,
    stream: null,
    reason: 'hard-bounce',
    evidence,
    source: 'bounce',
    atMs: NOW,
    untilMs: null,
  });
  const all = [
    entryWith("=cmd|'/c!a0@dest.test", '=HYPERLINK("https://evil.test";"550 see here")'),
    entryWith('+ann@dest.test', "'=1+1"),
    entryWith("'bob@dest.test", '550 no such user'),
  ];
  const { header, lineOf } = exportFormat('csv')!;
  const text = header + all.map(lineOf).join('');
  expect(text).not.toMatch(/(?:^|[,"])[=+\-@]/m);
  expect(await entries(text)).toEqual(all);
  expect(await entries(all.map((one) => exportFormat('json')!.lineOf(one)).join(''))).toEqual(all);
  expect(exportFormat('sendgrid')!.lineOf(all[1]!)).toBe('+ann@dest.test\n');
});

test('a hundred thousand lines are read one at a time', async () => {
  let [given, taken] = [0, 0];
  async function* lines(): AsyncGenerator<string> {
    yield 'email,created\n';
    for (; given < 100_000; given += 100)
      yield Array.from({ length: 100 }, (_one, n) => `n${given + n}@dest.example,1443651141\n`).join('');
  }
  let ahead = 0;
  for await (const row of rowsOf(lines())) {
    taken += entryOf(row, TERMS).kind === 'entry' ? 1 : 0;
    ahead = Math.max(ahead, given - taken);
  }
  expect(taken).toBe(100_000);
  expect(ahead).toBeLessThanOrEqual(200);
});
