/** Certificates that are about to end: the listeners' and that of HTTP. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Severity } from '../../../message/severity.ts';
import type { Clock, Emit } from '../../../ports.ts';
import { Raised } from './raised.ts';
import { repeated } from '../../../running/repeated.ts';

/** `what`, for people and the alert: `smtp` or `http`. */
export type CertificateFile = { readonly what: string; readonly path: string };

export type CertificateWatchNeeds = {
  readonly files: () => readonly CertificateFile[];
  readonly clock: Clock;
  readonly emit: Emit;
};

const DAY_MS = 86_400_000;
const LOOK_MS = 3_600_000;
/** Whoever starts has the first seconds for itself. */
const FIRST_MS = 10_000;
/** From so many days before the end. */
const STEPS: readonly { readonly days: number; readonly severity: Severity }[] = [
  { days: 1, severity: 'critical' },
  { days: 7, severity: 'warning' },
  { days: 14, severity: 'info' },
];

/** Looks every hour until it is disposed of; files that cannot be read are for others to tell of. */
export function watchCertificates({ files, clock, emit }: CertificateWatchNeeds): AsyncDisposable {
  const raised = new Raised({ clock, emit });
  const lookAtAll = async (): Promise<void> => {
    for (const file of files()) await look(file, clock.nowMs(), raised);
  };
  return repeated(lookAtAll, { clock, everyMs: LOOK_MS, firstMs: FIRST_MS });
}

async function look({ what, path }: CertificateFile, nowMs: number, raised: Raised): Promise<void> {
  const endsAtMs = await endOf(path);
  if (endsAtMs === null) return;
  const name = `certificate-ends:${what}`;
  const severity = severityAt(endsAtMs - nowMs);
  const ends = new Date(endsAtMs).toISOString();
  if (severity === null) return raised.set(name, null, `the certificate ${path} (${what}) is good until ${ends}`);
  const days = Math.floor((endsAtMs - nowMs) / DAY_MS);
  const when =
    endsAtMs <= nowMs ? `ended at ${ends}: clients that check it send nothing` : `ends at ${ends}, in ${days} days`;
  raised.set(name, { text: `the certificate ${path} (${what}) ${when}`, severity });
}

function severityAt(leftMs: number): Severity | null {
  return STEPS.find(({ days }) => leftMs <= days * DAY_MS)?.severity ?? null;
}

/** Of the first certificate in the file; null: it cannot be read. */
async function endOf(path: string): Promise<number | null> {
  try {
    return new X509Certificate(await readFile(path)).validToDate.getTime();
  } catch {
    return null;
  }
}

/** When each of them ends, of those that can be read. */
export async function certificateEnds(
  files: readonly CertificateFile[],
): Promise<readonly { readonly what: string; readonly endsAtMs: number }[]> {
  const ends = await Promise.all(files.map(async ({ what, path }) => ({ what, endsAtMs: await endOf(path) })));
  return ends.flatMap(({ what, endsAtMs }) => (endsAtMs === null ? [] : [{ what, endsAtMs }]));
}
