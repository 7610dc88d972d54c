import { describe, expect, test } from 'vitest';
import { problemsIn } from '../../../tests/fakes/policy-text.ts';

describe('what would be unsafe or useless is refused', () => {
  const client = (networks: string) =>
    `hostname: a\nclients: { c: { networks: [${networks}], senders: ['*@example.com'] } }\n`;
  const openRelay = (text: string, widest: string) => `${text} makes an open relay: expected ${widest} or narrower`;
  test.each<[name: string, text: string, problems: string[]]>([
    ['every address', client('0.0.0.0/0'), [`2:28 clients.c.networks[0]: ${openRelay('0.0.0.0/0', '/8')}`]],
    ['every address of IPv6', client('"::/0"'), [`2:28 clients.c.networks[0]: ${openRelay('::/0', '/16')}`]],
    [
      'every address, in the clothes of IPv6',
      client('"::ffff:0:0/96"'),
      [`2:28 clients.c.networks[0]: ${openRelay('::ffff:0:0/96', '/8')}`],
    ],
    [
      'every address, in two halves',
      client('0.0.0.0/1, 128.0.0.0/1'),
      [
        `2:28 clients.c.networks[0]: ${openRelay('0.0.0.0/1', '/8')}`,
        `2:39 clients.c.networks[1]: ${openRelay('128.0.0.0/1', '/8')}`,
      ],
    ],
    [
      'one network for two clients',
      `${client('10.0.0.0/24').trimEnd().slice(0, -1)}, d: { networks: [10.0.0.0/24], senders: ['*'] } }`,
      ['2:89 clients.d.networks[0]: 10.0.0.0/24 is a network of client c already'],
    ],
    [
      'passwords in clear text over a network',
      'hostname: a\nlisten: [{ port: 2525, tls: none, auth: required }]\n',
      ['2:29 listen[0].tls: AUTH without TLS shows passwords to the network: it is only for a loopback address'],
    ],
    [
      'one port twice',
      'hostname: a\nlisten: [{ port: 587 }, { port: 25, auth: none }, { port: 587, address: 127.0.0.1 }]\n',
      ['2:59 listen[2].port: port 587 is taken by listen[0] already'],
    ],
    [
      'one port for mail and for HTTP',
      'hostname: a\nlisten: [{ port: 25, auth: none }, { port: 8080 }]\nhttp: { listen: "localhost:8080" }\n',
      ['3:17 http.listen: port 8080 is taken by listen[1] already'],
    ],
    [
      'one port for mail and for HTTP, which is not written',
      'hostname: a\nlisten: [{ port: 8080, address: 127.0.0.1 }]\n',
      ['1:1 http.listen: port 8080 is taken by listen[0] already'],
    ],
    [
      'resolvers at ports that there are not',
      'hostname: a\ndns: { servers: ["192.0.2.53:0", "[2001:db8::1]:65536", "192.0.2.53:65535", 192.0.2.53, "2001:db8::1"] }\n',
      [
        '2:18 dns.servers[0]: expected an address, or address:port, found "192.0.2.53:0"',
        '2:34 dns.servers[1]: expected an address, or address:port, found "[2001:db8::1]:65536"',
      ],
    ],
    [
      'no way out at all',
      'hostname: a\negress: { out: { type: mx, enabled: false } }\n',
      ['2:9 egress: no exit for route default: every egress that it may use is disabled'],
    ],
    [
      'a route without a way out',
      'hostname: a\negress: { o: { type: mx }, p: { type: mx, enabled: false } }\npools: { q: { members: [p] } }\nroutes:\n  - { name: r, match: { tld: mx }, use: [p, q] }\n  - { name: s, use: [o] }\n',
      ['5:41 routes[0].use: no exit for route r: every egress that it may use is disabled'],
    ],
    [
      'a name without its password',
      'hostname: a\negress: { o: { type: smtp, host: b, username: u } }\n',
      ['2:11 egress.o.password: is required: a username and a password go together'],
    ],
    [
      'trying again at once, for ever',
      'hostname: a\nretry: { delays: [1m, 0s] }\n',
      ['2:23 retry.delays[1]: expected more than 0s'],
    ],
    [
      'Redis nowhere',
      'hostname: a\nspool: { engine: redis }\n',
      ['2:18 spool.engine: needs one of url, sentinels and cluster: where Redis is'],
    ],
    [
      'Redis at two places',
      'hostname: a\nspool: { engine: redis, url: redis://127.0.0.1/0, cluster: [a:1] }\n',
      ['2:60 spool.cluster: is one too many beside url: only one of them can be'],
    ],
    [
      'a URL that is none of Redis, without showing it',
      'hostname: a\nspool: { engine: redis, url: "http://:secret@127.0.0.1" }\n',
      ['2:30 spool.url: expected redis://host:port/database, or rediss:// with TLS'],
    ],
    [
      'a database that has no number',
      'hostname: a\nspool: { engine: redis, url: redis://127.0.0.1/mail }\n',
      ['2:30 spool.url: expected no path after host and port but /database in spool.url'],
    ],
    [
      'sentinels that are not told what to look for, one of them nowhere',
      'hostname: a\nspool: { engine: redis, sentinels: [a:26379, "b:x"] }\n',
      [
        '2:36 spool.sentinels: need a name, too: what they call the server',
        '2:46 spool.sentinels[1]: expected redis://host:port/database, or rediss:// with TLS',
      ],
    ],
    [
      'what only sentinels need',
      'hostname: a\nspool: { engine: redis, cluster: [a:1], name: b, password: c }\n',
      [
        '2:47 spool.name: goes with sentinels only',
        '2:60 spool.password: goes with sentinels: with cluster it is part of the address',
      ],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsIn(text)).toEqual(problems);
  });

  test.each([
    ['loopback', 'hostname: a\nlisten: [{ port: 2525, address: 127.0.0.1, tls: none, auth: required }]\n'],
    ['HTTP at the port of another address', 'hostname: a\nlisten: [{ port: 8080, address: 192.0.2.1 }]\n'],
    ['loopback of IPv6', 'hostname: a\nlisten: [{ port: 2525, address: "::1", tls: none, auth: required }]\n'],
    [
      'one port on two addresses',
      'hostname: a\nlisten: [{ port: 25, address: 127.0.0.1 }, { port: 25, address: 127.0.0.2 }]\n',
    ],
    ['a whole /8', client('10.0.0.0/8')],
    [
      'a host in another client’s network',
      `${client('10.0.0.0/24').trimEnd().slice(0, -1)}, d: { networks: [10.0.0.7], senders: ['*'] } }`,
    ],
  ])('but not %s', (_, text) => {
    expect(problemsIn(text)).toEqual([]);
  });
});
