import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { addClient, clientLine, removeClient, setClientPassword, setPreset } from './edit.ts';

const FILE = [
  '# The policy of the shop',
  'hostname: relay.example.com            # EHLO name',
  'clients:                               # who may send',
  '  shop:                                # the AUTH user name',
  '    password: "$scrypt$old"            # changed in May',
  '    senders: ["*@shop.example.com"]',
  '',
  '  # The hosts of the office',
  '  hosts: { networks: [10.0.0.0/24], senders: ["*"] }   # no AUTH',
  '',
  'log: { level: info }                   # JSON lines',
  '',
].join('\n');

function edited(result: ReturnType<typeof addClient>): string {
  if (result.kind !== 'edited') throw new Error(result.kind);
  return result.text;
}

test('a client is added below the others, and every other byte stays', () => {
  const text = edited(
    addClient(FILE, 'crm', { password: '$scrypt$new', senders: ['*@example.com'], stream: 'marketing' }),
  );
  const line = '  crm: { password: "$scrypt$new", senders: ["*@example.com"], stream: marketing }\n';
  expect(text).toBe(FILE.replace('# no AUTH\n', `# no AUTH\n${line}`));
});

test('a password is changed in its place', () => {
  expect(edited(setClientPassword(FILE, 'shop', '$scrypt$new'))).toBe(FILE.replace('$scrypt$old', '$scrypt$new'));
  expect(edited(setClientPassword(FILE, 'hosts', '$scrypt$new'))).toBe(
    FILE.replace('{ networks', '{ password: "$scrypt$new", networks'),
  );
});

test('a client is removed with what is written in it, and with nothing else', () => {
  const text = edited(removeClient(FILE, 'shop'));
  expect(text).toContain(
    'clients:                               # who may send\n\n  # The hosts of the office\n  hosts:',
  );
  expect(text).not.toContain('shop.example.com');
  const none = edited(removeClient(text, 'hosts'));
  expect(parse(none)).toEqual({ hostname: 'relay.example.com', clients: {}, log: { level: 'info' } });
  expect(none).toContain('# The hosts of the office');
});

test.each([
  ['no clients at all', 'hostname: a.test # x\n'],
  ['no line feed at the end', 'hostname: a.test # x'],
  ['an empty clients key', 'hostname: a.test # x\nclients: # none yet\nlog: {}\n'],
  ['empty clients', 'hostname: a.test # x\nclients: {} # none yet\nlog: {}\n'],
  ['clients on one line', 'hostname: a.test # x\nclients: { shop: { senders: ["*"] } }\n'],
  [
    'clients of deep indent',
    'hostname: a.test # x\nclients:\n      shop:\n          senders:\n          - "*"\nlog: {}\n',
  ],
  ['an anchor', 'hostname: a.test # x\nclients:\n  shop: &shop { senders: ["*"] }\n  crm: *shop\n'],
  ['CR LF', 'hostname: a.test # x\r\nclients:\r\n  shop: { senders: ["*"] }\r\n'],
])('a client can be added to a file with %s', (_, file) => {
  const before = parse(file) as { clients?: object };
  const text = edited(addClient(file, 'new', { networks: ['192.0.2.1'], senders: ['*'] }));
  expect(parse(text)).toEqual({
    ...before,
    clients: { ...before.clients, new: { networks: ['192.0.2.1'], senders: ['*'] } },
  });
  expect(text.startsWith('hostname: a.test # x')).toBe(true);
  const again = edited(removeClient(text, 'new'));
  expect(parse(again)).toEqual({ ...before, clients: before.clients ?? {} });
});

test('what is there already, or not at all, is said', () => {
  expect(addClient(FILE, 'shop', { senders: ['*'] })).toEqual({ kind: 'exists' });
  expect(setClientPassword(FILE, 'crm', 'x')).toEqual({ kind: 'missing' });
  expect(removeClient(FILE, 'crm')).toEqual({ kind: 'missing' });
  expect(removeClient('hostname: a.test\n', 'crm')).toEqual({ kind: 'missing' });
  expect(addClient('clients: [\n', 'crm', { senders: ['*'] })).toMatchObject({ kind: 'unreadable' });
  expect(addClient('- a list\n', 'crm', { senders: ['*'] })).toMatchObject({ kind: 'unreadable' });
});

test('whatever the name and the globs, the file means what was asked for', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);
  const glob = fc.string({ minLength: 1, unit: 'grapheme' });
  fc.assert(
    fc.property(
      fc.oneof(name, fc.constantFrom('yes', 'no', 'null', '1.5', '0x10', '1e3', 'true')),
      glob,
      (client, sender) => {
        fc.pre(client !== 'shop' && client !== 'hosts');
        const wanted = { password: '$scrypt$x', senders: [sender] };
        const text = edited(addClient(FILE, client, wanted));
        expect(parse(text).clients[client]).toEqual(wanted);
        expect(parse(`clients:\n${clientLine(client, wanted)}`)).toEqual({ clients: { [client]: wanted } });
        expect(edited(removeClient(text, client))).toBe(FILE);
      },
    ),
    { numRuns: 200 },
  );
});

test.each([
  ['at the end where there is none', 'a: 1\n', 'starter', 'a: 1\npreset: starter\n'],
  ['after a last line without its end', 'a: 1', 'starter', 'a: 1\npreset: starter\n'],
  ['in its place', '# x\npreset: starter   # why\nb: 2\n', 'business', '# x\npreset: business   # why\nb: 2\n'],
  ['for nothing', 'preset:\nb: 2\n', 'business', 'preset: business\nb: 2\n'],
  ['for nothing with a comment', 'preset:   # none\nb: 2\n', 'business', 'preset: business   # none\nb: 2\n'],
  ['for null', 'preset: null # none\n', 'business', 'preset: business # none\n'],
  ['for text in quotes', "preset: 'starter'\n", 'business', 'preset: business\n'],
  ['as null for none', 'preset: starter\n', null, 'preset: null\n'],
  ['in a flow map', '{ hostname: a, preset: starter }\n', 'business', '{ hostname: a, preset: business }\n'],
])('a preset is written %s', (_, before, name, after) => {
  expect(edited(setPreset(before, name))).toBe(after);
});

test('a preset is written into a policy in one pair of braces', () => {
  expect(parse(edited(setPreset('{ hostname: a }\n', 'starter')))).toEqual({ hostname: 'a', preset: 'starter' });
});
