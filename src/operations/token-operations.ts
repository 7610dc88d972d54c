/** What operators do with the tokens of the API: over the store, whether a relay runs on it or not. */
import { madeWith, newAccessKeyId, secretAccessKey } from '../http/access-key.ts';
import {
  hashOf,
  hasEnded,
  isTokenName,
  newTokenText,
  SCOPES,
  type Scope,
  type Token,
  TOKEN_MARKS,
  tokenMark,
  tokenOf,
  type TokenSecret,
} from '../http/token.ts';
import { type TokenUse, USE_MARKS, usesOf } from '../http/token-uses.ts';
import { nearest } from '../policy/file/nearest.ts';
import type { Rate } from '../policy/units.ts';
import type { Clock, Random } from '../ports.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import { OperationsError } from './operations.ts';

/** A token as operators see it: never its text. */
export type TokenStatus = {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  /** When its text became another; null: never. */
  readonly rotatedAtMs: number | null;
  readonly expiresAtMs: number | null;
  readonly isExpired: boolean;
  /** Until when the text before is good as well; null: it is not. */
  readonly previousUntilMs: number | null;
  /** The client of the policy that it submits mail as. Absent: whichever the request names. */
  readonly client?: string;
  /** So many requests may come with it. Absent: as many as like. */
  readonly rate?: Rate;
  /** From where it may be shown. Absent: from everywhere. */
  readonly networks?: readonly string[];
  /** When it was shown last, to within a minute, and from where; null: not yet. */
  readonly lastUsedAtMs: number | null;
  readonly lastUsedFrom: string | null;
  /** By which programs may sign (AWS Signature Version 4). Absent: they may not. */
  readonly accessKeyId?: string;
};

/** `token`: the text, which is nowhere else and cannot be had again; no more can the secret of an access key. */
export type IssuedToken = { readonly token: string; readonly secretAccessKey?: string } & TokenStatus;

export type TokenAsk = {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** null: until it is revoked. */
  readonly lifetimeMs: number | null;
  /** The client of the policy that it submits mail as. Default: whichever the request names. */
  readonly client?: string;
  /** So many requests may come with it, by the count of each node. Default: as many as like. */
  readonly rate?: Rate;
  /** From where it may be shown, such as `192.0.2.0/24`. Default: from everywhere. */
  readonly networks?: readonly string[];
  /** With an access key beside it. Default: without. */
  readonly withAccessKey?: boolean;
};

export type TokenOperations = {
  /** By name. */
  tokens(): Promise<readonly TokenStatus[]>;
  createToken(ask: TokenAsk): Promise<IssuedToken>;
  /** Another text for the same: for as long as the first was good. What it had before is good for `overlapMs` more at most. */
  rotateToken(ask: { readonly name: string; readonly overlapMs: number }): Promise<IssuedToken>;
  revokeToken(ask: { readonly name: string }): Promise<{ readonly name: string; readonly revoked: true }>;
};

function unknownTokens(): Promise<never> {
  return Promise.reject(new OperationsError('the tokens are not known here'));
}

/** Where they cannot be asked. */
export const UNKNOWN_TOKENS: TokenOperations = {
  tokens: unknownTokens,
  createToken: unknownTokens,
  rotateToken: unknownTokens,
  revokeToken: unknownTokens,
};

export type TokenOperationsNeeds = {
  readonly marks: Marks;
  readonly clock: Clock;
  readonly random: Random;
  /** Called after each change. */
  readonly changed: () => void;
  /** The key of the installation that access keys are made with now. Absent: there are none. @throws OperationsError */
  readonly accessKeysKey?: () => Promise<Buffer>;
};

/** All of them are compared with each text that somebody shows. */
const MOST_TOKENS = 500;
/** Of one token, the one in force among them: more that overlap are left by, the oldest first. */
const MOST_SECRETS = 5;

/** One after the other: two that change one token at once would undo each other's change. */
export function tokenOperations(needs: TokenOperationsNeeds): TokenOperations {
  let last: Promise<unknown> = Promise.resolve();
  const next = <Result>(run: () => Promise<Result>): Promise<Result> => {
    const turn = last.then(run, run);
    last = turn;
    return turn;
  };
  return {
    tokens: async () => {
      const [marks, used] = await Promise.all([needs.marks.marks(TOKEN_MARKS), needs.marks.marks(USE_MARKS)]);
      const uses = usesOf(used);
      const nowMs = needs.clock.nowMs();
      const tokens = marks.map(tokenOf).filter((token) => token !== null);
      return tokens.map((token) => statusOf(token, nowMs, uses.get(token.name)));
    },
    createToken: (ask) => next(() => create(needs, ask)),
    rotateToken: (ask) => next(() => rotate(needs, ask)),
    revokeToken: (ask) => next(() => revoke(needs, ask.name)),
  };
}

async function create(needs: TokenOperationsNeeds, ask: TokenAsk): Promise<IssuedToken> {
  const { name, scopes, lifetimeMs, withAccessKey = false } = ask;
  if (!isTokenName(name)) throw new OperationsError(`${JSON.stringify(name)} cannot be the name of a token`);
  const marks = await needs.marks.marks(TOKEN_MARKS);
  const before = named(marks, name);
  if (before !== undefined && tokenOf(before) !== null)
    throw new OperationsError(
      `there is a token ${name}: \`relevo token rotate ${name}\` renews it, \`relevo token revoke ${name}\` ends it`,
    );
  if (marks.length >= MOST_TOKENS) throw new OperationsError(`there are ${MOST_TOKENS} tokens: revoke one first`);
  const createdAtMs = needs.clock.nowMs();
  const given = SCOPES.filter((scope) => scopes.includes(scope));
  const token = { name, scopes: given, createdAtMs, lifetimeMs, ...termsOf(ask) };
  return issue(needs, token, { before, others: [], withAccessKey });
}

async function rotate(
  needs: TokenOperationsNeeds,
  { name, overlapMs }: { readonly name: string; readonly overlapMs: number },
): Promise<IssuedToken> {
  const marks = await needs.marks.marks(TOKEN_MARKS);
  const before = named(marks, name);
  const token = before === undefined ? null : tokenOf(before);
  if (token === null) throw unknown(name, marks);
  const nowMs = needs.clock.nowMs();
  const endsAtMs = nowMs + overlapMs;
  const others = token.secrets
    .map((secret) => ({ ...secret, expiresAtMs: Math.min(secret.expiresAtMs ?? endsAtMs, endsAtMs) }))
    .filter((secret) => !hasEnded(secret, nowMs))
    .slice(0, MOST_SECRETS - 1);
  return issue(needs, token, { before, others, withAccessKey: token.secrets[0].accessKey !== undefined });
}

async function revoke(needs: TokenOperationsNeeds, name: string): Promise<{ name: string; revoked: true }> {
  const marks = await needs.marks.marks(TOKEN_MARKS);
  // What cannot be read can still be taken away.
  if (named(marks, name) === undefined) throw unknown(name, marks);
  await needs.marks.unmark([`${TOKEN_MARKS}${name}`, `${USE_MARKS}${name}`]);
  needs.changed();
  return { name, revoked: true };
}

type Replaced = {
  readonly before: Mark | undefined;
  readonly others: readonly TokenSecret[];
  readonly withAccessKey: boolean;
};

async function issue(
  needs: TokenOperationsNeeds,
  of: Omit<Token, 'secrets'>,
  { before, others, withAccessKey }: Replaced,
): Promise<IssuedToken> {
  const { name, scopes, createdAtMs, lifetimeMs } = of;
  const nowMs = needs.clock.nowMs();
  const text = newTokenText(needs.random);
  const sha256 = hashOf(text)?.toString('hex') ?? '';
  const expiresAtMs = lifetimeMs === null ? null : nowMs + lifetimeMs;
  const made = withAccessKey ? await newAccessKey(needs) : null;
  const accessKey = made === null ? {} : { accessKey: made.accessKey };
  const secret: TokenSecret = { sha256, createdAtMs: nowMs, expiresAtMs, ...accessKey };
  const token: Token = { name, scopes, createdAtMs, lifetimeMs, ...termsOf(of), secrets: [secret, ...others] };
  // By the clock of another node it may have been later: a mark of an earlier time would not replace that one.
  await needs.marks.mark([tokenMark(token, Math.max(before?.atMs ?? 0, nowMs))]);
  needs.changed();
  const kept = named(await needs.marks.marks(`${TOKEN_MARKS}${name}`), name);
  // Nobody is told of a token that does not open.
  if (kept === undefined || tokenOf(kept)?.secrets[0].sha256 !== sha256)
    throw new OperationsError(`somebody else changed the token ${name} at this very moment: \`relevo token list\``);
  return { token: text, ...(made === null ? {} : { secretAccessKey: made.secret }), ...statusOf(token, nowMs) };
}

type Terms = Pick<Token, 'client' | 'rate' | 'networks'>;

function termsOf({ client, rate, networks }: Terms): Terms {
  return {
    ...(client === undefined ? {} : { client }),
    ...(rate === undefined ? {} : { rate }),
    ...(networks === undefined ? {} : { networks }),
  };
}

async function newAccessKey({ random, accessKeysKey }: TokenOperationsNeeds) {
  if (accessKeysKey === undefined) throw new OperationsError('access keys cannot be made here');
  const key = await accessKeysKey();
  const id = newAccessKeyId(random);
  return { accessKey: { id, madeWith: madeWith(key) }, secret: secretAccessKey(key, id) };
}

function named(marks: readonly Mark[], name: string): Mark | undefined {
  return marks.find((mark) => mark.name === `${TOKEN_MARKS}${name}`);
}

function statusOf(token: Token, nowMs: number, lastUsed: TokenUse | null = null): TokenStatus {
  const { name, scopes, createdAtMs, secrets } = token;
  const [secret, ...others] = secrets;
  const ends = others.filter((other) => !hasEnded(other, nowMs)).map(({ expiresAtMs }) => expiresAtMs ?? nowMs);
  return {
    name,
    scopes,
    createdAtMs,
    rotatedAtMs: secret.createdAtMs === createdAtMs ? null : secret.createdAtMs,
    expiresAtMs: secret.expiresAtMs,
    isExpired: hasEnded(secret, nowMs),
    previousUntilMs: ends.length === 0 ? null : Math.max(...ends),
    ...termsOf(token),
    lastUsedAtMs: lastUsed?.atMs ?? null,
    lastUsedFrom: lastUsed?.peer ?? null,
    ...(secret.accessKey === undefined ? {} : { accessKeyId: secret.accessKey.id }),
  };
}

function unknown(name: string, marks: readonly Mark[]): OperationsError {
  const names = marks.map((mark) => mark.name.slice(TOKEN_MARKS.length));
  const meant = nearest(name, names);
  return new OperationsError(`there is no token ${name}${meant === null ? '' : ` (did you mean ${meant}?)`}`);
}
