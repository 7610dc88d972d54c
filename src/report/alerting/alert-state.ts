/** One alert from when it is raised until all were told that it is over: what is known, what was told, what is owed. Pure. */
import { factsOfAlert } from '../../message/alert-kind.ts';
import { rankOf, type Severity } from '../../message/severity.ts';
import { isQuiet } from './quiet.ts';
import type { Policy } from '../../policy/schema.ts';

/** As one node has it. Wall ms. `overAtMs` null: it is in force. */
export type NodeAlert = {
  readonly name: string;
  readonly node: string;
  readonly text: string;
  readonly severity: Severity;
  readonly sinceMs: number;
  readonly overAtMs: number | null;
};

/** `wasOver`: that it had been over already. */
export type Told = {
  readonly text: string;
  readonly severity: Severity;
  readonly atMs: number;
  readonly wasOver: boolean;
};

export type AlertState = {
  /** The name; with `@NODE` behind it where each node has its own. */
  readonly key: string;
  readonly name: string;
  /** The node that it is about; null: it is about all. */
  readonly node: string | null;
  readonly text: string;
  readonly severity: Severity;
  readonly sinceMs: number;
  readonly overAtMs: number | null;
  /** What people were told last; null: nothing. */
  readonly told: Told | null;
  /** Somebody has seen it: nothing more is told until it is over. */
  readonly acknowledged: { readonly by: string; readonly atMs: number } | null;
};

/** `worse`: it was told already as less. `brief`: it was over before anybody was told. */
export type NoticeKind = 'raised' | 'worse' | 'changed' | 'reminder' | 'brief' | 'over';

type Alerts = Pick<Policy['alerts'], 'calm' | 'repeat' | 'quiet' | 'off' | 'severity'>;
export type Terms = { readonly alerts: Alerts; readonly zone: string; readonly nowMs: number };

/** Another text of the same alert is told no sooner. */
const CHANGED_AFTER_MS = 3_600_000;

/** Under which an alert is known to all nodes. */
export function keyOf(name: string, node: string, isShared: boolean): string {
  return isShared && factsOfAlert(name).of === 'node' ? `${name}@${node}` : name;
}

/** As the policy has it, or whoever raised it, or as its kind is. */
export function severityOf(
  name: string,
  given: Severity | undefined,
  { severity }: Pick<Alerts, 'severity'>,
): Severity {
  const kind = name.split(':', 1)[0] ?? '';
  return (Object.hasOwn(severity, kind) ? severity[kind] : undefined) ?? given ?? factsOfAlert(name).severity;
}

/** What the nodes say of one alert, as one. @param all of one key, at least one */
export function merged(all: readonly NodeAlert[]): Pick<NodeAlert, 'text' | 'severity' | 'sinceMs' | 'overAtMs'> {
  const raised = all.filter(({ overAtMs }) => overAtMs === null);
  const counted = raised.length > 0 ? raised : all;
  const last = counted.reduce((one, other) => (other.sinceMs > one.sinceMs ? other : one));
  const worst = counted.reduce((one, other) => (rankOf(other.severity) > rankOf(one.severity) ? other : one));
  const { text } = raised.length > 0 ? worst : last;
  return {
    text,
    severity: worst.severity,
    sinceMs: Math.min(...counted.map(({ sinceMs }) => sinceMs)),
    overAtMs: raised.length > 0 ? null : Math.max(...all.map(({ overAtMs }) => overAtMs ?? 0)),
  };
}

/** What it has become. @param now null: no node says anything of it any more */
export function followed(state: AlertState, now: ReturnType<typeof merged> | null, nowMs: number): AlertState {
  if (now === null) return state.overAtMs === null ? { ...state, overAtMs: nowMs } : state;
  const { text, severity, overAtMs } = now;
  // What came back before anybody was told that it was over is the same.
  if (state.text === text && state.severity === severity && state.overAtMs === overAtMs) return state;
  return { ...state, text, severity, overAtMs };
}

/** What is to be told of it now; null: nothing. */
export function owedOf(state: AlertState, { alerts, zone, nowMs }: Terms): NoticeKind | null {
  const { told, overAtMs, acknowledged } = state;
  if (isOff(state, alerts) || isQuiet(alerts.quiet, state, { nowMs, zone })) return null;
  if (overAtMs !== null) {
    if (told === null) return acknowledged === null ? 'brief' : null;
    return !told.wasOver && nowMs - overAtMs >= alerts.calm ? 'over' : null;
  }
  if (acknowledged !== null) return null;
  if (told === null) return 'raised';
  // It came back: what goes on coming and going is told once.
  if (told.wasOver) return nowMs - told.atMs >= alerts.calm ? 'raised' : null;
  if (rankOf(state.severity) > rankOf(told.severity)) return 'worse';
  if (wordsOf(state.text) !== wordsOf(told.text) && nowMs - told.atMs >= CHANGED_AFTER_MS) return 'changed';
  return alerts.repeat !== null && nowMs - told.atMs >= alerts.repeat ? 'reminder' : null;
}

/** Without figures: that they are others is no news to tell people of. */
function wordsOf(text: string): string {
  return text.replaceAll(/\d[\d.,]*/g, '#');
}

/** Whether nothing is to be told of it any more: it can be forgotten. */
export function isEnded(state: AlertState, { alerts, zone, nowMs }: Terms): boolean {
  const { told, overAtMs, acknowledged } = state;
  if (overAtMs === null) return false;
  if (isOff(state, alerts)) return nowMs - overAtMs >= alerts.calm;
  // What came and went while all was quiet is told to nobody.
  if (told === null) return acknowledged !== null || isQuiet(alerts.quiet, state, { nowMs, zone });
  return told.wasOver && nowMs - Math.max(overAtMs, told.atMs) >= alerts.calm;
}

function isOff({ name }: AlertState, { off }: Pick<Alerts, 'off'>): boolean {
  return off.includes(name.split(':', 1)[0] ?? '');
}

const STATE_MARKS = 'alert:state:';
const RAISED_MARKS = 'alert:raised:';

export function stateMark(key: string): string {
  return `${STATE_MARKS}${key}`;
}

/** @param node encoded, since names of alerts have colons too */
export function raisedMark({ name, node }: Pick<NodeAlert, 'name' | 'node'>): string {
  return `${raisedMarks(node)}${name}`;
}

export function raisedMarks(node: string): string {
  return `${RAISED_MARKS}${encodeURIComponent(node)}:`;
}

/** What a mark says of an alert; null: it is no such mark, or cannot be read. */
export function readState(mark: { readonly name: string; readonly text: string }): AlertState | null {
  return mark.name.startsWith(STATE_MARKS) ? parsed<AlertState>(mark.text, 'key') : null;
}

export function readRaised(mark: { readonly name: string; readonly text: string }): NodeAlert | null {
  return mark.name.startsWith(RAISED_MARKS) ? parsed<NodeAlert>(mark.text, 'node') : null;
}

function parsed<Value>(text: string, key: string): Value | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && key in value ? (value as Value) : null;
  } catch {
    return null;
  }
}
