/** The policy: its text, what is wrong with it, what a change of it means, and its versions. */
import { z } from 'zod';
import { completionsAt } from '../../policy/file/completion.ts';
import { policyJsonSchema } from '../../policy/generate/json-schema.ts';
import { PRESET_NAMES } from '../../policy/presets/presets.ts';
import { SIMULATED_HOURS_MOST } from '../../operations/simulate/simulate-policy.ts';
import type { SimulatedText, SimulateTextAsk } from '../../operations/simulate/apart.ts';
import type { PolicyOperations } from '../../operations/policy/policy-operations.ts';
import { settingChanges, SETTINGS } from '../../operations/policy/settings.ts';
import { setValues } from '../../operations/policy/values.ts';
import { etagOf } from '../../operations/policy/versions.ts';
import type { SecretFiles } from '../../operations/policy/secret-files.ts';
import type { WizardAnswers } from '../../operations/wizard/answers.ts';
import type { WizardSetup } from '../../operations/wizard/setup.ts';
import type { WizardTrial, WizardTrialAsk } from '../../operations/wizard/trial.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import {
  authorOf,
  CHECK,
  COMMENT,
  DIFF,
  etagIn,
  HEX,
  MOST_BYTES,
  notText,
  PART,
  putReply,
  simulatedReply,
  textOf,
  WRITTEN,
  yaml,
  YAML_TYPES,
} from './policy-replies.ts';
import { versionRoutes } from './policy-versions.ts';
import { wizardRoutes } from './wizard.ts';

/** What the calls and pages of the policy are made of. */
export type PolicyDesk = {
  readonly operations: PolicyOperations;
  readonly simulate: (ask: SimulateTextAsk) => Promise<SimulatedText>;
  /** For the secrets of one edit. */
  readonly secrets: () => SecretFiles;
  /** What the answers make of a text; see `setUpWizard`. */
  readonly setUp: (answers: WizardAnswers, base: string) => Promise<WizardSetup>;
  /** Whether a policy works, tried from here; see `tryAnswers`. */
  readonly tryOut: (ask: WizardTrialAsk) => Promise<WizardTrial>;
};

type Needs = { readonly policies: PolicyDesk };

const TEXT = z.string().max(1024 ** 2);

export function policyRoutes({ policies }: Needs): readonly ApiRoute[] {
  const { operations, simulate } = policies;
  return [
    ...textRoutes(operations),
    ...stateRoutes(operations),
    ...settingRoutes(policies),
    ...lookRoutes(operations),
    ...trialRoutes(simulate),
    ...versionRoutes(operations),
    ...wizardRoutes(policies),
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
      query: z.strictObject({ comment: COMMENT }),
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

function settingRoutes({ operations, secrets }: PolicyDesk): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/api/v1/policy/settings',
      scope: 'admin',
      part: PART,
      summary:
        'Set preset, exits, limits and alerts: changes those values of the file alone; secrets go into files of their own',
      body: { as: 'json', schema: SETTINGS.extend({ etag: HEX.nullable().default(null), comment: COMMENT }) },
      answer: WRITTEN,
      run: async ({ body: { etag, comment, ...settings }, principal }) => {
        const files = secrets();
        const put = await operations.change({
          etag,
          comment,
          by: authorOf(principal),
          what: 'settings',
          secrets: files,
          edit: (text) =>
            setValues(
              text,
              settingChanges(text, settings, (name, secret) => files.reference(name, secret)),
            ),
        });
        return putReply(put, 'policy.settings');
      },
    }),
  ];
}

function lookRoutes(operations: PolicyOperations): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/api/v1/policy/check',
      scope: 'admin',
      unaudited: 'looks',
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
      unaudited: 'looks',
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
      unaudited: 'looks',
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
      unaudited: 'looks',
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
