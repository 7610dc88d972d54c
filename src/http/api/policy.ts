/** The policy: its text, what is wrong with it, what a change of it means, and its versions. */
import { z } from 'zod';
import { completionsAt } from '../../policy/completion.ts';
import { policyJsonSchema } from '../../policy/json-schema.ts';
import { PRESET_NAMES } from '../../policy/presets.ts';
import { SIMULATED_HOURS_MOST } from '../../operations/simulate-policy.ts';
import type { SimulatedText, SimulateTextAsk } from '../../operations/simulate-apart.ts';
import type { PolicyOperations, PolicyPut } from '../../operations/policy-operations.ts';
import { etagOf } from '../../operations/policy-versions.ts';
import { type ApiCall, type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import {
  authorOf,
  CHECK,
  DIFF,
  etagIn,
  MOST_BYTES,
  notText,
  putReply,
  simulatedReply,
  textOf,
  VERSION,
  WRITTEN,
  YAML_TYPES,
} from './policy-replies.ts';

/** What the calls and pages of the policy are made of. */
export type PolicyDesk = {
  readonly operations: PolicyOperations;
  readonly simulate: (ask: SimulateTextAsk) => Promise<SimulatedText>;
};

type Needs = { readonly policies: PolicyDesk };

const PART = 'policy';
const COMMENT = z.string().max(500).default('');
const TEXT = z.string().max(1024 ** 2);
const ID = /^[1-9]\d{0,8}$/;
const HEX = z.string().regex(/^[0-9a-f]{32}$/, 'expected the etag of the text that it was made from');

export function policyRoutes({ policies }: Needs): readonly ApiRoute[] {
  const { operations, simulate } = policies;
  return [
    ...textRoutes(operations),
    ...stateRoutes(operations),
    ...lookRoutes(operations),
    ...trialRoutes(simulate),
    ...versionRoutes(operations),
    ...rollbackRoutes(operations),
    defineRoute({
      method: 'GET',
      path: '/api/v1/policy/schema',
      scope: 'read',
      part: PART,
      summary: 'The JSON Schema of policy files: `relevo policy schema`',
      answer: z.looseObject({}),
      run: async () => ({ kind: 'json', value: policyJsonSchema() }),
    }),
  ];
}

function textRoutes(operations: PolicyOperations): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/policy',
      scope: 'admin',
      part: PART,
      summary: 'The text of the policy file as it is now, keys in clear among it; its ETag names it in a later PUT',
      answer: { contentType: 'text/yaml' },
      run: async () => {
        const { text, etag } = await operations.file();
        return yaml(text, etag);
      },
    }),
    defineRoute({
      method: 'PUT',
      path: '/api/v1/policy',
      scope: 'admin',
      part: PART,
      summary:
        'Write the policy file, byte by byte, and put it in force; If-Match names what it was made from, else 409 with the diff',
      query: z.object({ comment: COMMENT }),
      body: { as: 'bytes', contentTypes: YAML_TYPES },
      mostBytes: () => MOST_BYTES,
      answer: WRITTEN,
      run: async ({ body, query: { comment }, header, principal }) => {
        const etag = etagIn(header('if-match'));
        if (etag.kind === 'refused') return { kind: 'answer', answer: etag.answer };
        const text = textOf(body as unknown as Buffer);
        if (text === null) return notText();
        return putReply(
          await operations.put({ text, etag: etag.etag, by: authorOf(principal), comment }),
          'policy.edit',
        );
      },
    }),
  ];
}

function stateRoutes(operations: PolicyOperations): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/policy/state',
      scope: 'read',
      part: PART,
      summary: 'Whether the policy file is in force, what is wrong with it and what is unwise, without its text',
      answer: CHECK.extend({ etag: z.string(), inForce: z.string().nullable(), notWritable: z.string().nullable() }),
      run: async () => {
        const { text: _, ...state } = await operations.file();
        return { kind: 'json', value: state };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api/v1/policy/preset',
      scope: 'admin',
      part: PART,
      summary: 'Put a preset in force, or none: changes that line of the file alone',
      body: {
        as: 'json',
        schema: z.strictObject({
          preset: z.enum(PRESET_NAMES).nullable(),
          etag: HEX.nullable().default(null),
          comment: COMMENT,
        }),
      },
      answer: WRITTEN,
      run: async ({ body: { preset, etag, comment }, principal }) =>
        putReply(await operations.preset({ name: preset, etag, by: authorOf(principal), comment }), 'policy.preset'),
    }),
  ];
}

function lookRoutes(operations: PolicyOperations): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/api/v1/policy/check',
      scope: 'admin',
      part: PART,
      summary: 'What is wrong with a text, with line and column, and what is unwise; changes nothing',
      body: { as: 'bytes', contentTypes: YAML_TYPES },
      mostBytes: () => MOST_BYTES,
      answer: CHECK.extend({ etag: z.string() }),
      run: async ({ body }) => {
        const text = textOf(body as unknown as Buffer);
        if (text === null) return notText();
        return { kind: 'json', value: { ...(await operations.check(text)), etag: etagOf(text) } };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api/v1/policy/diff',
      scope: 'admin',
      part: PART,
      summary: 'What a text, or a version, changes of the file, or of another version: line by line, and key by key',
      body: {
        as: 'json',
        schema: z.strictObject({
          from: z.int().min(1).nullable().default(null),
          to: z.int().min(1).nullable().default(null),
          text: TEXT.optional(),
        }),
      },
      mostBytes: () => 2 * MOST_BYTES,
      answer: DIFF,
      run: async ({ body: { from, to, text } }) => ({ kind: 'json', value: await operations.diff(from, text ?? to) }),
    }),
  ];
}

function trialRoutes(simulate: PolicyDesk['simulate']): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/api/v1/policy/simulate',
      scope: 'admin',
      part: PART,
      summary: 'What a text would have made of the mail of the last hours: `relevo policy simulate --json`',
      body: {
        as: 'json',
        schema: z.strictObject({ text: TEXT, hours: z.int().min(1).max(SIMULATED_HOURS_MOST).default(24) }),
      },
      mostBytes: () => 2 * MOST_BYTES,
      answer: z.looseObject({ notes: z.array(z.string()) }),
      run: async ({ body, signal }) => simulatedReply(await simulate({ ...body, signal })),
    }),
    defineRoute({
      method: 'POST',
      path: '/api/v1/policy/complete',
      scope: 'admin',
      part: PART,
      summary: 'What may be written at a place of a text: keys, values, names that are defined in it',
      body: {
        as: 'json',
        schema: z.strictObject({ text: TEXT, line: z.int().min(1), column: z.int().min(1) }),
      },
      mostBytes: () => 2 * MOST_BYTES,
      answer: z.object({ column: z.number(), completions: z.array(z.looseObject({ label: z.string() })) }),
      run: async ({ body: { text, line, column } }) => ({ kind: 'json', value: completionsAt(text, { line, column }) }),
    }),
  ];
}

function versionRoutes(operations: PolicyOperations): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/policy/versions',
      scope: 'read',
      part: PART,
      summary:
        'The policies that came into force on this node, the newest first: who, when, and why; without their texts',
      answer: z.object({ versions: z.array(VERSION) }),
      run: async () => ({ kind: 'json', value: { versions: await operations.versions() } }),
    }),
    defineRoute({
      method: 'GET',
      path: '/api/v1/policy/versions/{id}',
      scope: 'admin',
      part: PART,
      summary: 'The text of a version, keys in clear among it',
      answer: { contentType: 'text/yaml' },
      run: (call) =>
        withVersion(call, operations, async (id) => {
          const text = await operations.versionText(id);
          return yaml(text, etagOf(text));
        }),
    }),
  ];
}

function rollbackRoutes(operations: PolicyOperations): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/api/v1/policy/versions/{id}/rollback',
      scope: 'admin',
      part: PART,
      summary: 'Write a version into the policy file again, and put it in force',
      body: {
        as: 'json',
        schema: z.strictObject({ etag: HEX.nullable().default(null), comment: COMMENT }),
      },
      answer: WRITTEN,
      run: (call) =>
        withVersion(call, operations, async (id) => {
          const { etag, comment } = call.body;
          const put: PolicyPut = await operations.rollback({ id, etag, by: authorOf(call.principal), comment });
          return putReply(put, 'policy.rollback');
        }),
    }),
  ];
}

/** 404 for one that is not kept. */
async function withVersion(
  { params }: Pick<ApiCall<unknown, unknown>, 'params'>,
  operations: PolicyOperations,
  use: (id: number) => Promise<ApiReply>,
): Promise<ApiReply> {
  const text = params['id'] ?? '';
  const id = ID.test(text) ? Number(text) : 0;
  const isThere = (await operations.versions()).some((version) => version.id === id);
  return isThere ? use(id) : notText(404, 'no such version is kept: /api/v1/policy/versions has those that are');
}

function yaml(text: string, etag: string): ApiReply {
  const headers = { etag: `"${etag}"` };
  return { kind: 'answer', answer: { status: 200, contentType: 'text/yaml; charset=utf-8', text, headers } };
}
