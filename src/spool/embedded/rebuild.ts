/** Messages whose own row is gone, made again from what was told when they were received. */
import { parseHeaderBlock, unfoldedValue } from '../../message/header.ts';
import { parseMailboxList } from '../../message/mailbox-list.ts';
import type { Message } from '../../message/message.ts';
import { PRIORITIES } from '../../message/message.ts';
import { parseObject } from './rows.ts';
import type { Store } from './store.ts';

const MESSAGES_AT_ONCE = 100;

type Received = { readonly message: number; readonly body: string; readonly bytes: Uint8Array | null };

/**
 * What only the row knew is gone: the tag, RET and ENVID, when it was to be sent. So those still queued are for an
 * operator to look at.
 * @returns the messages that were made again
 */
export function rebuildMessages(store: Store): ReadonlySet<number> {
  const rebuilt = new Set<number>();
  for (let from = 0; ;) {
    const found = store.all<Received>(
      `SELECT e.message, e.body, c.bytes FROM event e LEFT JOIN content c ON c.message = e.message
       WHERE e.message > ? AND e.kind = 'received' AND e.message NOT IN (SELECT seq FROM message)
       ORDER BY e.message LIMIT ${MESSAGES_AT_ONCE}`,
      from,
    );
    const last = found.at(-1);
    if (last === undefined) return rebuilt;
    store.begin();
    for (const received of found) if (rebuild(store, received)) rebuilt.add(received.message);
    store.commit();
    from = last.message;
  }
}

function rebuild(store: Store, { message: seq, body, bytes }: Received): boolean {
  const message = messageOf(parseObject(body), bytes);
  if (message === null) return false;
  const { id, sizeBytes, receivedAtMs, envelope } = message;
  return (
    store.run(
      'INSERT OR IGNORE INTO message(seq, id, sender, size, received_at, open, finished_at, meta) VALUES (?, ?, ?, ?, ?, 0, NULL, ?)',
      seq,
      id,
      envelope.sender,
      sizeBytes,
      receivedAtMs,
      JSON.stringify(message),
    ) === 1
  );
}

/** What the event of its acceptance tells of a message; null: the event cannot be read. */
export function messageOf(event: Readonly<Record<string, unknown>> | null, bytes: Uint8Array | null): Message | null {
  const text = (name: string): string => (typeof event?.[name] === 'string' ? event[name] : '');
  const whole = (name: string): number => (Number.isSafeInteger(event?.[name]) ? Number(event?.[name]) : 0);
  if (text('messageId') === '') return null;
  const content = Buffer.from(bytes ?? []);
  const header = content.subarray(0, Math.max(0, content.indexOf('\r\n\r\n')));
  const isSigned = header.subarray(0, SIGNATURE.length).toString('latin1') === SIGNATURE;
  const addresses = [text('sender'), ...(Array.isArray(event?.['recipients']) ? event['recipients'].map(String) : [])];
  return {
    id: text('messageId') as Message['id'],
    receivedAtMs: whole('atMs'),
    client: text('client'),
    stream: text('stream'),
    priority: PRIORITIES.find((priority) => priority === text('priority')) ?? 'normal',
    tag: null,
    envelope: {
      sender: text('sender'),
      ret: null,
      envid: null,
      eightBit: hasEightBit(content),
      smtpUtf8: hasEightBit(header) || addresses.some((address) => hasEightBit(Buffer.from(address))),
    },
    sizeBytes: bytes === null ? whole('sizeBytes') : content.length,
    messageIdHeader: text('messageIdHeader'),
    fromDomain: fromDomainOf(header),
    subject: null,
    // The trace field stands first where no signature of ours does; where the policy has no key, there will be none.
    ...(isSigned ? {} : { unsigned: true }),
  };
}

const SIGNATURE = 'DKIM-Signature:';

/** As it was read when the message came. */
function fromDomainOf(header: Buffer): string | null {
  const from = parseHeaderBlock(header).fields.find(({ name }) => name === 'from');
  const text = from === undefined ? '' : Buffer.from(unfoldedValue(from), 'latin1').toString('utf8');
  return parseMailboxList(text)?.[0]?.domain ?? null;
}

function hasEightBit(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte > 127);
}
