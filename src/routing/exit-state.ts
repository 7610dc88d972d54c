/**
 * Whether an exit may be used, from what it did last: a circuit breaker. Pure. All times are monotonic ms, so that a
 * clock jump neither frees an exit nor locks it up.
 *
 * closed → (failure) → resting until a time → (time is up) → one probe → closed, or resting twice as long.
 */
export type Circuit = {
  /** null: closed, or not yet proven bad. */
  readonly restsUntilMs: number | null;
  /** Length of the last rest. */
  readonly restMs: number;
  /** One attempt is out to see whether it recovered. */
  readonly probing: boolean;
  /** Failures in a row that do not yet prove the exit bad. */
  readonly strikes: number;
  /** Why it rests, for operators; '' when it does not. */
  readonly cause: string;
  /** Its provider asked for the rest: it is no failure, and what was under way and is taken does not end it. */
  readonly isAsked?: true;
};

export const CLOSED: Circuit = { restsUntilMs: null, restMs: 0, probing: false, strikes: 0, cause: '' };

const FIRST_REST_MS = 30_000;
/** One message a minute finds out whether it works again, and nothing waits longer than it must. */
const LONGEST_REST_MS = 60_000;
/** A server that drops one connection is not down. */
const STRIKES_TO_REST = 3;

export type CircuitGate = 'open' | 'resting' | 'probing';

/** `open`: mail may pass (a probe too). */
export function gateOf(circuit: Circuit, nowMs: number): CircuitGate {
  if (circuit.restsUntilMs === null) return 'open';
  if (circuit.restsUntilMs > nowMs) return 'resting';
  return circuit.probing ? 'probing' : 'open';
}

/** An attempt starts: after a rest it is the probe, and the only one. */
export function afterStart(circuit: Circuit): Circuit {
  return circuit.restsUntilMs === null ? circuit : { ...circuit, probing: true };
}

/** The exit did its part. */
export function afterSuccess(circuit: Circuit, nowMs: number): Circuit {
  const rests = circuit.isAsked === true && circuit.restsUntilMs !== null && circuit.restsUntilMs > nowMs;
  return rests ? circuit : CLOSED;
}

/** The exit's provider asks to be left alone for so long. The longest of what it asks for holds. */
export function afterAsked(
  circuit: Circuit,
  { nowMs, restMs, cause }: { readonly nowMs: number; readonly restMs: number; readonly cause: string },
): Circuit {
  const restsUntilMs = nowMs + restMs;
  if (circuit.restsUntilMs !== null && circuit.restsUntilMs >= restsUntilMs) return circuit;
  return { restsUntilMs, restMs: 0, probing: false, strikes: 0, cause, isAsked: true };
}

/** The attempt says nothing of the exit (the destination was at fault): the next one is the probe. */
export function afterNothing(circuit: Circuit): Circuit {
  return circuit.probing ? { ...circuit, probing: false } : circuit;
}

/**
 * The exit failed. Failures that come in while it rests already (attempts that were under way) do not prolong the rest.
 * @param decisive false: it takes three in a row
 */
export function afterFailure(
  circuit: Circuit,
  { nowMs, cause, decisive }: { readonly nowMs: number; readonly cause: string; readonly decisive: boolean },
): Circuit {
  if (circuit.restsUntilMs !== null && circuit.restsUntilMs > nowMs) return circuit;
  const strikes = circuit.strikes + 1;
  if (circuit.restsUntilMs === null && !decisive && strikes < STRIKES_TO_REST) return { ...circuit, strikes };
  const restMs = circuit.restMs === 0 ? FIRST_REST_MS : Math.min(LONGEST_REST_MS, circuit.restMs * 2);
  return { restsUntilMs: nowMs + restMs, restMs, probing: false, strikes: 0, cause };
}
