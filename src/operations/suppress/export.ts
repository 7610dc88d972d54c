/** Suppressed addresses as lines of a file: all that is known, or what a provider takes over. Pure. */
import { guarded } from '../../report/csv.ts';
import { isoTime } from '../../report/log-fields.ts';
import type { Suppression } from '../../spool/suppressions.ts';

export type ExportFormat = {
  readonly header: string;
  /** null: the provider has no list for such an entry. */
  readonly lineOf: (entry: Suppression) => string | null;
};

const FORMATS: Readonly<Record<string, ExportFormat>> = {
  csv: {
    header: 'address,client,stream,reason,evidence,source,at,until\n',
    lineOf: ({ address, client, stream, reason, evidence, source, atMs, untilMs }) =>
      csvLine(
        [address, client ?? '', stream ?? '', reason, evidence, source, isoTime(atMs), untilTime(untilMs)].map(guarded),
      ),
  },
  json: { header: '', lineOf: (entry) => `${JSON.stringify(entry)}\n` },
  // The one column that each of its lists asks for.
  sendgrid: { header: 'email\n', lineOf: ({ address }) => csvLine([address]) },
  'mailgun-bounces': {
    header: 'address,code,error,created_at\n',
    lineOf: ({ address, reason, evidence, atMs }) =>
      reason === 'complaint' || reason === 'unsubscribe'
        ? null
        : csvLine([address, /^\d{3}/.exec(evidence)?.[0] ?? '550', evidence, new Date(atMs).toUTCString()]),
  },
  'mailgun-complaints': {
    header: 'address,created_at\n',
    lineOf: ({ address, reason, atMs }) =>
      reason === 'complaint' ? csvLine([address, new Date(atMs).toUTCString()]) : null,
  },
  'mailgun-unsubscribes': {
    header: 'address,tags,created_at\n',
    lineOf: ({ address, reason, atMs }) =>
      reason === 'unsubscribe' ? csvLine([address, '*', new Date(atMs).toUTCString()]) : null,
  },
  // Without a header, as its bulk import takes it.
  ses: {
    header: '',
    lineOf: ({ address, reason }) =>
      csvLine([address, reason === 'complaint' || reason === 'unsubscribe' ? 'COMPLAINT' : 'BOUNCE']),
  },
};

export const EXPORT_FORMATS = Object.keys(FORMATS);

/** null: there is no such format. */
export function exportFormat(name: string): ExportFormat | null {
  return Object.hasOwn(FORMATS, name) ? (FORMATS[name] ?? null) : null;
}

function untilTime(atMs: number | null): string {
  return atMs === null ? '' : isoTime(atMs);
}

/** RFC 4180. What a provider reads is left as it is; our own list, which people open, has `guarded` cells. */
function csvLine(cells: readonly string[]): string {
  const quoted = cells.map((cell) => (/[",\r\n;\t]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell));
  return `${quoted.join(',')}\n`;
}
