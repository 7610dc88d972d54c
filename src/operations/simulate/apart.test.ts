import { expect, test } from 'vitest';
import { passed, policyWith, EXITS, HOUR_MS } from '../../../tests/fakes/passed-mail.ts';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { loadText } from '../../../tests/fakes/policy-text.ts';
import { simulator } from './apart.ts';

const CANDIDATE = `hostname: a.test
clients: { shop: { senders: ['*@example.com'], networks: [192.0.2.0/24] } }
egress: { ip-1: { type: mx }, ip-2: { type: mx } }
routes: [{ name: all, use: [ip-2] }]
`;

test('mail that passed is replayed beside the relay, one simulation at a time, and what comes twice counts once', async () => {
  const clock = new FakeClock();
  const sinceMs = clock.nowMs() - HOUR_MS;
  const mail = [passed(sinceMs + 60_000), passed(sinceMs + 120_000)];
  const pages = [mail.slice(0, 1), mail];
  const traffic = async ({ after }: { readonly after: string | null }) => {
    const place = Number(after ?? 0);
    return { messages: pages[place] ?? [], next: place + 1 < pages.length ? String(place + 1) : null };
  };
  const operations = { traffic, exitPasts: async () => ({}) };
  const policy = () => policyWith({ egress: EXITS });
  const simulate = simulator({ operations, policy, load: (text) => loadText(text), clock });
  const { signal } = new AbortController();
  const first = simulate({ text: CANDIDATE, hours: 1, signal });
  await expect(simulate({ text: CANDIDATE, hours: 1, signal })).rejects.toThrow('another simulation is under way');
  const told = await first;
  if (told.kind !== 'simulated') throw new Error(told.kind);
  expect(told.simulation.messages).toBe(2);
  expect(told.simulation.candidate.exits).toContainEqual(expect.objectContaining({ egress: 'ip-2', count: 2 }));

  // Whoever asked is gone; the next may ask.
  const gone = new AbortController();
  const broken = simulate({ text: CANDIDATE, hours: 1, signal: gone.signal });
  gone.abort();
  await expect(broken).rejects.toThrow('the simulation was ended');
  expect(await simulate({ text: 'hostname: [', hours: 1, signal })).toMatchObject({
    kind: 'refused',
    problems: [{ line: 1 }],
  });
});
