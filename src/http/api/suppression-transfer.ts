/** Lists of addresses that are not written to: out as a file, and in from our own or a provider's. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { EXPORT_FORMATS, exportFormat } from '../../operations/suppress/export.ts';
import { entryOf, type ImportTerms } from '../../operations/suppress/formats.ts';
import { ListError, rowsOf } from '../../operations/suppress/rows.ts';
import { allSuppressions } from '../../operations/suppress/suppress-operations.ts';
import { SUPPRESSION_REASONS, type Suppression, SUPPRESSIONS_AT_ONCE } from '../../spool/suppressions.ts';
import { problem } from '../answer.ts';
import { faulty } from '../faults.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { suppressionFields } from './suppressions.ts';

type TransferNeeds = Pick<RouteNeeds, 'operations' | 'clock'>;

const BODY_MOST = 2 * 1024 * 1024 + 4_096;
const FAULTS_TOLD = 20;
/** Characters that are read at once: some ms. */
const PIECE = 32 * 1024;

const exported = suppressionFields.extend({ format: z.enum(EXPORT_FORMATS).prefault('csv') });

const name = z.string().min(1).max(64).exactOptional();
const list = z.strictObject({
  text: z.string().min(1),
  reason: z.enum(SUPPRESSION_REASONS).exactOptional(),
  client: name,
  stream: name,
});

export function suppressionTransferRoutes(needs: TransferNeeds): readonly ApiRoute[] {
  return [exportRoute(needs), importRoute(needs)];
}

function exportRoute({ operations }: TransferNeeds): ApiRoute {
  return defineRoute({
    method: 'GET',
    path: '/api/v1/suppressions/export',
    scope: 'read',
    part: 'suppressions',
    summary: 'All suppressed addresses as a file: `relevo suppress export`; `json`: an object a line',
    query: exported,
    answer: { contentType: 'text/csv' },
    run: async ({ query: { format, ...filter }, signal }) => {
      const known = exportFormat(format);
      if (known === null) return { kind: 'answer', answer: problem(400, `format: ${EXPORT_FORMATS.join(', ')}`) };
      const { header, lineOf } = known;
      const contentType = format === 'json' ? 'application/x-ndjson' : 'text/csv; charset=utf-8';
      const lines = async function* (): AsyncGenerator<string> {
        yield header;
        for await (const entries of allSuppressions(operations, filter)) {
          if (signal.aborted) return;
          yield entries.flatMap((entry) => lineOf(entry) ?? []).join('');
        }
      };
      return { kind: 'stream', contentType, stream: bytesOf(lines()) };
    },
  });
}

/** Read as fast as it is taken. */
function bytesOf(texts: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      for (;;) {
        const next = await texts.next();
        if (next.done === true) return controller.close();
        if (next.value === '') continue;
        controller.enqueue(Buffer.from(next.value));
        return undefined;
      }
    },
    cancel: async () => {
      await texts.return(undefined);
    },
  });
}

type Read = { readonly entries: Suppression[]; readonly skipped: number; readonly faults: readonly string[] };

function importRoute({ operations, clock }: TransferNeeds): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/suppressions/import',
    scope: 'operate',
    part: 'suppressions',
    summary:
      'Takes over a list: our own, of SendGrid, Mailgun or Amazon SES, or addresses alone; all of it, or nothing where a line cannot be read',
    body: { as: 'json', schema: list },
    mostBytes: () => BODY_MOST,
    answer: z.object({ made: z.int(), skipped: z.int() }),
    run: async ({ body: { text, reason = null, client = null, stream = null } }) => {
      // Whoever names nobody means all mail: to write to fewer is the safe side.
      const terms = { client, stream, reason, isScoped: true, keepMs: null, nowMs: clock.nowMs() };
      const { entries, skipped, faults } = await readList(text, terms);
      if (faults.length > 0) {
        const more = faults.length > FAULTS_TOLD ? ` and ${faults.length - FAULTS_TOLD} more` : '';
        const told = `nothing was imported: ${faults.slice(0, FAULTS_TOLD).join('; ')}${more}`;
        return { kind: 'answer', answer: faulty([{ in: 'body', path: 'text', text: told }]) };
      }
      for (let from = 0; from < entries.length; from += SUPPRESSIONS_AT_ONCE)
        await operations.suppress({ entries: entries.slice(from, from + SUPPRESSIONS_AT_ONCE) });
      const value = { made: entries.length, skipped };
      return {
        kind: 'json',
        value,
        change: { what: 'suppression.import', on: `${entries.length} entries`, after: value },
      };
    },
  });
}

async function readList(text: string, terms: ImportTerms): Promise<Read> {
  const entries: Suppression[] = [];
  const faults: string[] = [];
  let skipped = 0;
  try {
    for await (const row of rowsOf(inPieces(text))) {
      const result = entryOf(row, terms);
      if (result.kind === 'bad') faults.push(`line ${row.line}: ${result.problem}`);
      else if (result.kind === 'skipped') skipped += 1;
      else entries.push(result.entry);
    }
  } catch (error) {
    if (!(error instanceof ListError)) throw error;
    faults.push(error.message);
  }
  return { entries, skipped, faults };
}

/** The same text, with a turn of the event loop between its pieces: nobody waits for a long list. */
export async function* inPieces(text: string): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += PIECE) {
    if (at > 0) await nextTurn();
    yield text.slice(at, at + PIECE);
  }
}
