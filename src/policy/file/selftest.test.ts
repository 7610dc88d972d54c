import { describe, expect, test } from 'vitest';
import { problemsIn } from '../../../tests/fakes/policy-text.ts';

const POLICY = `hostname: relay.example
limits: { messageSize: 1MB }
streams: { transactional: { priority: high }, marketing: { priority: low }, news: { unsubscribe: required } }
clients:
  shop: { networks: [10.0.0.1], senders: ['*@shop.example.com'] }
  crm: { networks: [10.0.0.2], senders: ['*@example.com', '*@crm.example'], stream: marketing, messageSize: 10KB }
egress: { ip-1: { type: mx }, up: { type: smtp, host: b }, off: { type: mx, enabled: false }, grid: { type: sendgrid, apiKeys: [k] }, box: { type: sandbox } }
pools: { owned: { members: [ip-1, off, up] }, cloud: { members: [grid] }, world: { members: [{ egress: box, weight: 3 }, owned], strategy: random } }
routes:
  - { name: trial, match: { recipientDomain: '*.test' }, use: [box] }
  - { name: bulk, match: { stream: marketing }, use: [owned, cloud] }
  - { name: own, match: { senderDomain: shop.example.com }, use: [ip-1] }
  - { name: large, match: { size: { min: 100KB } }, use: [up] }
  - { name: tagged, match: { tag: x }, use: [up, box] }
  - { name: lists, match: { header: { list-id: '*.news.example*' } }, use: [world] }
tests:
`;

const ONE_CLICK = 'List-Unsubscribe: "<https://x.example/u>", List-Unsubscribe-Post: List-Unsubscribe=One-Click';

/** What the policy says to one test that is written on its last line. */
function outcome(message: string, expectation: string): string[] {
  const problems = problemsIn(`${POLICY}  - { name: it holds, message: { ${message} }, expect: { ${expectation} } }\n`);
  for (const problem of problems) expect(problem).toMatch(/^17:\d+ tests\[0\]\.expect/);
  return problems.map((problem) => problem.replace(/^\S+ (tests\[0\]\.expect\.?\w*): test "it holds": /, ''));
}

describe('what holds', () => {
  test.each([
    ['client: shop, to: a@b.example', 'route: own, priority: high, stream: transactional, egress: [ip-1]'],
    ['client: shop, from: x@shop.example.com, to: a@b.example', 'route: own'],
    ['client: shop, from: "<>", to: a@b.example, size: 200KB', 'route: large'],
    ['client: shop, to: a@b.test', 'route: trial, egress: [box]'],
    ['client: crm, to: a@b.example', 'stream: marketing, priority: low, egress: [ip-1, up, grid]'],
    ['client: crm, to: a@b.example, stream: transactional, tag: x', 'route: tagged, egress: [up, box]'],
    ['client: crm, to: a@b.example, priority: high', 'route: bulk, priority: high'],
    [
      'to: a@b.example, header: { List-Id: "Offers <offers.news.example.com>" }',
      'route: lists, egress: [box, ip-1, up]',
    ],
    ['client: shop, to: a@b.test, header: { Precedence: bulk }', 'stream: marketing, route: trial'],
    ['to: a@b.example, tag: x', 'route: tagged, stream: transactional'],
    ['client: shop, from: x@example.com, to: a@b.example', 'refused: true'],
    ['client: shop, from: nonsense, to: a@b.example', 'refused: true'],
    ['client: stranger, to: a@b.example', 'refused: true'],
    ['client: shop, to: nobody', 'refused: true'],
    ['client: shop, to: a@b.example, size: 2MB', 'refused: true'],
    ['client: crm, to: a@b.example, size: 11KB', 'refused: true'],
    ['client: crm, to: a@b.example', 'refused: false'],
    ['client: crm, to: a@b.example, stream: news', 'refused: true'],
    [`client: crm, to: a@b.example, stream: news, header: { ${ONE_CLICK} }`, 'stream: news, refused: false'],
    [
      'client: crm, to: a@b.example, stream: news, header: { List-Unsubscribe: "<https://x.example/u>" }',
      'refused: true',
    ],
  ])('{ %s } → { %s }', (message, expectation) => {
    expect(outcome(message, expectation)).toEqual([]);
  });
});

describe('what does not hold is told with what was expected and what was found', () => {
  test.each([
    ['client: shop, to: a@b.example', 'route: bulk', ['expected route bulk, found own']],
    [
      'client: crm, to: a@b.example',
      'route: trial, priority: high, stream: transactional, egress: [up, ip-1]',
      [
        'expected route trial, found bulk',
        'expected priority high, found low',
        'expected stream transactional, found marketing',
        'expected egress up, ip-1, found ip-1, up, grid',
      ],
    ],
    [
      'to: a@b.example',
      'route: bulk, egress: [box]',
      ['expected route bulk, found none', 'expected egress box, found none'],
    ],
    ['client: shop, to: a@b.example', 'refused: true', ['expected the message to be refused, found it accepted']],
    [
      'client: shop, from: x@example.com, to: a@b.example',
      'route: own',
      ['expected the message to be accepted, found it refused: shop may not send as x@example.com'],
    ],
    [
      'client: shop, to: nobody',
      'route: own',
      ['expected the message to be accepted, found it refused: "nobody" is no address'],
    ],
    [
      'client: crm, to: a@b.example, size: 11KB',
      'route: bulk',
      ['expected the message to be accepted, found it refused: larger than 10240 bytes'],
    ],
  ])('{ %s } → { %s }', (message, expectation, failures) => {
    expect(outcome(message, expectation)).toEqual(failures);
  });

  test('every failing test, each at its line', () => {
    const text = `${POLICY}  - name: first\n    message: { client: shop, to: a@b.example }\n    expect:\n      priority: low\n  - { name: second, message: { client: shop, to: a@b.test }, expect: { route: own } }\n`;
    expect(problemsIn(text)).toEqual([
      '20:17 tests[0].expect.priority: test "first": expected priority low, found high',
      '21:79 tests[1].expect.route: test "second": expected route own, found trial',
    ]);
  });
});
