/** The sign-ins in force: kept as marks, so that all nodes know them and a restart keeps them. */
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Mark, Marks } from '../../spool/marks.ts';
import { hashOf, SCOPES, type Scope, type TokenCheck } from '../token.ts';
import { isFrom } from '../token-limits.ts';
import {
  isSameText,
  newSecret,
  secretHash,
  SEEN_MARKS,
  type Session,
  SESSION_MARKS,
  sessionId,
  sessionMark,
  sessionOfMark,
} from './session.ts';
import { scopesOfRole, type User, USER_MARKS, userOf } from './user.ts';

export type SessionsNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly random: Random;
  readonly marks: Marks;
  /** @throws SpoolError where it cannot be known now */
  readonly checkToken: (hash: Buffer) => Promise<TokenCheck>;
};

/** A session that is in force, and what it may do now. */
export type LiveSession = {
  readonly session: Session;
  /** None while the user has to set up a second factor first. */
  readonly scopes: readonly Scope[];
  /** Of the token that it was opened by, where that one has one. */
  readonly client?: string;
};

/** One as people see it. */
export type SessionStatus = Pick<Session, 'id' | 'by' | 'name' | 'createdAtMs' | 'peer' | 'agent'> & {
  readonly seenAtMs: number;
  readonly endsAtMs: number;
};

export type NewSession = Pick<Session, 'by' | 'name' | 'proof' | 'peer' | 'agent'>;

type Kept = { readonly session: Session; readonly user: User | null; seenAtMs: number; readonly readAtMs: number };

/** What others ended is over here that soon. */
const TRUSTED_MS = 3_000;
const MOST_KEPT = 1_000;
/** How often it is written down that one is used. */
const SEEN_EVERY_MS = 300_000;
/** Of one name: the oldest make room. */
const MOST_OF_ONE = 20;
const AGENT_LENGTH = 200;

export class Sessions {
  readonly #needs: SessionsNeeds;
  readonly #kept = new Map<string, Kept>();

  constructor(needs: SessionsNeeds) {
    this.#needs = needs;
  }

  /** @returns the text for the browser, which is nowhere else */
  async open({ by, name, proof, peer, agent }: NewSession): Promise<string> {
    const { clock, marks, random } = this.#needs;
    const secret = newSecret(random);
    const sha256 = secretHash(secret) ?? '';
    const createdAtMs = clock.nowMs();
    await this.#makeRoom(by, name);
    const id = sessionId(sha256);
    const told = { peer, agent: agent.slice(0, AGENT_LENGTH) };
    await marks.mark([sessionMark({ id, sha256, by, name, proof, createdAtMs, ...told })]);
    return secret;
  }

  /**
   * Ended ones, here or elsewhere, are unknown within 3 s; those that ended here at once.
   * @param peer from where it is shown: some tokens may be used from some networks only
   * @throws SpoolError where the store does not say whether it is in force
   */
  async find(secret: string, peer: string): Promise<LiveSession | null> {
    const sha256 = secretHash(secret);
    if (sha256 === null) return null;
    const kept = await this.#current(sha256);
    if (kept === null || this.#isOver(kept)) return null;
    const live = await this.#allowed(kept, peer);
    if (live !== null) await this.#seen(kept);
    return live;
  }

  /** Those in force, the latest first. */
  async list(): Promise<readonly SessionStatus[]> {
    const all = await this.#all();
    const inForce = await Promise.all(
      all.map(async (kept) =>
        this.#isOver(kept) ? null : (await this.#allowed(kept, kept.session.peer)) === null ? null : kept,
      ),
    );
    const { longestMs } = this.#needs.policy().http.sessions;
    return inForce
      .filter((kept) => kept !== null)
      .map(({ session, seenAtMs }) => {
        const { id, by, name, createdAtMs, peer, agent } = session;
        return { id, by, name, createdAtMs, peer, agent, seenAtMs, endsAtMs: createdAtMs + longestMs };
      })
      .toSorted((one, other) => other.createdAtMs - one.createdAtMs);
  }

  /** Those that are no more do not matter. */
  async end(ids: readonly string[]): Promise<void> {
    if (ids.length > 0)
      await this.#needs.marks.unmark(ids.flatMap((id) => [`${SESSION_MARKS}${id}`, `${SEEN_MARKS}${id}`]));
    this.forget();
  }

  /** Users, tokens or sessions are others: they are read before the next one is let in. */
  forget(): void {
    this.#kept.clear();
  }

  /** Ends what is over, and the oldest of that name where there are too many. */
  async #makeRoom(by: Session['by'], name: string): Promise<void> {
    const all = await this.#all();
    const over = all.filter((kept) => this.#isOver(kept));
    const own = all
      .filter((kept) => !over.includes(kept) && kept.session.by === by && kept.session.name === name)
      .toSorted((one, other) => other.session.createdAtMs - one.session.createdAtMs)
      .slice(MOST_OF_ONE - 1);
    await this.end([...over, ...own].map(({ session }) => session.id));
  }

  async #all(): Promise<readonly Kept[]> {
    const { marks, clock } = this.#needs;
    const [sessions, seen, users] = await Promise.all([
      marks.marks(SESSION_MARKS),
      marks.marks(SEEN_MARKS),
      marks.marks(USER_MARKS),
    ]);
    const userOfName = new Map(users.map(userOf).flatMap((user) => (user === null ? [] : [[user.name, user]])));
    const seenOf = new Map(seen.map((mark) => [mark.name.slice(SEEN_MARKS.length), mark]));
    const readAtMs = clock.monotonicMs();
    return sessions.map(sessionOfMark).flatMap((session) => {
      if (session === null) return [];
      const user = session.by === 'user' ? (userOfName.get(session.name) ?? null) : null;
      return [{ session, user, seenAtMs: seenAt(session, seenOf.get(session.id)), readAtMs }];
    });
  }

  async #current(sha256: string): Promise<Kept | null> {
    const { clock } = this.#needs;
    const kept = this.#kept.get(sha256);
    if (kept !== undefined && clock.monotonicMs() - kept.readAtMs < TRUSTED_MS) return kept;
    this.#kept.delete(sha256);
    const read = await this.#read(sha256);
    if (read === null) return null;
    this.#kept.set(sha256, read);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return read;
  }

  async #read(sha256: string): Promise<Kept | null> {
    const { clock } = this.#needs;
    const readAtMs = clock.monotonicMs();
    const id = sessionId(sha256);
    const [mark, seen] = await Promise.all([this.#named(SESSION_MARKS, id), this.#named(SEEN_MARKS, id)]);
    const session = mark === undefined ? null : sessionOfMark(mark);
    if (session === null || !isSameText(session.sha256, sha256)) return null;
    const userNamed = session.by === 'user' ? await this.#named(USER_MARKS, session.name) : undefined;
    const user = userNamed === undefined ? null : userOf(userNamed);
    return { session, user, seenAtMs: seenAt(session, seen), readAtMs };
  }

  async #named(prefix: string, name: string): Promise<Mark | undefined> {
    const wanted = `${prefix}${name}`;
    return (await this.#needs.marks.marks(wanted)).find((mark) => mark.name === wanted);
  }

  #isOver({ session, seenAtMs }: Kept): boolean {
    const { clock, policy } = this.#needs;
    const { idleMs, longestMs } = policy().http.sessions;
    const nowMs = clock.nowMs();
    return nowMs >= session.createdAtMs + longestMs || nowMs >= seenAtMs + idleMs;
  }

  /** As user and token are now; null: it opens nothing any more. */
  async #allowed({ session, user }: Kept, peer: string): Promise<LiveSession | null> {
    if (session.by === 'token') {
      const checked = await this.#needs.checkToken(Buffer.from(session.proof, 'hex'));
      if (checked.kind !== 'valid' || checked.token.name !== session.name) return null;
      if (!isFrom(checked.token, peer)) return null;
      const { scopes, client } = checked.token;
      const known = SCOPES.filter((scope) => scopes.includes(scope));
      return { session, scopes: known, ...(client === undefined ? {} : { client }) };
    }
    if (user === null || user.isDisabled || user.epoch !== session.proof) return null;
    const { requireSecondFactor } = this.#needs.policy().http;
    const needsSecondFactor = requireSecondFactor && user.role === 'admin' && user.secondFactor === null;
    return { session, scopes: needsSecondFactor ? [] : scopesOfRole(user.role) };
  }

  /** Never rejects: whoever is let in must not wait for this to be known. */
  async #seen(kept: Kept): Promise<void> {
    const { clock, marks } = this.#needs;
    const nowMs = clock.nowMs();
    // A mark of its own is written at most so often; the idle time is that much longer than told.
    if (nowMs - kept.seenAtMs < SEEN_EVERY_MS) return;
    kept.seenAtMs = nowMs;
    const name = `${SEEN_MARKS}${kept.session.id}`;
    await marks.mark([{ name, text: '{}', atMs: nowMs }]).catch(() => undefined);
  }
}

/** What a session by a token must show, again and again. null: it has not the form of a token */
export function tokenProof(text: string): string | null {
  return hashOf(text)?.toString('hex') ?? null;
}

function seenAt(session: Session, seen: Mark | undefined): number {
  return Math.max(session.createdAtMs, seen?.atMs ?? 0);
}
