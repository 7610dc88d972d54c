import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { FakeClock } from '../tests/fakes/clock.ts';
import { sesPolicy } from '../tests/fakes/cloud-exits.ts';
import { SES_ACCOUNT, SES_SOUND, sesSends, startSes } from '../tests/fakes/cloud-ses.ts';
import { mailTo, NEVER } from '../tests/fakes/exits.ts';
import { openSesEgress } from './egress/ses/ses-egress.ts';
import { shareTaker } from './provider-shares.ts';
import { openEmbeddedSpool } from './spool/embedded/spool.ts';
import { systemDial, systemDns, systemRandom } from './system.ts';

/** What will be so is so when the machine gets to it. */
const WAIT_MS = 20_000;

test('two processes send no more together than SES has left, and go on when it says that there is more', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-shares-'));
  const clock = new FakeClock(Date.UTC(2026, 10, 22));
  await using spool = await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock });
  let sent = 200;
  const quota = (): object => ({
    ...SES_SOUND,
    SendQuota: { Max24HourSend: 230, MaxSendRate: 100, SentLast24Hours: sent },
  });
  await using server = await startSes(quota);
  const ports = { clock, dns: systemDns(() => null), dial: systemDial, emit: () => {} };
  const open = () =>
    openSesEgress('cloud', sesPolicy(server.url), {
      ...ports,
      takeShare: shareTaker({ quotas: spool.ledger, clock, random: systemRandom }),
    });
  await using one = open();
  await using two = open();
  const looks = (): number => server.requests.filter(({ path }) => path === SES_ACCOUNT).length;
  await vi.waitFor(() => expect(looks()).toBe(2), WAIT_MS);
  await vi.waitFor(() => expect([one.pace?.(), two.pace?.()]).not.toContain(null), WAIT_MS);
  const delivered = async (): Promise<number> => {
    const attempts = Array.from({ length: 50 }, (_, place) => (place % 2 === 0 ? one : two).attempt(mailTo(), NEVER));
    const results = await Promise.all(attempts);
    return results.filter(({ outcomes }) => outcomes[0]?.kind === 'delivered').length;
  };
  expect(await delivered()).toBe(30);
  expect(sesSends(server)).toHaveLength(30);
  // Nobody asked SES in vain, and the next stretch begins with a look of each.
  sent = 190;
  clock.jumpMs(300_000);
  expect(await delivered()).toBe(40);
  expect(sesSends(server)).toHaveLength(70);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
