import { describe, expect, test } from 'vitest';
import { loaded } from '../../tests/fakes/policy-text.ts';
import { exitsOf, isUsable, matchRoute, type MessageFacts } from './match.ts';

const PLAIN: MessageFacts = {
  client: 'app',
  stream: 'transactional',
  priority: 'high',
  senderDomain: 'example.com',
  recipientDomain: 'mail.example.net',
  tag: null,
  sizeBytes: 4096,
};

describe('a condition', () => {
  test.each<[condition: string, facts: Partial<MessageFacts>, holds: boolean]>([
    ['recipientDomain: "*.test"', { recipientDomain: 'demo.test' }, true],
    ['recipientDomain: "*.test"', { recipientDomain: 'a.b.test' }, true],
    ['recipientDomain: "*.test"', { recipientDomain: 'test' }, false],
    ['recipientDomain: "*.test"', { recipientDomain: 'demo.test.example' }, false],
    ['recipientDomain: "*.TEST"', { recipientDomain: 'demo.test' }, true],
    ['recipientDomain: [a.example, b.example]', { recipientDomain: 'b.example' }, true],
    ['recipientDomain: bücher.example', { recipientDomain: 'xn--bcher-kva.example' }, true],
    ['recipientDomain: "*.bücher.example"', { recipientDomain: 'a.xn--bcher-kva.example' }, true],
    ['recipientDomain: example', { recipientDomain: 'xexample' }, false],
    ['recipientDomain: "*"', { recipientDomain: '[192.0.2.1]' }, true],
    ['recipientDomain: "[192.0.2.1]"', { recipientDomain: '[192.0.2.1]' }, true],
    ['senderDomain: "*.example.com"', { senderDomain: 'a.example.com' }, true],
    ['senderDomain: example.com', { senderDomain: '' }, false],
    ['tld: mx', { recipientDomain: 'correo.example.mx' }, true],
    ['tld: .mx', { recipientDomain: 'correo.example.mx' }, true],
    ['tld: .MX', { recipientDomain: 'mx' }, true],
    ['tld: mx', { recipientDomain: 'mx.example' }, false],
    ['tld: "1]"', { recipientDomain: '[192.0.2.1]' }, false],
    ['stream: "trans*"', {}, true],
    ['stream: marketing', {}, false],
    ['priority: high', {}, true],
    ['priority: [normal, low]', {}, false],
    ['client: [relevo, app]', {}, true],
    ['client: other', {}, false],
    ['tag: "campaign-*"', { tag: 'campaign-7' }, true],
    ['tag: "campaign-*"', { tag: null }, false],
    ['tag: "*"', { tag: null }, false],
    ['size: { min: 4KB }', { sizeBytes: 4096 }, true],
    ['size: { min: 4KB }', { sizeBytes: 4095 }, false],
    ['size: { max: 4KB }', { sizeBytes: 4096 }, true],
    ['size: { max: 4KB }', { sizeBytes: 4097 }, false],
    ['header: { List-Id: "*.news.example*" }', { headers: { 'list-id': 'News <a.news.example>' } }, true],
    ['header: { list-id: [a, b] }', { headers: { 'list-id': 'B' } }, true],
    ['header: { List-Id: "*" }', {}, false],
    ['header: { List-Id: "*", Precedence: bulk }', { headers: { 'list-id': 'a' } }, false],
    ['header: { constructor: "*" }', { headers: {} }, false],
    ['stream: transactional, priority: high, client: app', {}, true],
    ['stream: transactional, priority: low, client: app', {}, false],
  ])('%s on %j: %s', (condition, facts, holds) => {
    const { policy } = loaded(`
hostname: a
clients: { app: { networks: [10.0.0.1], senders: ['*'] }, other: { networks: [10.0.0.2], senders: ['*'] } }
routes: [{ name: special, match: { ${condition} }, use: [direct] }, { name: default, use: [direct] }]
`);
    expect(matchRoute(policy, { ...PLAIN, ...facts })?.name).toBe(holds ? 'special' : 'default');
  });
});

test('the first route that matches is taken, and none where none does', () => {
  const { policy } = loaded(
    'hostname: a\nroutes: [{ name: x, match: { tld: mx }, use: [direct] }, { name: y, match: { tld: "m*" }, use: [direct] }]\n',
  );
  expect(matchRoute(policy, { ...PLAIN, recipientDomain: 'a.mx' })?.name).toBe('x');
  expect(matchRoute(policy, { ...PLAIN, recipientDomain: 'a.mm' })?.name).toBe('y');
  expect(matchRoute(policy, PLAIN)).toBeNull();
});

describe('the exits of a route', () => {
  const { policy } = loaded(`
hostname: a
egress:
  one: { type: mx }
  two: { type: smtp, host: b, streams: [marketing] }
  off: { type: mx, enabled: false }
  grid: { type: sendgrid, apiKeys: [k] }
  box: { type: sandbox }
pools: { own: { members: [off, one, two] }, cloud: { members: [grid] }, off-duty: { members: [off] } }
routes:
  - { name: all, use: [own, cloud, box, off, off-duty] }
`);
  const [route] = policy.routes;
  if (route === undefined) throw new Error('no route');

  test('are those that can be used, in order, pools with their members', () => {
    expect(exitsOf(policy, route)).toEqual([
      { pool: 'own', egress: ['one', 'two'] },
      { pool: 'cloud', egress: ['grid'] },
      { pool: null, egress: ['box'] },
    ]);
  });

  test('are those that carry the stream', () => {
    expect(exitsOf(policy, route, 'transactional')[0]).toEqual({ pool: 'own', egress: ['one'] });
    expect(exitsOf(policy, route, 'marketing')[0]).toEqual({ pool: 'own', egress: ['one', 'two'] });
  });

  test.each([
    ['one', true],
    ['off', false],
    ['grid', true],
    ['own', false],
    ['nothing', false],
    ['constructor', false],
  ])('%s can be used: %s', (name, isUsableNow) => {
    expect(isUsable(policy, name)).toBe(isUsableNow);
  });
});
