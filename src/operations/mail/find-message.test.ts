import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { aSubmission, takenBy } from '../../../tests/fakes/submission.ts';

test('a message is found by what a provider calls it and by its Message-ID; of several there is a list', async () => {
  using rig = new CliRig();
  const submissions = [1, 2, 3].map((n) =>
    aSubmission({
      atMs: rig.clock.nowMs(),
      to: [`n${n}@one.test`],
      terms: { messageIdHeader: n === 3 ? '<three@shop.example>' : '<same@shop.example>' },
    }),
  );
  {
    await using spool = await rig.openSpool();
    for (const submission of submissions) await spool.accept(submission);
    const nowMs = rig.clock.nowMs();
    const { leased } = await spool.claim({ nowMs, leaseUntilMs: nowMs + 9, limit: 9, perLane: 9, exclude: [] });
    for (const one of leased) {
      const n = submissions.findIndex(({ message }) => message.id === one.delivery.messageId) + 1;
      await spool.settle(takenBy(one, `<20261122.${n}@mg.example> batch`, { atMs: nowMs }));
    }
  }
  const shown = async (text: string) => JSON.parse((await rig.run(['message', text, '--json'])).stdout);
  expect((await shown('20261122.2@mg.example')).message.id).toBe(submissions[1]?.message.id);
  expect((await shown('<20261122.3@mg.example>')).message.id).toBe(submissions[2]?.message.id);
  expect((await shown('three@shop.example')).message.id).toBe(submissions[2]?.message.id);
  const same = await shown('<same@shop.example>');
  expect(same.found).toHaveLength(2);
  expect(same.found[0]).toMatchObject({
    by: 'Message-ID',
    client: 'shop',
    recipient: expect.stringMatching(/^n[12]@/),
  });
  const { code, stdout } = await rig.run(['message', 'batch']);
  expect(code).toBe(0);
  expect(stdout).toContain('batch is the provider id of several messages:');
  for (const { message } of submissions) expect(stdout).toContain(message.id);
});
