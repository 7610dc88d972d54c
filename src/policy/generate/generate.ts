/** The files that are made from the policy schema. */
import { examplePolicy } from './example.ts';
import { policyJsonSchema } from './json-schema.ts';
import { policyReference } from './reference.ts';

export type GeneratedFile = {
  /** Relative to the repository. */
  readonly path: string;
  readonly content: string;
};

/** What `npm run generate` writes and `npm run check` compares. */
export function generatedFiles(): GeneratedFile[] {
  return [
    { path: 'relevo.schema.json', content: `${JSON.stringify(policyJsonSchema(), null, 2)}\n` },
    { path: 'config/relevo.example.yaml', content: examplePolicy() },
    { path: 'docs/policy.md', content: policyReference() },
  ];
}
