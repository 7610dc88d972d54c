import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Event } from '../../message/event.ts';
import { openPolicyHolder, type PolicyHolder } from '../../policy/holder.ts';
import type { Policy } from '../../policy/schema.ts';
import { systemClock } from '../../system.ts';
import type { PolicyOperations } from './policy-operations.ts';
import { recordPolicies, type PolicyRecord } from './record.ts';
import { etagOf, PolicyVersions } from './versions.ts';
import { relayPolicy } from './relay-policy.ts';

const FIRST = `hostname: relay.example.com # our own name
clients:
  shop: { networks: [192.0.2.0/24], senders: ['*@example.com'] }   # the web shop
`;
const SECOND = FIRST.replace('relay.example.com', 'mail.example.com');
const BROKEN = `${FIRST}limits:\n  recipients: many\n`;
const ANA = { etag: null, by: { kind: 'user', name: 'ana' }, comment: 'new name' } as const;

let folder: string;
let file: string;
let things: AsyncDisposableStack;
let holder: PolicyHolder;
let record: PolicyRecord;
let policies: PolicyOperations;
let refusal: readonly string[];
const events: Event[] = [];

beforeEach(async () => {
  things = new AsyncDisposableStack();
  folder = mkdtempSync(join(tmpdir(), 'relevo-policy-'));
  things.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  mkdirSync(join(folder, 'config'));
  mkdirSync(join(folder, 'data'));
  file = join(folder, 'config/relevo.yaml');
  writeFileSync(file, FIRST, { mode: 0o640 });
  events.length = 0;
  refusal = [];
  const onApply = async (next: Policy) => (next.hostname === 'mail.example.com' ? refusal : []);
  const emit = (event: Event): void => void events.push(event);
  const opened = await openPolicyHolder({ file, env: {}, clock: systemClock, emit, onApply });
  if (opened.kind === 'refused') throw new Error('refused');
  holder = things.use(opened.holder);
  const versions = new PolicyVersions(join(folder, 'data'));
  record = things.use(recordPolicies({ holder, versions, clock: systemClock, emit }));
  const own = { policyFile: file, shownPolicyFile: file, env: {}, canSendFrom: async () => true };
  policies = relayPolicy({ ...own, holder, versions, record });
  await record.kept();
});
afterEach(() => things.disposeAsync());

const inFile = (): string => readFileSync(file, 'utf8');

test('what is in force at the start is the first version, by hand', async () => {
  expect(await policies.versions()).toMatchObject([
    { id: 1, by: { kind: 'file' }, what: 'edit', etag: etagOf(FIRST), version: holder.state().version },
  ]);
  expect(await policies.file()).toMatchObject({
    text: FIRST,
    isValid: true,
    inForce: holder.state().version,
    notWritable: null,
  });
});

test('an edit is written byte for byte, in force at once, and kept with who made it', async () => {
  const text = `${SECOND}# ñ – kept\r\n`;
  const put = await policies.put({ ...ANA, etag: etagOf(FIRST), text });
  expect(put).toMatchObject({ kind: 'written', relay: 'in-force', isSame: false, etag: etagOf(text) });
  expect(inFile()).toBe(text);
  expect(statSync(file).mode & 0o777).toBe(0o640);
  expect(holder.current().hostname).toBe('mail.example.com');
  expect((await policies.versions())[0]).toMatchObject({ id: 2, by: ANA.by, comment: 'new name', what: 'edit' });
  expect(put.kind === 'written' && put.changes).toEqual([
    { key: 'hostname', from: 'relay.example.com', to: 'mail.example.com' },
  ]);
});

test('an edit of a text that is not there any more changes nothing, and is told what others did and what it would do', async () => {
  await policies.put({ ...ANA, text: SECOND });
  const mine = FIRST.replace('web shop', 'shop');
  const put = await policies.put({ ...ANA, etag: etagOf(FIRST), text: mine });
  expect(put).toMatchObject({ kind: 'stale', etag: etagOf(SECOND) });
  if (put.kind !== 'stale') throw new Error(put.kind);
  expect(put.theirs?.unified).toContain('+hostname: mail.example.com');
  expect(put.mine.unified).toContain('-hostname: mail.example.com');
  expect(inFile()).toBe(SECOND);
});

test('of two edits of one text at once, one is made and the other is stale', async () => {
  const texts = [SECOND, FIRST.replace('web shop', 'shop')];
  const puts = await Promise.all(texts.map((text) => policies.put({ ...ANA, etag: etagOf(FIRST), text })));
  expect(puts.map(({ kind }) => kind)).toEqual(['written', 'stale']);
  expect(inFile()).toBe(SECOND);
});

test('a bad policy is refused with its line, and nothing is written', async () => {
  const put = await policies.put({ ...ANA, text: BROKEN });
  expect(put).toMatchObject({ kind: 'refused', problems: [{ line: 5, column: 15, path: 'limits.recipients' }] });
  expect(inFile()).toBe(FIRST);
  expect(events.filter(({ event }) => event === 'policy-refused')).toEqual([]);
  expect(await policies.versions()).toHaveLength(1);
});

test('what the relay does not take up is put back', async () => {
  refusal = ['spool: cannot change while the relay runs: restart it'];
  const put = await policies.put({ ...ANA, text: SECOND });
  expect(put).toMatchObject({ kind: 'not-taken', problems: [{ line: null, text: refusal[0] }] });
  expect(inFile()).toBe(FIRST);
  expect(holder.state().problems).toEqual([]);
  expect(holder.current().hostname).toBe('relay.example.com');
  expect(await policies.versions()).toHaveLength(1);
  expect(readdirSync(join(folder, 'data/policy-versions'))).toEqual(['000001.json.gz']);
});

test('a file that was edited by hand becomes a version within a second', async () => {
  const applied = new Promise<void>((resolve) => void holder.subscribe(() => resolve()));
  writeFileSync(`${file}.new`, SECOND);
  renameSync(`${file}.new`, file);
  await applied;
  await record.kept();
  expect((await policies.versions()).map(({ id, by }) => [id, by.kind])).toEqual([
    [2, 'file'],
    [1, 'file'],
  ]);
});

test('a rollback puts an older text in force again, as a version of its own', async () => {
  await policies.put({ ...ANA, text: SECOND });
  const before = Date.now();
  expect(await policies.rollback({ ...ANA, id: 1, comment: 'it was better' })).toMatchObject({ kind: 'written' });
  expect(Date.now() - before).toBeLessThan(1_000);
  expect([inFile(), holder.current().hostname]).toEqual([FIRST, 'relay.example.com']);
  expect((await policies.versions())[0]).toMatchObject({ id: 3, what: 'rollback to 1', comment: 'it was better' });
  await expect(policies.rollback({ ...ANA, id: 9 })).rejects.toThrow('there is no version 9');
});

test('a preset that lacks its servers is refused; one that has them changes its line alone', async () => {
  expect(await policies.preset({ ...ANA, name: 'starter' })).toMatchObject({ kind: 'refused' });
  expect(await policies.preset({ ...ANA, name: null })).toMatchObject({ kind: 'written' });
  expect(inFile()).toBe(`${FIRST}preset: null\n`);
});

test('versions are for the owner alone, and the oldest go', async () => {
  const versions = new PolicyVersions(join(folder, 'data'));
  for (let number = 0; number < 103; number++)
    await versions.record({ text: `hostname: n${number}.test\n`, version: 'v', atMs: number });
  const kept = await versions.list();
  expect([kept.length, kept[0]?.id, kept.at(-1)?.id]).toEqual([100, 104, 5]);
  const modes = readdirSync(join(folder, 'data/policy-versions')).map(
    (name) => statSync(join(folder, 'data/policy-versions', name)).mode & 0o777,
  );
  expect(new Set(modes)).toEqual(new Set([0o600]));
  expect(statSync(join(folder, 'data/policy-versions')).mode & 0o777).toBe(0o700);
});

test('a version that cannot be read any more is left out', async () => {
  await policies.put({ ...ANA, text: SECOND });
  writeFileSync(join(folder, 'data/policy-versions/000001.json.gz'), 'torn');
  expect((await new PolicyVersions(join(folder, 'data')).list()).map(({ id }) => id)).toEqual([2]);
});

test('versions that cannot be kept do not keep a policy from coming into force', async () => {
  rmSync(join(folder, 'data/policy-versions'), { recursive: true });
  writeFileSync(join(folder, 'data/policy-versions'), 'in the way');
  const applied = new Promise<void>((resolve) => void holder.subscribe(() => resolve()));
  writeFileSync(file, SECOND);
  await applied;
  await record.kept();
  expect(holder.current().hostname).toBe('mail.example.com');
  expect(events).toContainEqual(expect.objectContaining({ event: 'failed', where: 'policy versions' }));
});

test.skipIf(process.getuid?.() === 0)('a file that cannot be written is left, and the reason told', async () => {
  chmodSync(join(folder, 'config'), 0o500);
  const put = await policies.put({ ...ANA, text: SECOND });
  chmodSync(join(folder, 'config'), 0o700);
  expect(put).toMatchObject({ kind: 'not-writable' });
  expect(inFile()).toBe(FIRST);
});

test('values of secrets are in no list of changes', async () => {
  const secret = `${FIRST}egress:\n  cloud: { type: sendgrid, apiKeys: [SG.first] }\nalerts: { to: ["https://chat.example/hook/abc"] }\n`;
  const { changes } = await policies.diff(null, secret);
  expect(JSON.stringify(changes)).not.toMatch(/SG\.first|hook\/abc/);
  expect(JSON.stringify(changes)).toContain('(not shown)');
});
