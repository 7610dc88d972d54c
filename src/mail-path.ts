/**
 * The whole way of mail in one thread: ingress takes it in, it is signed and spooled, the scheduler sends it. A relay has
 * one, in its own thread; or one in each of its workers, and then `supervisor.ts` is the sum of them behind the same type.
 */
import { createFile } from './running/whole-file.ts';
import { screeningWith, watchHolds } from './clients/holds.ts';
import { QuotaWaits } from './clients/quota-waits.ts';
import { type Exits, openExits } from './egress/exits.ts';
import { type ExitStandings, type ExitStandingsNeeds, openExitStandings } from './exits/standings.ts';
import { type AddressProbe, openWhereabouts, type Whereabouts, type WhereaboutsNeeds } from './exits/whereabouts.ts';
import { type OwnMail, ownMailStore } from './feedback/own-mail.ts';
import { createReporter, returnedReporter } from './feedback/reporter.ts';
import { openReturnPaths } from './feedback/return-paths.ts';
import { openSuppression, type Suppressing } from './feedback/suppression/suppression.ts';
import { unsubscribeUrl } from './feedback/suppression/unsubscribe-token.ts';
import { createVerpKeyring, type VerpKeyring } from './feedback/verp-keys.ts';
import { HabitBook } from './ingress/habit-book.ts';
import type { ListenProblem } from './ingress/listen-problem.ts';
import type { IngressSharing } from './ingress/peers.ts';
import { type Ingress, startIngress } from './ingress/server.ts';
import type { Submission, SubmitResult } from './ingress/submit.ts';
import type { DeliveryId, MessageId } from './message/ids.ts';
import type { Notice } from './message/notice.ts';
import type { Reply } from './message/reply.ts';
import { changedKeys } from './policy/changed.ts';
import type { MessageFacts } from './policy/match.ts';
import type { Policy } from './policy/schema.ts';
import { deliveryShare, type Share } from './policy/share.ts';
import type { Emit, Ports } from './ports.ts';
import { shareTaker } from './provider-shares.ts';
import { openTranscripts } from './report/transcripts.ts';
import type { Explanation, RouteExplanation } from './schedule/reasons/explain.ts';
import { type Scheduler, startScheduler } from './schedule/scheduler.ts';
import type { ToldEnds } from './schedule/settlement/told-ends.ts';
import type { ExitUse, SiteStats } from './schedule/stats.ts';
import { sharedHandoff } from './shared-handoff.ts';
import { storedSigner } from './sign/sign-stored.ts';
import { openSigner, type Signer } from './sign/signer.ts';
import type { Marks } from './spool/marks.ts';
import type { Nodes } from './spool/nodes.ts';
import type { LeasedDelivery, Spool } from './spool/spool.ts';
import type { Suppressions } from './spool/suppressions.ts';
import type { Accounts } from './spool/tallies.ts';

export type MailPathNeeds = {
  readonly policy: () => Policy;
  readonly spool: Spool & {
    readonly ledger: Accounts;
    readonly marks: Marks;
    /** Absent: everybody is written to. */
    readonly suppressions?: Suppressions;
    readonly nodes?: Pick<Nodes, 'all'>;
  };
  readonly ports: Ports;
  readonly emit: Emit;
  readonly localAddresses: () => readonly string[];
  /** Default: from every address. */
  readonly canSendFrom?: AddressProbe;
  /** This relay's name among those that share the spool. */
  readonly node?: string;
  /** What is known of the exits, where somebody in this thread reads that already. */
  readonly standings?: ExitStandings;
  /** The same of addresses that are not written to. */
  readonly suppression?: Suppressing;
  /** Which worker of how many this is. */
  readonly share: Share;
  /** What it has of the other workers. Default: there are none. */
  readonly others?: IngressSharing & {
    /** Something due is in the store that this one leaves to them. */ wake(): void;
  };
};

/** Where mail is taken, as far as it is. */
export type Doors = {
  readonly addresses: readonly { readonly address: string; readonly port: number; readonly tls: string }[];
  readonly problems: readonly ListenProblem[];
};

/** What is going on now. */
export type Figures = {
  readonly connectionsIn: number;
  readonly connectionsOut: number;
  /** Threads that take and send mail. */
  readonly workers: number;
  /** Exits for some nodes only, by which none of them sends for a while. */
  readonly closedExits: readonly string[];
  /** By mailbox provider: what is under way there. Absent: nothing is known. */
  readonly sites?: readonly SiteStats[];
  /** By exit. Absent: nothing is known. */
  readonly exits?: readonly ExitUse[];
};

/** `use` makes the policy's keys those that sign, and is called as it is swapped in; without it nothing changed. */
export type Prepared =
  | { readonly kind: 'ready'; readonly use: () => void }
  /** Each for operators. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

export type MailPath = AsyncDisposable & {
  doors(): Doors;
  /** Why it takes no mail at all, beside what `doors` says; empty: it does. */
  notReady(): readonly string[];
  /** Makes ready for another policy. @param version by which it is known */
  prepare(next: Policy, version: string): Promise<Prepared>;
  /** The policy in force is another, or is to be applied again. */
  follow(): Promise<void>;
  /** Reads changed key files now. */
  refreshKeys(): Promise<void>;
  figures(): Promise<Figures>;
  explain(id: DeliveryId): Promise<readonly Explanation[]>;
  /** Where such a message would go now. */
  explainMail(facts: MessageFacts): Promise<RouteExplanation>;
  /** The way in without SMTP. */
  submit(submission: Submission): Promise<SubmitResult>;
  /** Ends deliveries as bounced by an operator; see `Scheduler`. */
  bounceNow(leased: readonly LeasedDelivery[], reply: Reply): Promise<number>;
  /** Ends what an exit had taken after all; see `Scheduler`. */
  endTold(leased: LeasedDelivery, ends: ToldEnds): Promise<boolean>;
  /** See `returnedReporter`. */
  tellReturned(notice: Notice): Promise<MessageId | null>;
  /** Signs and queues mail of the relay's own; durable once it resolves. */
  submitOwn(mail: OwnMail): Promise<void>;
  /** Something is due in the store. */
  wake(): void;
  /**
   * No new mail; attempts in flight finish, for at most 30 s; leases are handed back. Then dispose of it.
   * @param signal ends the waiting at once, and still loses nothing
   */
  stop(signal: AbortSignal): Promise<void>;
};

/** Clients get this long to finish messages that they are sending, once no new ones are taken. */
const LAST_MAIL_MS = 30_000;

type Parts = MailPathNeeds & {
  readonly signer: Signer;
  readonly verp: VerpKeyring;
  readonly exits: Exits;
  readonly whereabouts: Whereabouts;
  readonly standings: ExitStandings;
  readonly scheduler: Scheduler;
  readonly ingress: Ingress;
  readonly tellReturned: MailPath['tellReturned'];
  readonly submitOwn: MailPath['submitOwn'];
};

/** Opens all of it; ports that cannot be opened are in `doors`. What was started is ended again when a part cannot be had. */
export async function openMailPath(needs: MailPathNeeds): Promise<MailPath> {
  await using stack = new AsyncDisposableStack();
  const { policy, spool, ports, emit, share, others } = needs;
  const [{ clock, random }, { ledger }] = [ports, spool];
  const signer = stack.use(await openSigner(policy().domains, { clock, emit, hasThread: spool.sign === undefined }));
  const { sign, signBut, leaveBlank } = signer;
  let connectionsOf: (exit: string) => number | null = () => null;
  const takeShare = shareTaker({ quotas: ledger, clock, random });
  const exits = stack.use(
    openExits({ ...needs, sign: signBut, takeShare, connectionsOf: (exit) => connectionsOf(exit) }),
  );
  const whereabouts = stack.use(await openWhereabouts(whereaboutsNeeds(needs)));
  const standings = needs.standings ?? stack.use(await openExitStandings(standingsNeeds(needs)));
  const submitOwn = ownMailStore({ policy, spool, sign, clock, emit, wake: () => handoff.wake() });
  const verp = createVerpKeyring({ random, createFile, clock, emit });
  await verp.refresh(policy());
  const suppression = await suppressionOf(needs, stack);
  const { learn = noLesson } = suppression ?? {};
  const returnPaths = openReturnPaths({ policy, keys: () => verp.keys(), spool, submitOwn, learn, clock, emit });
  const telling = { policy, spool, submitOwn, clock, emit };
  const held = stack.use(await watchHolds({ policy, clock, marks: spool.marks }));
  const common = { policy, spool, clock, random, emit, screening: screeningWith(suppression?.screening ?? null, held) };
  const scheduler: Scheduler = stack.use(
    startScheduler({
      ...common,
      quotas: ledger,
      records: { tallies: ledger, marks: spool.marks },
      exits: (name) => exits.byName.get(name),
      report: createReporter(telling),
      signStored: storedSigner(signer),
      keepTranscript: stack.use(openTranscripts({ marks: spool.marks, clock })).keep,
      reversePath: (message, deliveryId) => returnPaths.reversePath(message, deliveryId),
      share: () => deliveryShare(policy(), share),
      hostsOf: (domain) => exits.hostsOf(domain),
      places: whereabouts,
      standingOf: standings.standingOf,
      circles: { takeTurns: (ask) => ledger.takeTurns(ask), isShared: () => sharesCircles(needs) },
      sharesConnections: () => spool.nodes !== undefined,
    }),
  );
  connectionsOf = (exit) => scheduler.connectionsOf(exit);
  stack.defer(standings.onChange((opened) => scheduler.standingsChanged(opened)));
  const handoff = sharedHandoff(scheduler.handoff, others);
  const ingress = stack.use(
    await startIngress({
      ...common,
      ledger,
      handoff,
      leaveBlank,
      returnPaths,
      ...(others !== undefined && { sharing: others }),
      ...clientBooks(needs, stack),
      unsubscribeUrl: unsubscribeUrl({ policy, keys: () => verp.keys() }),
    }),
  );
  const running = stack.move();
  const own = { tellReturned: returnedReporter(telling), submitOwn };
  const parts = { ...needs, ...own, signer, verp, exits, whereabouts, standings, scheduler, ingress };
  return pathOf(parts, () => running.disposeAsync());
}

const noLesson = async (): Promise<undefined> => undefined;

function pathOf(parts: Parts, dispose: () => Promise<void>): MailPath {
  const { signer, verp, scheduler, ingress, policy, tellReturned, submitOwn } = parts;
  return {
    doors: () => ({ addresses: ingress.addresses(), problems: ingress.problems() }),
    notReady: () => [],
    prepare: (next) => prepare(parts, next),
    follow: () => follow(parts),
    refreshKeys: async () => {
      await Promise.all([signer.refresh(), verp.refresh(policy())]);
    },
    figures: async () => {
      const { inFlight: connectionsOut, sites, exits } = scheduler.stats();
      const { connections: connectionsIn } = ingress.counters();
      return { connectionsIn, connectionsOut, workers: 1, closedExits: scheduler.closedExits(), sites, exits };
    },
    explain: (id) => scheduler.explain(id),
    explainMail: (facts) => scheduler.explainMail(facts),
    submit: (submission) => ingress.submit(submission),
    bounceNow: (leased, reply) => scheduler.bounceNow(leased, reply),
    endTold: (leased, ends) => scheduler.endTold(leased, ends),
    tellReturned,
    submitOwn,
    wake: () => scheduler.wake(),
    stop: (signal) => stop(parts, signal),
    [Symbol.asyncDispose]: dispose,
  };
}

/** What clients do, as it is counted, and what of theirs waits for room in their quota. */
function clientBooks({ policy, spool, ports: { clock } }: MailPathNeeds, stack: AsyncDisposableStack) {
  return {
    habits: stack.use(new HabitBook({ tallies: spool.ledger, clock })),
    overQuota: stack.use(new QuotaWaits({ policy, clock, marks: spool.marks })),
  };
}

/** null: the store keeps no such addresses. */
async function suppressionOf(needs: MailPathNeeds, stack: AsyncDisposableStack): Promise<Suppressing | null> {
  const { suppression, policy, spool, ports, emit } = needs;
  const { suppressions } = spool;
  if (suppression !== undefined || suppressions === undefined) return suppression ?? null;
  const store = { story: spool.story.bind(spool), note: spool.note.bind(spool), suppressions, ledger: spool.ledger };
  return stack.use(await openSuppression({ policy, spool: store, clock: ports.clock, emit }));
}

function whereaboutsNeeds({ policy, spool, ports, emit, node = '', canSendFrom }: MailPathNeeds): WhereaboutsNeeds {
  const { nodes = null } = spool;
  return { policy, clock: ports.clock, emit, nodes, node, canSendFrom: canSendFrom ?? (async () => true) };
}

/** Whether other workers, or other nodes, may send by the pools of this one. */
function sharesCircles({ policy, share, spool }: MailPathNeeds): boolean {
  return spool.nodes !== undefined || (deliveryShare(policy(), share)?.of ?? 1) > 1;
}

/** What a thread that knows nothing of exits yet needs to know of them. */
function standingsNeeds({ policy, spool, ports, node = '' }: MailPathNeeds): ExitStandingsNeeds {
  return { policy, marks: spool.marks, tallies: spool.ledger, clock: ports.clock, node, judges: false };
}

async function prepare({ signer, verp, policy }: Parts, next: Policy): Promise<Prepared> {
  const changed = changedKeys(policy(), next);
  if (!(['domains', 'returnPathKeys', 'streams'] as const).some((key) => changed.includes(key)))
    return { kind: 'ready', use: () => {} };
  const [{ errors, use }, keys] = [await signer.prepare(next.domains), await verp.prepare(next)];
  const problems = errors.map(({ text }) => `domains: ${text}`);
  if (keys.kind === 'refused') return { kind: 'refused', problems: [...problems, keys.problem] };
  if (problems.length > 0) return { kind: 'refused', problems };
  return {
    kind: 'ready',
    use: () => {
      use();
      keys.use();
    },
  };
}

async function follow({ exits, whereabouts, standings, scheduler, ingress, policy }: Parts): Promise<void> {
  exits.apply(policy());
  await Promise.all([whereabouts.refresh(), standings.refresh()]);
  scheduler.applyPolicy();
  await ingress.apply(policy());
}

async function stop({ ingress, scheduler, ports: { clock } }: Parts, signal: AbortSignal): Promise<void> {
  const enough = clock.sleep(LAST_MAIL_MS, signal).catch(() => undefined);
  await Promise.all([Promise.race([ingress.stopAccepting(), enough]), scheduler.stop(signal)]);
}
