import { describe, expect, test } from 'vitest';
import { problemsIn } from '../../../tests/fakes/policy-text.ts';

describe('names of nothing', () => {
  test.each<[name: string, text: string, problems: string[]]>([
    [
      'a pool with the name of an egress',
      'hostname: a\negress: { out: { type: mx } }\npools: { out: { members: [out] } }\n',
      ['3:10 pools.out: an egress has this name too: a route could mean either'],
    ],
    [
      'members that are neither an egress nor a pool, with a weight or without',
      'hostname: a\npools:\n  p: { members: [drect] }\n  q: { members: [p, { egress: x, weight: 2 }] }\n',
      [
        '3:18 pools.p.members[0]: no egress or pool is named "drect", did you mean "direct"?',
        '4:31 pools.q.members[1].egress: no egress or pool is named "x", did you mean "p"?',
      ],
    ],
    [
      'a member twice',
      'hostname: a\npools:\n  p:\n    members:\n      - direct\n      - { egress: direct }\n',
      ['6:19 pools.p.members[1].egress: is a member already on line 5: give it a weight'],
    ],
    [
      'a pool in itself',
      'hostname: a\npools:\n  p: { members: [direct, p] }\n',
      ['3:26 pools.p.members[1]: pool p is in itself'],
    ],
    [
      'pools in one another, told once with both places',
      'hostname: a\npools:\n  p: { members: [direct, q] }\n  q: { members: [r] }\n  r: { members: [direct, p] }\n',
      ['3:26 pools.p.members[1]: pool p is in itself, by way of q: r on line 4, p on line 5'],
    ],
    [
      'a stream of an egress',
      'hostname: a\negress: { out: { type: mx, streams: [bulk] } }\n',
      ['2:38 egress.out.streams[0]: no stream is named "bulk"; there are transactional, marketing'],
    ],
    [
      'a client of a webhook',
      'hostname: a\nclients: { shop: { networks: [10.0.0.1], senders: ["*"] } }\nwebhooks: [{ url: "https://a.test", secret: s, events: [bounced], clients: [shop, relevo, shopp] }]\n',
      ['3:91 webhooks[0].clients[2]: no client is named "shopp", did you mean "shop"?'],
    ],
    [
      'the default stream, where there is none of that name',
      "hostname: a\nstreams: { mail: {} }\nclients: { c: { networks: [10.0.0.1], senders: ['*'] } }\n",
      ['3:12 clients.c.stream: is required where there is no stream "transactional", which is the default'],
    ],
    [
      'one domain in two spellings',
      'hostname: a\ndomains:\n  bücher.example: {}\n  XN--bcher-kva.example: {}\n',
      ['4:3 domains."XN--bcher-kva.example": duplicate domain, first on line 3'],
    ],
    [
      'the relay’s own name',
      "hostname: a\nclients: { relevo: { networks: [10.0.0.1], senders: ['*'] } }\n",
      ['2:20 clients.relevo: this name is the relay’s own: take another'],
    ],
    [
      'a route named by a variable, whose value would be told with every mistake',
      'hostname: a\nroutes: [{ name: "${SMTP_HOST_1}", use: [nowhere] }]\ntests: [{ name: t, message: { from: a@a.example, to: b@b.example }, expect: { route: other } }]\n',
      [
        '2:18 routes[0].name: the environment variable SMTP_HOST_1 is not set',
        '2:18 routes[0].name: a name is written out, without variables',
        '2:42 routes[0].use[0]: no pool or egress is named "nowhere"; there are direct',
        '3:86 tests[0].expect.route: no route is named "other"',
      ],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsIn(text)).toEqual(problems);
  });

  test('a pool may be in several pools', () => {
    const text = 'hostname: a\npools:\n  p: { members: [direct] }\n  q: { members: [p] }\n  r: { members: [p, q] }\n';
    expect(problemsIn(text)).toEqual([]);
  });

  test('a route may speak of the relay’s own mail, and of clients by pattern', () => {
    const text =
      'hostname: a\nroutes: [{ name: r, match: { client: [relevo, "x-*"] }, use: [direct] }, { name: s, use: [direct] }]\n';
    expect(problemsIn(text)).toEqual([]);
  });
});
