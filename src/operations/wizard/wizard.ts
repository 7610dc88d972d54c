/** From the answers of the wizard to the text of a policy: the same for its pages and for `relevo init`. Pure. */
import { parseDocument } from 'yaml';
import type { Edited } from '../policy/yaml-splice.ts';
import { setValues, type ValueChange } from '../policy/values.ts';
import { exitOf, isCloud, type Provider, type SecretReference } from './providers.ts';
import type { WizardAnswers } from './answers.ts';

/** What is made beside the answers. */
export type WizardMade = {
  /** Of the client's password; null: the client is there already, and stays as it is. */
  readonly passwordHash: string | null;
  readonly dkim: readonly { readonly selector: string; readonly key: string }[];
  readonly secret: SecretReference;
};

/** The text with what was answered in it, and all else as it was. */
export function wizardPolicy(base: string, answers: WizardAnswers, made: WizardMade): Edited {
  const hasSandbox = parseDocument(base).hasIn(['egress', 'sandbox']);
  const sandbox = hasSandbox ? [] : [{ path: ['egress', 'sandbox'], value: { type: 'sandbox' } }];
  return setValues(base, [...sandbox, ...wizardChanges(answers, made)]);
}

function wizardChanges(answers: WizardAnswers, { passwordHash, dkim, secret }: WizardMade): readonly ValueChange[] {
  const { basics, advanced } = answers;
  const providers = answers.providers.length === 0 ? [DIRECT] : answers.providers;
  const client = {
    password: passwordHash,
    ...(basics.networks.length === 0 ? {} : { networks: basics.networks }),
    senders: [`*@${basics.domain}`],
  };
  const signed = dkim.length === 0 ? [] : [{ path: ['domains', basics.domain], value: { dkim } }];
  return [
    { path: ['hostname'], value: basics.hostname },
    ...(basics.postmaster === '' ? [] : [{ path: ['postmaster'], value: basics.postmaster }]),
    ...(passwordHash === null ? [] : [{ path: ['clients', basics.client], value: client }]),
    ...signed,
    ...(advanced.marketing ? [{ path: ['streams', 'transactional'], value: { priority: 'high' } }] : []),
    ...(advanced.marketing ? [{ path: ['streams', 'marketing'], value: { priority: 'low' } }] : []),
    ...providers.map((provider) => ({
      path: ['egress', provider.name],
      value: { ...exitOf(provider, secret), ...(advanced.warmup && !isCloud(provider) ? { warmup: {} } : {}) },
    })),
    ...poolsOf(providers).map(([name, members]) => ({ path: ['pools', name], value: { members } })),
    { path: ['routes'], value: [...TRIAL_ROUTES, { name: 'default', use: waysOf(providers, advanced.first) }] },
    ...(advanced.timeZone === 'UTC' ? [] : [{ path: ['timeZone'], value: advanced.timeZone }]),
    ...(advanced.alertsTo.length === 0 ? [] : [{ path: ['alerts', 'to'], value: advanced.alertsTo }]),
  ];
}

const DIRECT: Provider = { type: 'mx', name: 'direct', dailyLimit: null };
/** RFC 2606 §2: nobody has an address there. */
const TRIAL_ROUTES = [{ name: 'trial', match: { recipientDomain: ['*.test', '*.example'] }, use: ['sandbox'] }];

/** Those of which there are several share the work. */
function poolsOf(providers: readonly Provider[]): readonly (readonly [string, readonly string[]])[] {
  const groups = [
    ['own', providers.filter((one) => !isCloud(one))],
    ['cloud', providers.filter(isCloud)],
  ] as const;
  return groups.flatMap(([name, members]) =>
    members.length > 1 ? [[name, members.map((one) => one.name)] as const] : [],
  );
}

function waysOf(providers: readonly Provider[], first: WizardAnswers['advanced']['first']): readonly string[] {
  const way = (name: string, members: readonly Provider[]): string[] =>
    members.length > 1 ? [name] : members.map((one) => one.name);
  const own = way(
    'own',
    providers.filter((one) => !isCloud(one)),
  );
  const cloud = way('cloud', providers.filter(isCloud));
  return first === 'own' ? [...own, ...cloud] : [...cloud, ...own];
}

/** What `relevo init` writes into: ports, certificate, and places for the answers. */
export function wizardBase({
  ports,
}: {
  readonly ports: { readonly submission: number; readonly submissions: number; readonly relay: number };
}): string {
  return BASE.replace('{submission}', String(ports.submission))
    .replace('{submissions}', String(ports.submissions))
    .replace('{relay}', String(ports.relay));
}

const BASE = `# yaml-language-server: $schema=../relevo.schema.json
#
# What this relay does, as \`relevo init\` made it. Edit it while the relay runs: a good edit is in force within a second, a
# bad one changes nothing and is told with its line. \`relevo check\` tells beforehand. docs/policy.md has every key, and
# config/relevo.example.yaml shows them at work.
#
# Secrets   \${NAME} is an environment variable, \${file:/run/secrets/x} the content of a file. In { } and [ ] in quotes.

hostname: relay.example.com

# --- Who may send ---

listen:
  - { port: {submission}, tls: starttls, auth: required }      # submission
  - { port: {submissions}, tls: implicit, auth: required }      # submissions
  - { port: {relay}, tls: opportunistic, auth: none }   # networks of clients, and bounces to a returnPath

tls:                                    # A self-signed pair is made if there is none.
  cert: ../certs/relay.crt
  key: ../certs/relay.key

clients:                                # By AUTH user name. \`relevo client add NAME\` adds one.

# --- What is done to a message ---

domains:                                # Signed by DKIM. \`relevo dns DOMAIN\` prints what to publish.

streams:
  transactional: { priority: high }

# --- Where it leaves ---

egress:
  sandbox: { type: sandbox }            # Keeps each message as a file and sends nothing.
`;
