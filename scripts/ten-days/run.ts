/** Ten days of mail by fifteen addresses, or the first of them. */
import type { AuditReport } from '../../src/spool/spool.ts';
import { Ledger, problemsOf } from './ledger.ts';
import { DAY_MS, HOUR_MS, mailOf, type Sent, START_MS, type Terms } from './scenario.ts';
import type { World } from '../simulator/relay-world.ts';
import { openTenDays } from './world.ts';

export type TenDays = {
  readonly ledger: Ledger;
  readonly audit: AuditReport;
  /** Whatever is not as it must be; empty: all is. */
  readonly problems: readonly string[];
};

/** The operator looks at held mail then, and lets it go. */
const RELEASE_HOUR = 18;

/** @param told after each day */
export async function runTenDays(terms: Terms, told: (day: number, ledger: Ledger) => void): Promise<TenDays> {
  const ledger = new Ledger();
  await using world = await openTenDays({ terms, heard: ledger.heard, provided: ledger.provided });
  for (let day = 1; day <= terms.days; day++) {
    const mail = mailOf(day, terms);
    let next = 0;
    const dayEndMs = START_MS + day * DAY_MS;
    const releaseMs = dayEndMs - DAY_MS + RELEASE_HOUR * HOUR_MS;
    let isReleased = false;
    while (world.clock.nowMs() < dayEndMs) {
      const nowMs = world.clock.nowMs();
      const due: Sent[] = [];
      for (let one = mail[next]; one !== undefined && one.atMs <= nowMs; one = mail[++next]) due.push(one);
      await Promise.all(due.map((one) => submit(world, ledger, one)));
      if (!isReleased && nowMs >= releaseMs) {
        isReleased = true;
        await world.spool.release({ state: 'held' }, nowMs);
        world.path.wake();
      }
      if (due.length > 0) await world.rest();
      const untilMs = Math.min(dayEndMs, (Math.floor(nowMs / terms.grainMs) + 1) * terms.grainMs);
      // What was begun on this day is to be with its provider on this day.
      if (untilMs === dayEndMs) await longRest(world);
      await world.passTo(untilMs);
    }
    told(day, ledger);
  }
  // A new day has begun, and the books are to hold still.
  await longRest(world);
  const audit = await world.spool.audit();
  const waiting = await waitingIn(world, ledger);
  const problems = audit.violations.map(({ recipient, problem }) => `audit: ${recipient}: ${problem}`);
  problems.push(...problemsOf(ledger, { ...terms, waiting }));
  return { ledger, audit, problems };
}

/** At rest again and again: then nothing is under way between memory, store and network. */
async function longRest(world: World): Promise<void> {
  for (let time = 0; time < 20; time++) {
    await world.rest();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function submit({ path, clock }: World, ledger: Ledger, mail: Sent): Promise<void> {
  const bulk = mail.stream === 'marketing' ? 'Precedence: bulk\n' : '';
  const content = Buffer.from(
    `From: <post@${mail.client}.test>\nTo: <${mail.recipients[0]}>\nSubject: Ten days\n${bulk}\nHello.\n`,
  );
  const { client, recipients } = mail;
  const from = { client, sender: `post@${client}.test`, address: null, protocol: 'local' };
  // Before it is accepted, for it may be delivered by then.
  ledger.send(mail, clock.nowMs());
  const result = await path.submit({ ...from, recipients, content });
  if (result.kind === 'refused') throw new Error(`refused: ${result.reply.code} ${result.reply.text}`);
}

/** Recipients in the queue, the relay's own reports left out. */
async function waitingIn({ spool }: World, ledger: Ledger): Promise<number> {
  let count = 0;
  for (let page: Parameters<typeof spool.list>[1] = { limit: 500 }; ;) {
    const found = await spool.list({}, page);
    for (const { delivery } of found)
      count += delivery.recipients.filter(({ address }) => ledger.accepted.has(address)).length;
    const last = found.at(-1);
    if (last === undefined) return count;
    page = { limit: 500, after: last.delivery.id };
  }
}
