/**
 * What goes over the control socket: HTTP, `POST /OPERATION`. A request's body is one line of JSON (what is asked), a line
 * feed, and for `submit` the message's bytes. The answer is JSON: `{"value": …}`, or `{"error": "…"}` for operators.
 */
import { z } from 'zod';
import { ROLES } from '../http/sign-in/user.ts';
import { SCOPES } from '../http/token.ts';
import { parseDeliveryId, parseMessageId } from '../message/ids.ts';
import { PRIORITIES } from '../message/message.ts';
import { SEARCH_LIMIT, SEARCH_STATES } from '../spool/search.ts';
import { SUPPRESSION_REASONS, SUPPRESSIONS_AT_ONCE } from '../spool/suppressions.ts';
import { QUEUE_ACTIONS } from '../operations/operations.ts';
import { costsAsk, sendReportAsk, seriesAsk, tableAsk } from '../operations/figures/asks.ts';

/** Who runs the command, percent-encoded: told for the audit log, and no matter of rights. */
export const USER_FIELD = 'x-relevo-user';

const deliveryId = id(parseDeliveryId);
const messageId = id(parseMessageId);
const text = z.string().max(1_000);
/** The last time that a date can be. */
const LATEST_MS = 8.64e15;
const duration = z.int().max(LATEST_MS / 2);

/** Exact optional: a filter never has a key without a value. */
const filter = z.strictObject({
  ids: z.array(z.union([deliveryId, messageId])).exactOptional(),
  domain: text.exactOptional(),
  client: text.exactOptional(),
  stream: text.exactOptional(),
  sender: text.exactOptional(),
  recipient: text.exactOptional(),
  egress: text.exactOptional(),
  state: z.enum(['queued', 'held', 'quarantined']).exactOptional(),
  scheduledAfterMs: z.number().exactOptional(),
});

const searchFilter = z.strictObject({
  recipient: text.exactOptional(),
  sender: text.exactOptional(),
  address: text.exactOptional(),
  domain: text.exactOptional(),
  state: z.enum(SEARCH_STATES).exactOptional(),
  egress: text.exactOptional(),
  client: text.exactOptional(),
  stream: text.exactOptional(),
  tag: text.exactOptional(),
  messageIdHeader: text.exactOptional(),
  sinceMs: z.number().exactOptional(),
  untilMs: z.number().exactOptional(),
});

const suppressionKey = { address: text.min(1), client: text.min(1).nullable(), stream: text.min(1).nullable() };
const suppression = z.strictObject({
  ...suppressionKey,
  reason: z.enum(SUPPRESSION_REASONS),
  evidence: text,
  source: text,
  atMs: z.number().max(LATEST_MS),
  untilMs: z.number().max(LATEST_MS).nullable(),
});

/** What each operation takes, checked where it arrives. */
export const ASKS = {
  status: z.strictObject({}),
  overview: z.strictObject({}),
  audit: z.strictObject({}),
  auditLog: z.strictObject({
    limit: z.int().min(1).max(1_000),
    before: text.nullable(),
    who: text.exactOptional(),
    what: text.exactOptional(),
    fromMs: z.number().exactOptional(),
    untilMs: z.number().exactOptional(),
  }),
  nodes: z.strictObject({}),
  stats: z.strictObject({}),
  exits: z.strictObject({}),
  exitPasts: z.strictObject({}),
  tryEgress: z.strictObject({ egress: text }),
  traffic: z.strictObject({ sinceMs: z.number(), after: text.nullable() }),
  pause: z.strictObject({ egress: text, reason: text }),
  resume: z.strictObject({ egress: text, forget: z.boolean() }),
  tokens: z.strictObject({}),
  createToken: z.strictObject({
    name: text,
    scopes: z.array(z.enum(SCOPES)).min(1),
    lifetimeMs: duration.min(1).nullable(),
    client: text.exactOptional(),
    rate: z.strictObject({ count: z.int().min(1), windowMs: z.int().min(1) }).exactOptional(),
    networks: z.array(text).min(1).max(100).exactOptional(),
    withAccessKey: z.boolean().exactOptional(),
  }),
  rotateToken: z.strictObject({ name: text, overlapMs: duration.min(0) }),
  revokeToken: z.strictObject({ name: text }),
  users: z.strictObject({}),
  addUser: z.strictObject({ name: text, role: z.enum(ROLES), password: text.nullable() }),
  setUserPassword: z.strictObject({ name: text, password: text.nullable() }),
  setUserRole: z.strictObject({ name: text, role: z.enum(ROLES) }),
  setUserDisabled: z.strictObject({ name: text, isDisabled: z.boolean() }),
  removeUser: z.strictObject({ name: text }),
  beginSecondFactor: z.strictObject({ name: text }),
  confirmSecondFactor: z.strictObject({ name: text, code: text }),
  renewRecoveryCodes: z.strictObject({ name: text }),
  removeSecondFactor: z.strictObject({ name: text }),
  sessions: z.strictObject({ user: text.nullable() }),
  endSessions: z.strictObject({ id: text.nullable(), user: text.nullable() }),
  suppressions: z.strictObject({
    filter: z.strictObject({
      address: text.exactOptional(),
      domain: text.exactOptional(),
      client: text.exactOptional(),
      stream: text.exactOptional(),
      reason: z.enum(SUPPRESSION_REASONS).exactOptional(),
    }),
    limit: z.int().min(1).max(SUPPRESSIONS_AT_ONCE),
    after: text.nullable(),
  }),
  suppress: z.strictObject({ entries: z.array(suppression).max(SUPPRESSIONS_AT_ONCE) }),
  unsuppress: z.strictObject({ keys: z.array(z.strictObject(suppressionKey)).max(SUPPRESSIONS_AT_ONCE) }),
  clientStatuses: z.strictObject({}),
  releaseClient: z.strictObject({ name: text, by: text }),
  alertList: z.strictObject({}),
  acknowledgeAlert: z.strictObject({ name: text, by: text }),
  testAlerts: z.strictObject({}),
  sendReport: sendReportAsk,
  webhooks: z.strictObject({}),
  resumeWebhook: z.strictObject({ name: text }),
  replayWebhook: z.strictObject({ name: text, fromMs: z.number(), untilMs: z.number() }),
  series: seriesAsk,
  table: tableAsk,
  costs: costsAsk,
  search: z.strictObject({
    filter: searchFilter,
    limit: z.int().min(1).max(SEARCH_LIMIT),
    cursor: text.nullable(),
    text: text.min(1).exactOptional(),
  }),
  preview: z.strictObject({ filter }),
  transcripts: z.strictObject({ id: messageId }),
  list: z.strictObject({ filter, limit: z.int().min(1).max(10_000), after: deliveryId.nullable() }),
  shape: z.strictObject({ filter }),
  change: z.strictObject({ action: z.enum(QUEUE_ACTIONS), filter }),
  reschedule: z.strictObject({ ids: z.array(messageId), toMs: z.int().min(0).max(LATEST_MS) }),
  story: z.strictObject({ id: messageId }),
  find: z.strictObject({ text: text.min(1) }),
  explain: z.strictObject({ id: z.union([messageId, deliveryId]) }),
  route: z.strictObject({
    sample: z.strictObject({
      client: text.exactOptional(),
      from: text.exactOptional(),
      to: text,
      stream: text.exactOptional(),
      priority: z.enum(PRIORITIES).exactOptional(),
      tag: text.exactOptional(),
      header: z.record(text, text).exactOptional(),
      size: z.number().exactOptional(),
    }),
  }),
  submit: z.strictObject({
    sender: text,
    recipients: z.array(text).min(1),
    client: text.nullable(),
    stream: text.nullable(),
    priority: z.enum(PRIORITIES).nullable(),
    tag: text.nullable(),
  }),
};

/** What is asked, without a message's content. */
export const MAX_ASK_BYTES = 8 * 1024 ** 2;

export type ControlAnswer = { readonly value: unknown } | { readonly error: string };

const LINE_FEED = 0x0a;

/** @param content only `submit` has one */
export function frame(ask: unknown, content?: Buffer): Buffer[] {
  const head = Buffer.from(`${JSON.stringify(ask)}\n`);
  return content === undefined ? [head] : [head, content];
}

/** The inverse of `frame`; null where it is none. */
export function unframe(body: Buffer): { readonly ask: unknown; readonly content: Buffer } | null {
  const end = body.indexOf(LINE_FEED);
  if (end === -1) return null;
  try {
    return { ask: JSON.parse(body.subarray(0, end).toString()) as unknown, content: body.subarray(end + 1) };
  } catch {
    return null;
  }
}

function id<Id extends string>(parse: (text: string) => Id | null) {
  return z.string().transform((value, context): Id => {
    const parsed = parse(value);
    if (parsed !== null) return parsed;
    context.addIssue({ code: 'custom', message: 'expected an id' });
    return z.NEVER;
  });
}
