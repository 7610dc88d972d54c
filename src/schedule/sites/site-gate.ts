/** What keeps mail to a site from an exit, and for how long. Pure; times are monotonic ms. */
import { formatRate, type Rate } from '../../policy/units.ts';
import type { GateState } from '../../routing/choose.ts';
import { isShut, siteConnections } from './site-feedback.ts';
import type { Site, SiteExit } from './site.ts';

/** Waits up to so long are waited for in memory. */
const MOMENT_MS = 20_000;

/** null: nothing. */
export function siteGate(site: Site, exit: string, nowMs: number): GateState | null {
  const { name, inFlight, most, nextMs } = site;
  const at = site.exits.get(exit);
  const shut = at === undefined ? null : shutGate(site, at, nowMs);
  // What lasts is told first: nothing of it is kept in memory.
  if (shut?.gate === 'site-rest') return shut;
  if (nextMs > nowMs) return later(nextMs, nowMs, `its site ${name} is at its rate of ${rateText(site.rate)}`);
  if (shut !== null) return shut;
  if (inFlight >= most) return moment(`its site ${name} has ${inFlight} of ${most} connections`);
  if (at === undefined) return null;
  const allowed = siteConnections(at.feedback);
  if (at.inFlight < allowed) return null;
  return moment(`its site ${name} has ${at.inFlight} of the ${allowed} connections that it takes from it, as learnt`);
}

/** What the site taught about this exit, as far as time ends it. */
function shutGate({ name }: Site, { feedback, startedMs }: SiteExit, nowMs: number): GateState | null {
  const { shutUntilMs, why, everyMs } = feedback;
  if (shutUntilMs !== null && isShut(feedback, nowMs)) {
    const cause = why === 'blocked' ? `its site ${name} refuses its address` : `its site ${name} asked for less`;
    return later(shutUntilMs, nowMs, cause);
  }
  if (everyMs === 0 || startedMs + everyMs <= nowMs) return null;
  const cause = `its site ${name} takes a message every ${Math.round(everyMs / 100) / 10} s from it, as learnt`;
  return later(startedMs + everyMs, nowMs, cause);
}

function moment(cause: string): GateState {
  return { gate: 'site', untilMs: null, cause };
}

function later(untilMs: number, nowMs: number, cause: string): GateState {
  return { gate: untilMs - nowMs > MOMENT_MS ? 'site-rest' : 'site', untilMs, cause };
}

/** When time alone opens the first of its gates; null: none that time opens is closed. */
export function siteOpensMs(site: Site, nowMs: number): number | null {
  let opensMs = site.nextMs > nowMs ? site.nextMs : Number.POSITIVE_INFINITY;
  if (site.unknownUntilMs > nowMs) opensMs = Math.min(opensMs, site.unknownUntilMs);
  for (const exit of site.narrowed) {
    const at = site.exits.get(exit);
    if (at === undefined) continue;
    const untilMs = Math.max(
      at.feedback.shutUntilMs ?? 0,
      at.feedback.everyMs > 0 ? at.startedMs + at.feedback.everyMs : 0,
    );
    if (untilMs > nowMs) opensMs = Math.min(opensMs, untilMs);
  }
  return Number.isFinite(opensMs) ? opensMs : null;
}

/** As people write it: `600/m`. */
export function rateText(rate: Rate | null): string {
  return rate === null ? 'nothing' : formatRate(rate);
}
