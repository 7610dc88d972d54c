/** What the calls about the policy have in common: what is sent, and what comes of it. */
import { z } from 'zod';
import type { PolicyProblem, PolicyPut } from '../../operations/policy/put.ts';
import type { PolicyAuthor } from '../../operations/policy/versions.ts';
import type { SimulatedText } from '../../operations/simulate/apart.ts';
import { MAX_TEXT_BYTES } from '../../policy/file/tree.ts';
import { type Answer, problem, problemWith } from '../answer.ts';
import type { Principal } from '../principal.ts';
import type { ApiReply } from '../route.ts';

export const PART = 'policy';
export const COMMENT = z.string().max(500).default('');
export const HEX = z.string().regex(/^[0-9a-f]{32}$/, 'expected the etag of the text that it was made from');
export const YAML_TYPES = ['text/yaml', 'application/yaml', 'application/x-yaml', 'text/x-yaml', 'text/plain'];
/** With a little for those that it refuses by their own word. */
export const MOST_BYTES = MAX_TEXT_BYTES + 1024;

const PROBLEM = z.object({
  line: z.number().nullable(),
  column: z.number().nullable(),
  path: z.string(),
  text: z.string(),
});
export const CHECK = z.object({
  isValid: z.boolean(),
  version: z.string().nullable(),
  problems: z.array(PROBLEM),
  warnings: z.array(z.string()),
});
export const DIFF = z.object({ unified: z.string(), changes: z.array(z.looseObject({ key: z.string() })).nullable() });
export const WRITTEN = DIFF.extend({
  etag: z.string(),
  version: z.string().nullable(),
  warnings: z.array(z.string()),
  isSame: z.boolean(),
  relay: z.string(),
});
export const VERSION = z.object({
  id: z.number(),
  etag: z.string(),
  version: z.string(),
  atMs: z.number(),
  by: z.object({ kind: z.string(), name: z.string() }),
  what: z.string(),
  comment: z.string(),
  sizeBytes: z.number(),
});

export function authorOf({ kind, name }: Principal): PolicyAuthor {
  return { kind, name };
}

/** null: it is no text, and would not be in the file as it was sent. */
export function textOf(body: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return null;
  }
}

/** What only says why not. */
export function notText(status = 400, detail = 'the text is not UTF-8'): ApiReply {
  return { kind: 'answer', answer: problem(status, detail) };
}

type Etag =
  | { readonly kind: 'good'; readonly etag: string | null }
  | { readonly kind: 'refused'; readonly answer: Answer };

/** RFC 9110 §13.1.1; `*`: whatever is there. */
export function etagIn(field: string | null): Etag {
  const text = field?.trim() ?? '';
  if (text === '*') return { kind: 'good', etag: null };
  const etag = /^(?:W\/)?"([0-9a-f]{32})"$/.exec(text)?.[1];
  if (etag !== undefined) return { kind: 'good', etag };
  const answer =
    text === ''
      ? problem(428, 'say what it was made from: If-Match with the ETag of the text, or * for whatever is there')
      : problem(400, 'If-Match: expected one ETag as GET /api/v1/policy gives it, or *');
  return { kind: 'refused', answer };
}

/** @param what for the audit log */
export function putReply(put: PolicyPut, what: string): ApiReply {
  switch (put.kind) {
    case 'written': {
      const { kind: _, ...value } = put;
      const { etag, version, changes, isSame } = put;
      const headers = { etag: `"${etag}"` };
      if (isSame) return { kind: 'json', value, headers, change: null };
      return { kind: 'json', value, headers, change: { what, on: 'policy', after: { version, etag, changes } } };
    }
    case 'stale': {
      const { etag, mine, theirs } = put;
      const detail =
        'the policy is not what this was made from any more: look at what changed, and make the edit again';
      return { kind: 'answer', answer: problemWith({ etag, diff: mine, theirs }, 409, { detail }) };
    }
    case 'refused':
      return wrong(422, 'the policy would be refused: nothing was changed', put.problems);
    case 'not-taken':
      return wrong(422, 'the relay did not take the policy up: the file is as it was', put.problems);
    case 'not-writable':
      return notText(403, put.why);
  }
}

/** What a replay came to, or why the text would be refused. */
export function simulatedReply(simulated: SimulatedText): ApiReply {
  if (simulated.kind === 'refused') return wrong(422, 'the policy would be refused', simulated.problems);
  const { simulation, notes } = simulated;
  return { kind: 'json', value: { ...simulation, notes } };
}

/** What would be refused, with the places. */
export function wrong(status: number, detail: string, problems: readonly PolicyProblem[]): ApiReply {
  const [first] = problems;
  const told = first === undefined ? detail : `${detail}: ${first.path === '' ? '' : `${first.path}: `}${first.text}`;
  return { kind: 'answer', answer: problemWith({ problems }, status, { detail: told }) };
}

/** A text of the policy, with the name that edits of it give. */
export function yaml(text: string, etag: string): ApiReply {
  const headers = { etag: `"${etag}"` };
  return { kind: 'answer', answer: { status: 200, contentType: 'text/yaml; charset=utf-8', text, headers } };
}
