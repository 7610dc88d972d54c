/** What keeps mail from an exit, in words. Pure. */
import type { Gate, GateState, Reason } from '../../routing/choose.ts';

const GATES = {
  ready: 'may send now',
  disabled: 'is disabled in the policy',
  stream: 'does not carry this stream',
  stopped: 'is not running',
  tried: 'failed a moment ago',
  paused: 'is paused',
  down: 'is down',
  listed: 'is in a blocklist',
  reputation: 'rests for its reputation',
  budget: 'has used up its budget',
  elsewhere: 'is on another node',
  nowhere: 'is on no node',
  resting: 'rests after a failure',
  asked: 'waits, as its provider asks',
  probing: 'is being tried after a rest',
  limited: 'has used up its limit',
  paced: 'waits a moment, as its rate has it',
  asking: 'is about to know what is left of its limit',
  'site-rest': 'is not wanted at its site now',
  site: 'waits for its site',
  busy: 'has no free connection',
} as const satisfies Record<Gate, string>;

/** Gates whose cause is a sentence of its own. */
const OWN_SUBJECT: ReadonlySet<Gate> = new Set(['limited', 'budget', 'elsewhere', 'nowhere', 'site', 'site-rest']);

/** Gates that a check opens. */
const CHECKED: ReadonlySet<Gate> = new Set(['down', 'listed', 'reputation']);

/** Each gate that is closed, in order, with its figure and when it will move. */
export function reasonText({ egress, others, probability, ...first }: Reason, nowMs: number): string {
  const gates = [first, ...others].map((gate) => gateText(gate, nowMs)).join('; ');
  const chance = probability === undefined ? '' : ` (probability ${Math.round(probability * 1_000) / 10} %)`;
  const hasOwnSubject = OWN_SUBJECT.has(first.gate);
  return `${egress}${hasOwnSubject ? ':' : ''} ${gates}${chance}`;
}

function gateText({ gate, cause, untilMs }: GateState, nowMs: number): string {
  if (gate === 'limited') return `${cause}, resets in ${hoursAndMinutes((untilMs ?? nowMs) - nowMs)}`;
  if (gate === 'budget') return `${cause}, month turns in ${daysAndHours((untilMs ?? nowMs) - nowMs)}`;
  if (gate === 'site-rest') return `${cause}, for ${seconds((untilMs ?? nowMs) - nowMs)} more`;
  if (OWN_SUBJECT.has(gate)) return cause;
  if (gate === 'paced' && cause !== '')
    return `waits for its ${cause}, for ${seconds((untilMs ?? nowMs) - nowMs)} more`;
  const rest =
    (gate === 'resting' || gate === 'asked') && untilMs !== null ? `, for ${seconds(untilMs - nowMs)} more` : '';
  const until = CHECKED.has(gate) && untilMs !== null ? `, looked at again ${inTime(untilMs - nowMs)}` : '';
  return `${GATES[gate]}${cause === '' ? '' : `: ${cause}`}${until}${rest}`;
}

/** What is overdue is about to be. */
function inTime(ms: number): string {
  return ms <= 0 ? 'now' : `in ${seconds(ms)}`;
}

/** `5 m`, `12 h 49 m`. */
export function hoursAndMinutes(ms: number): string {
  const minutes = Math.max(0, Math.ceil(ms / 60_000));
  return minutes < 60 ? `${minutes} m` : `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}

/** `12 h 49 m`, `9 d 3 h`. */
function daysAndHours(ms: number): string {
  const hours = Math.ceil(ms / 3_600_000);
  return hours < 48 ? hoursAndMinutes(ms) : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `30 s`, `57 min`, `3 h`. */
export function seconds(ms: number): string {
  const total = Math.max(0, Math.ceil(ms / 1000));
  if (total < 120) return `${total} s`;
  const minutes = Math.round(total / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
