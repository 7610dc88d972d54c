/** What the wizard makes before a policy is written: signing keys, a password, secrets in files, and the text itself. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { newPassword } from '../new-password.ts';
import { parseDomain } from '../../message/address.ts';
import { loadPolicy, type LoadResult } from '../../policy/file/load.ts';
import { hashPassword } from '../../policy/password.ts';
import type { Environment } from '../../policy/file/variables.ts';
import { type DkimKeyType, generateDkimKeys } from '../../sign/keygen.ts';
import { SecretFiles } from '../policy/secret-files.ts';
import { wizardPolicy } from './wizard.ts';
import type { WizardAnswers } from './answers.ts';

export type WizardSetupAsk = {
  readonly answers: WizardAnswers;
  /** The text that the answers go into. */
  readonly base: string;
  readonly policyFile: string;
  /** As messages about it name it. */
  readonly shownPolicyFile: string;
  readonly dataFolder: string;
  readonly env: Environment;
  readonly nowMs: number;
};

export type WizardSetup =
  | {
      readonly kind: 'made';
      readonly text: string;
      /** Of the client, shown only now; null: the client was there already. */
      readonly password: string | null;
      /** Not written yet. */
      readonly secrets: SecretFiles;
      /** The text as a policy, its secrets among it. */
      readonly loaded: LoadResult;
    }
  | { readonly kind: 'failed'; readonly cause: string };

/** Makes the DKIM keys that are not there, for they cannot be tested otherwise; writes nothing else. */
export async function setUpWizard(ask: WizardSetupAsk): Promise<WizardSetup> {
  const { answers, base, shownPolicyFile, env } = ask;
  const document = parseDocument(base);
  if (document.errors.length > 0)
    return { kind: 'failed', cause: 'the policy as it is cannot be edited: it is no YAML' };
  const { client, domain } = answers.basics;
  const keys = document.hasIn(['domains', domain]) ? [] : await dkimKeys(ask);
  if (typeof keys === 'string') return { kind: 'failed', cause: keys };
  const password = document.hasIn(['clients', client]) ? null : newPassword();
  const passwordHash = password === null ? null : await hashPassword(password, randomBytes(16));
  const secrets = new SecretFiles(ask);
  const edited = wizardPolicy(base, answers, {
    passwordHash,
    dkim: keys,
    secret: (name, text) => secrets.reference(name, text),
  });
  if (edited.kind !== 'edited') return { kind: 'failed', cause: 'the policy as it is cannot be edited' };
  const { text } = edited;
  const readFile = (path: string): string => secrets.textOf(path) ?? readFileSync(path, 'utf8');
  const loaded = loadPolicy({ file: shownPolicyFile, text, env, readFile });
  return { kind: 'made', text, password, secrets, loaded };
}

/** @returns why not, for operators */
async function dkimKeys({
  answers,
  policyFile,
  nowMs,
}: WizardSetupAsk): Promise<readonly { readonly selector: string; readonly key: string }[] | string> {
  const domain = parseDomain(answers.basics.domain) ?? answers.basics.domain;
  const folder = resolve(dirname(policyFile), '../certs/dkim');
  const year = new Date(nowMs).getUTCFullYear();
  const selectors: Readonly<Record<DkimKeyType, string>> = { rsa: `rsa${year}`, ed25519: `ed${year}` };
  const keys: { selector: string; key: string }[] = [];
  for (const [type, selector] of Object.entries(selectors)) {
    const path = join(folder, `${domain}.${selector}.pem`);
    if (!existsSync(path)) {
      const made = await generateDkimKeys({ domain, folder, year, selectors: { [type]: selector } });
      if (made.kind === 'failed') return `cannot write ${made.path}: ${made.reason}`;
      if (made.kind === 'invalid') return made.reason;
    }
    keys.push({ selector, key: relative(dirname(policyFile), path) });
  }
  return keys;
}
