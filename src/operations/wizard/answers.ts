/** What the wizard asks, in its five steps: providers, basics, advanced, test, done. Pure. */
import { z } from 'zod';
import { parseDomain, parseMailbox } from '../../message/address.ts';
import { network } from '../../policy/schema/values.ts';
import { PROVIDER } from './providers.ts';

/** `test` and `done` ask nothing. */
export const WIZARD_STEPS = ['providers', 'basics', 'advanced', 'test', 'done'] as const;
export type WizardStep = (typeof WIZARD_STEPS)[number];

const domain = z
  .string()
  .trim()
  .refine((text) => !text.startsWith('[') && parseDomain(text) !== null, 'expected a domain, such as example.com');
const address = z
  .string()
  .trim()
  .refine((text) => parseMailbox(text) !== null, 'expected an address, such as ops@example.com');
const clientName = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a name of letters, digits, - _ and .');

const PROVIDERS_ANSWERS = z.strictObject({
  /** Without any, mail goes straight to the servers of its recipients. */
  providers: z
    .array(PROVIDER)
    .max(50)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'two of them have one name')
    .refine(
      (all) => all.every(({ name }) => !['sandbox', 'own', 'cloud'].includes(name)),
      'sandbox, own and cloud are names of the wizard’s own',
    )
    .default([]),
});

const BASICS_ANSWERS = z.strictObject({
  hostname: domain,
  domain,
  postmaster: z.union([address, z.literal('')]).default(''),
  client: clientName.default('app'),
  networks: z.array(network).max(50).default([]),
});

const ADVANCED_ANSWERS = z.strictObject({
  /** Own servers before clouds, which are paid by the message, or the other way round. */
  first: z.enum(['own', 'cloud']).default('own'),
  /** The sending addresses are new, and begin with little mail. */
  warmup: z.boolean().default(false),
  marketing: z.boolean().default(true),
  timeZone: z.string().trim().max(60).default('UTC'),
  alertsTo: z.array(address).max(20).default([]),
});

export const ANSWERS = z.strictObject({
  providers: PROVIDERS_ANSWERS.shape.providers,
  basics: BASICS_ANSWERS,
  advanced: ADVANCED_ANSWERS.prefault({}),
});
export type WizardAnswers = z.infer<typeof ANSWERS>;
/** As somebody gives them. */
export type WizardInput = z.input<typeof ANSWERS>;

export type WizardFault = { readonly step: WizardStep; readonly path: string; readonly text: string };

/** What is wrong with the answers so far; only with those up to `until`. */
export function faultsOf(given: unknown, until: WizardStep = 'advanced'): readonly WizardFault[] {
  const parsed = ANSWERS.safeParse(given);
  if (parsed.success) return [];
  const last = WIZARD_STEPS.indexOf(until);
  return parsed.error.issues
    .map(({ path, message }): WizardFault => {
      const step = WIZARD_STEPS.find((one) => one === path[0]) ?? 'providers';
      const text = message.endsWith('received undefined') ? 'is needed' : message;
      return { step, path: path.slice(1).join('.'), text };
    })
    .filter(({ step }) => WIZARD_STEPS.indexOf(step) <= last);
}
