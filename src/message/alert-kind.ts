/** What kinds of alerts there are: how bad each is, whom it is about, and what is to be done. Pure. */
import type { Severity } from './severity.ts';

/** A kind is what stands before the first colon of an alert's name; behind it stands what it is about. */
export type AlertKindFacts = {
  readonly severity: Severity;
  /** `node`: another node has its own of the same name. Default: all nodes that share a spool mean the same. */
  readonly of?: 'node';
  /** What it is about is an exit, by which no mail about alerts goes meanwhile. */
  readonly exit?: true;
  readonly when: string;
  readonly todo: string;
};

const EXIT_LOG = '`relevo egress list` and `relevo egress test NAME` say why';

/** Every kind that the relay raises, in the order of the reference. */
export const ALERT_KINDS = {
  'egress-down': {
    severity: 'critical',
    exit: true,
    when: 'checks of an exit failed `health.downAfter` times in a row: nothing goes out by it',
    todo: `${EXIT_LOG}; it comes back by itself`,
  },
  'egress-resting': {
    severity: 'warning',
    exit: true,
    when: 'mail by an exit failed again and again, so that it rests for a while',
    todo: EXIT_LOG,
  },
  'egress-silent': {
    severity: 'warning',
    exit: true,
    when: 'attempts by an exit hear nothing for long',
    todo: `look at the server or the network behind the exit: ${EXIT_LOG}`,
  },
  'egress-paused': {
    severity: 'info',
    exit: true,
    when: 'an operator paused an exit',
    todo: '`relevo egress resume NAME` once it is to send again',
  },
  'failure-rate': {
    severity: 'critical',
    exit: true,
    when: 'more than `alerts.failureRate` of the attempts by an exit failed in the last hour (greylisting not counted)',
    todo: '`relevo queue list --egress NAME` has the replies; look for what they have in common',
  },
  'duplicate-rate': {
    severity: 'warning',
    when: 'for more than `alerts.duplicateRate` of the attempts of the last hour the reply to the final dot was lost, so that a copy may be out',
    todo: 'look at the network before the exits, and at their timeouts; `relevo audit` bounds the copies',
  },
  'queue-age': {
    severity: 'warning',
    when: 'mail that is neither held nor scheduled is older than `alerts.queueAge`',
    todo: '`relevo queue shape` shows where it waits, `relevo explain ID` why',
  },
  'lane-stalled': {
    severity: 'critical',
    of: 'node',
    when: 'the watchdog: mail for a destination waits in memory and nothing moved for 10 minutes',
    todo: '`relevo explain ID` of such a message; a restart loses nothing',
  },
  'no-exit': { severity: 'critical', when: 'no exit is open: mail is taken and waits', todo: EXIT_LOG },
  'route-closed': {
    severity: 'critical',
    when: 'no exit of a route is open: its mail waits',
    todo: `${EXIT_LOG}; give the route another exit`,
  },
  unfit: {
    severity: 'warning',
    when: 'mail is held since no exit of its route can carry it as it is',
    todo: 'give the route an exit that carries any mail, then `relevo queue release`',
  },
  'site-blocked': {
    severity: 'warning',
    exit: true,
    when: 'mailbox providers refuse the address of an exit',
    todo: 'read the replies (`relevo queue list --egress NAME`), and ask the provider to take the block off',
  },
  'address-listed': {
    severity: 'critical',
    when: 'an own address is in blocklists: nothing goes out by it',
    todo: 'find the cause, then ask the list to take it off',
  },
  'address-noted': {
    severity: 'warning',
    when: 'an own address is in a blocklist that closes nothing',
    todo: 'have it taken off: some servers refuse its mail for that',
  },
  'address-missing': {
    severity: 'warning',
    when: 'no node that is up has the local address that exits are bound to',
    todo: 'give a machine the address, or the exit another',
  },
  'blocklist-unknown': {
    severity: 'info',
    when: 'a blocklist does not answer: whether own addresses are in it is not known',
    todo: 'give `dns.servers` a resolver of your own, or use the zone that comes with a key',
  },
  reputation: {
    severity: 'warning',
    exit: true,
    when: 'the score of an exit is below `reputation.slowBelow` (half pace), or below `reputation.pauseBelow` (critical: paused)',
    todo: 'docs/reputation.md: what others refuse or complain about; send less, and only what is wanted',
  },
  warmup: {
    severity: 'info',
    when: 'the warm-up of an exit went back a step',
    todo: 'nothing, unless it goes on: then look at the replies',
  },
  budget: {
    severity: 'warning',
    when: 'four fifths of the budget of an exit are used, or all of it (critical: it is closed)',
    todo: 'raise the budget, or let the month turn: its mail takes the next exit of its route',
  },
  'exit-key': {
    severity: 'warning',
    when: 'a provider refuses a key: the others of the exit are used',
    todo: 'put a new key into the policy',
  },
  'exit-provider': {
    severity: 'warning',
    exit: true,
    when: 'a provider refuses mail for what the account is',
    todo: 'see to the account with the provider',
  },
  'exit-account': {
    severity: 'warning',
    exit: true,
    when: 'an account with Amazon SES is limited, or about to be',
    todo: 'see to the account with the provider',
  },
  'hook-unsubscribed': {
    severity: 'warning',
    when: 'a topic of Amazon SNS tells an exit nothing any more',
    todo: 'subscribe the topic again: docs/providers.md',
  },
  'webhook-dead': {
    severity: 'warning',
    when: 'a program that is told of events took nothing for so long that it is told no more',
    todo: '`relevo webhook resume NAME` once it works: what it missed is kept',
  },
  'spool-trouble': {
    severity: 'critical',
    of: 'node',
    when: 'the spool takes nothing: its disk is full, or cannot be written; clients get 451 or 452',
    todo: 'make room or mend the disk; nothing is lost meanwhile',
  },
  'spool-redis': {
    severity: 'critical',
    of: 'node',
    when: 'Redis cannot be reached, or does not keep mail as the policy says; clients get 451',
    todo: 'see to Redis: the text says which setting; nothing is lost meanwhile',
  },
  'spool-lost': {
    severity: 'critical',
    when: 'the spool is another than the one that the relay knew: it came back empty, or is the wrong one',
    todo: 'find out what became of it before mail is sent again',
  },
  'spool-salvaged': {
    severity: 'critical',
    when: 'the spool was damaged, and what could be read of it was carried over',
    todo: 'look at the disk; the damaged file is kept',
  },
  'durability-relaxed': {
    severity: 'info',
    when: '`spool.durability` is relaxed: 250 does not mean that mail is on disk',
    todo: 'nothing, if it is meant',
  },
  'history-cut': {
    severity: 'warning',
    when: 'history is forgotten before its time, since the spool is full',
    todo: 'give the spool room, or shorten `history`',
  },
  'claims-failing': {
    severity: 'critical',
    of: 'node',
    when: 'what is due cannot be read from the store',
    todo: 'see to the store: the log says why',
  },
  'settlement-refused': {
    severity: 'critical',
    when: 'the store refuses to keep what came of a delivery',
    todo: 'report it: it is a fault of the relay; the message is kept',
  },
  certificate: {
    severity: 'critical',
    of: 'node',
    when: 'the certificate or key in the files of the policy cannot be used: the one before stays in use',
    todo: 'put a pair there that belongs together',
  },
  'http-certificate': {
    severity: 'critical',
    of: 'node',
    when: 'the certificate or key of HTTP cannot be used: the one before stays in use',
    todo: 'put a pair there that belongs together',
  },
  'certificate-ends': {
    severity: 'warning',
    of: 'node',
    when: 'a certificate ends within 14 days (info), 7 days (warning), 1 day (critical)',
    todo: 'put a new one into its place: it is read by itself',
  },
  'dkim-key': {
    severity: 'critical',
    when: 'a DKIM key cannot be read: mail goes out without its signature',
    todo: 'mend the file that the text names',
  },
  'dkim-dns': {
    severity: 'critical',
    when: 'DNS has no DKIM record for a key that signs, or another one; looked at every day',
    todo: '`relevo dns DOMAIN` prints the record to publish',
  },
  dns: {
    severity: 'warning',
    when: 'the SPF record of a domain, or the MX of its return path, is missing or wrong; looked at every day',
    todo: '`relevo dns DOMAIN` prints the record to publish',
  },
  'return-path-keys': {
    severity: 'critical',
    of: 'node',
    when: 'the keys that sign return paths cannot be read or written',
    todo: 'mend the file: every node needs the same',
  },
  'policy-refused': {
    severity: 'warning',
    of: 'node',
    when: 'the policy file as it is now is not in force: the one before is',
    todo: '`relevo check` names file, line and column',
  },
  'not-listening': {
    severity: 'critical',
    of: 'node',
    when: 'a port of the policy cannot be opened',
    todo: 'see which program has it: the text says what was tried',
  },
  'worker-failing': {
    severity: 'critical',
    of: 'node',
    when: 'a worker ends again and again',
    todo: 'the log has its last words; report it',
  },
  'node-gone': {
    severity: 'critical',
    when: 'a node is not heard of any more, and did not leave: the others take over its mail',
    todo: 'see to the machine',
  },
  'node-name': {
    severity: 'info',
    of: 'node',
    when: 'a relay waits for the name of a node that did not leave',
    todo: 'nothing, unless it stays',
  },
  'node-name-taken': {
    severity: 'critical',
    of: 'node',
    when: 'another relay has the name of this node',
    todo: 'restart one of them with another `--node`',
  },
  'node-clock': {
    severity: 'critical',
    of: 'node',
    when: 'the clock of a node is off: by it the nodes judge each other’s leases',
    todo: 'set it right (NTP)',
  },
  'client-anomaly': {
    severity: 'warning',
    when: 'a client sends far more, to more new recipients, or bounces more than it ever did: its marketing mail is held',
    todo: 'look at what it sends; `relevo client release NAME`, or the link, lets it go',
  },
  'quota-held': {
    severity: 'warning',
    when: 'mail of a client with `overQuota: hold` is over its quota: it waits, and goes by itself as there is room',
    todo: 'nothing, if it is meant; else raise `quota`, or look at what the client sends: `relevo queue list --state held --client NAME`',
  },
} as const satisfies Readonly<Record<string, AlertKindFacts>>;

export type AlertKind = keyof typeof ALERT_KINDS;
export const ALERT_KIND_NAMES = Object.keys(ALERT_KINDS) as readonly AlertKind[];

const UNKNOWN: AlertKindFacts = { severity: 'warning', when: 'not described', todo: 'the text says what happened' };

/** What stands before the first colon of an alert's name. */
export function kindOfAlert(name: string): string {
  const end = name.indexOf(':');
  return end === -1 ? name : name.slice(0, end);
}

/** What it is about: an exit, a domain, a node; '' for the relay itself. */
export function subjectOfAlert(name: string): string {
  return name.slice(kindOfAlert(name).length + 1);
}

/** What is known of an alert by its name; of a kind that is not in the table the usual. */
export function factsOfAlert(name: string): AlertKindFacts {
  const kind = kindOfAlert(name);
  return Object.hasOwn(ALERT_KINDS, kind) ? ALERT_KINDS[kind as AlertKind] : UNKNOWN;
}
