/** The policy's own `tests`: what must stay true of it, run on every load. Pure. */
import { domainOf, formatMailbox, parseMailbox } from '../message/address.ts';
import { type HeaderField, rawOf } from '../message/header.ts';
import { clientByName, senderAllowed, streamAndPriority, streamPriority, type Handling } from './admit.ts';
import { isBulk } from './bulk.ts';
import { exitsOf, intendedExitsOf, matchRoute, type RouteExit } from './match.ts';
import type { Path } from './problem.ts';
import { routedHeaders } from './routed-headers.ts';
import type { ClientPolicy, Policy } from './schema.ts';

type PolicyTest = Policy['tests'][number];
type Sample = PolicyTest['message'];

/** An expectation that does not hold. */
export type Failure = { readonly path: Path; readonly text: string };

type Verdict =
  | { readonly kind: 'refused'; readonly reason: string }
  | ({ readonly kind: 'accepted'; readonly route: string | null; readonly exits: readonly string[][] } & Handling);

/** Of a message without a size. */
const USUAL_SIZE_BYTES = 4096;

/** What does not hold, with the test's name, what was expected and what was found. */
export function runPolicyTests(policy: Policy): Failure[] {
  return policy.tests.flatMap((test, index) =>
    failuresOf(test, verdictOf(policy, test.message)).map(({ path, text }) => ({
      path: ['tests', index, ...path],
      text: `test "${test.name}": ${text}`,
    })),
  );
}

function failuresOf({ expect }: PolicyTest, verdict: Verdict): Failure[] {
  if (verdict.kind === 'refused') {
    if (expect.refused === true) return [];
    return [{ path: ['expect'], text: `expected the message to be accepted, found it refused: ${verdict.reason}` }];
  }
  if (expect.refused === true)
    return [{ path: ['expect', 'refused'], text: 'expected the message to be refused, found it accepted' }];
  const failures: Failure[] = [];
  for (const key of ['stream', 'priority', 'route'] as const) {
    const [wanted, found] = [expect[key], verdict[key]];
    if (wanted !== undefined && wanted !== found)
      failures.push({ path: ['expect', key], text: `expected ${key} ${wanted}, found ${found ?? 'none'}` });
  }
  const wanted = expect.egress?.join(', ');
  if (wanted !== undefined && !verdict.exits.some((exits) => exits.join(', ') === wanted)) {
    const found = verdict.exits[0]?.join(', ') ?? '';
    failures.push({
      path: ['expect', 'egress'],
      text: `expected egress ${listText(wanted)}, found ${listText(found)}`,
    });
  }
  return failures;
}

function verdictOf(policy: Policy, sample: Sample): Verdict {
  const recipient = parseMailbox(sample.to);
  if (recipient === null) return refused(`${JSON.stringify(sample.to)} is no address`);
  const named = sample.client === undefined ? null : clientByName(policy, sample.client);
  if (sample.client !== undefined && named === null) return refused(`there is no client ${sample.client}`);
  const client = named?.client ?? null;
  const sender = senderOf(sample, client);
  if (sender === null) return refused(`${JSON.stringify(sample.from)} is no address`);
  if (client !== null && sample.from !== undefined && !senderAllowed(client, sender))
    return refused(`${sample.client ?? ''} may not send as ${sample.from}`);
  const sizeBytes = sample.size ?? USUAL_SIZE_BYTES;
  const limitBytes = Math.min(policy.limits.messageSizeBytes, client?.messageSizeBytes ?? Number.POSITIVE_INFINITY);
  if (sizeBytes > limitBytes) return refused(`larger than ${limitBytes} bytes`);

  const handling = handlingOf(policy, { sample, client });
  const facts = {
    ...handling,
    client: sample.client ?? '',
    senderDomain: domainOf(sender),
    recipientDomain: recipient.domain,
    tag: sample.tag ?? null,
    sizeBytes,
    headers: routedHeaders(policy, fieldsOf(sample)) ?? {},
  };
  const route = matchRoute(policy, facts);
  if (route === null) return { kind: 'accepted', ...handling, route: null, exits: [] };
  // A test may name exits of later versions as well: what the policy means holds, although they are passed over yet.
  const exits = [exitsOf(policy, route, handling.stream), intendedExitsOf(policy, route, handling.stream)];
  return { kind: 'accepted', ...handling, route: route.name, exits: exits.map(namesOf) };
}

function fieldsOf({ header = {} }: Sample): HeaderField[] {
  return Object.entries(header).map(([name, value]) => ({
    name: name.toLowerCase(),
    raw: rawOf(`${name}: ${value}\r\n`),
  }));
}

/** '' is the null sender; null: no address. Of a client with one domain to send from, an address of that. */
function senderOf(sample: Sample, client: ClientPolicy | null): string | null {
  if (sample.from === '' || sample.from === '<>') return '';
  if (sample.from !== undefined) {
    const mailbox = parseMailbox(sample.from);
    return mailbox === null ? null : formatMailbox(mailbox);
  }
  const [only = '', ...others] = client?.senders ?? [];
  return others.length > 0 || domainOf(only).includes('*') ? '' : only;
}

function handlingOf(policy: Policy, { sample, client }: { sample: Sample; client: ClientPolicy | null }): Handling {
  const overrides = {
    stream: sample.stream ?? null,
    priority: sample.priority ?? null,
    isBulk: isBulk(fieldsOf(sample)),
  };
  if (client !== null) return streamAndPriority(policy, client, overrides);
  const stream = sample.stream ?? 'transactional';
  return { stream, priority: sample.priority ?? streamPriority(policy, stream) };
}

function namesOf(exits: readonly RouteExit[]): string[] {
  return exits.flatMap(({ egress }) => egress);
}

function listText(names: string): string {
  return names === '' ? 'none' : names;
}

function refused(reason: string): Verdict {
  return { kind: 'refused', reason };
}
