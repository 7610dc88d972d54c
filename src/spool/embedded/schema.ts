/**
 * The tables of the embedded spool. Times are wall time in ms. Numbers stand for `DeliveryState` and `Priority` by
 * their place in `STATES` and `PRIORITIES`. `message.open` counts the deliveries whose story has not ended.
 *
 * A delivery is *ready* when its state is queued and nobody leases it: only those are in the two partial indexes that
 * `claim` reads, so fresh mail, which is leased from birth, never touches them. `lane` keeps, for each domain and
 * priority with something ready, the earliest due time; `tally` keeps what `overview` tells.
 */
const VERSION_1 = `
CREATE TABLE message(
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  sender TEXT NOT NULL,
  size INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  open INTEGER NOT NULL,
  finished_at INTEGER,
  meta TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX message_id ON message(id);
CREATE INDEX message_open ON message(received_at) WHERE finished_at IS NULL;
CREATE INDEX message_finished ON message(finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE content(
  message INTEGER PRIMARY KEY,
  checksum INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE delivery(
  seq INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  domain TEXT NOT NULL,
  client TEXT NOT NULL,
  priority INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  lease_until INTEGER,
  token INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  warned_at INTEGER,
  last_reply TEXT,
  last_egress TEXT,
  recipients TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX delivery_of ON delivery(message, ordinal);
CREATE INDEX delivery_turn ON delivery(domain, priority, client, due_at) WHERE state = 0 AND lease_until IS NULL;
CREATE INDEX delivery_due ON delivery(domain, priority, due_at) WHERE state = 0 AND lease_until IS NULL;
CREATE INDEX delivery_lease ON delivery(lease_until) WHERE lease_until IS NOT NULL;

CREATE TABLE event(
  seq INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX event_message ON event(message);

CREATE TABLE dedupe(
  key TEXT PRIMARY KEY,
  message_id TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dedupe_until ON dedupe(until);

CREATE TABLE lane(
  domain TEXT NOT NULL,
  priority INTEGER NOT NULL,
  next_due INTEGER NOT NULL,
  PRIMARY KEY(domain, priority)
) STRICT, WITHOUT ROWID;
CREATE INDEX lane_due ON lane(priority, next_due);

CREATE TABLE ledger(
  account TEXT NOT NULL,
  window_ms INTEGER NOT NULL,
  starts_at INTEGER NOT NULL,
  used REAL NOT NULL,
  PRIMARY KEY(account, window_ms, starts_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE tally(name TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/**
 * `move` has one row while the store has part in a move, or is to be rid of one: the mark as JSON, and how far the source
 * was read. `arrival` has what came with it; `amount` is what a counter had drawn.
 */
const VERSION_2 = `
CREATE TABLE move(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  mark TEXT NOT NULL,
  cursor TEXT
) STRICT;

CREATE TABLE arrival(
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  amount REAL NOT NULL,
  PRIMARY KEY(kind, key)
) STRICT, WITHOUT ROWID;
`;

/** What holders may spend of a window of `ledger` (`left_over`), and who has an account until when. */
const VERSION_3 = `
CREATE TABLE block(
  account TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  window_ms INTEGER NOT NULL,
  holder TEXT NOT NULL,
  left_over INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY(account, window_ms, starts_at, holder)
) STRICT, WITHOUT ROWID;

CREATE TABLE slot(
  account TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/**
 * `figure`: what `Tallies` counts. `turn`: the place of each circle that was taken last. `mark`: what `Marks` keeps.
 */
const VERSION_4 = `
CREATE TABLE figure(
  account TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  keep_until INTEGER NOT NULL,
  PRIMARY KEY(account, starts_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX figure_end ON figure(keep_until);

CREATE TABLE turn(
  account TEXT PRIMARY KEY,
  place INTEGER NOT NULL,
  taken_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mark(
  name TEXT PRIMARY KEY,
  text TEXT NOT NULL,
  at REAL NOT NULL
) STRICT, WITHOUT ROWID;
`;

/**
 * `suppression`: '' stands for every client, or every stream; a number is never given again, and a replaced entry gets a new
 * one. `provider`: what providers call the messages that they took.
 */
const VERSION_5 = `
CREATE TABLE suppression(
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  address TEXT NOT NULL,
  client TEXT NOT NULL,
  stream TEXT NOT NULL,
  reason TEXT NOT NULL,
  evidence TEXT NOT NULL,
  source TEXT NOT NULL,
  at REAL NOT NULL,
  until REAL
) STRICT;
CREATE UNIQUE INDEX suppression_key ON suppression(address, client, stream);
CREATE INDEX suppression_end ON suppression(until) WHERE until IS NOT NULL;

CREATE TABLE provider(
  id TEXT NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY(id, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX provider_message ON provider(message);
`;

/** No other tables: a relay of before would send what is marked `unsigned` without its signatures, and opens no such store. */
const VERSION_6 = '';

/** Each takes the database from the version of its place to the next; `PRAGMA user_version` says which are done. */
export const MIGRATIONS: readonly string[] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6];
