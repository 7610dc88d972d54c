import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadPolicy } from '../../policy/file/load.ts';
import { ANSWERS, faultsOf, type WizardInput } from './answers.ts';
import { wizardBase, wizardPolicy } from './wizard.ts';

const PORTS = { submission: 587, submissions: 465, relay: 25 };
const BASICS = { hostname: 'relay.shop.test', domain: 'shop.test' };
const HASH = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

const made = {
  passwordHash: HASH,
  dkim: [{ selector: 'rsa2026', key: '../certs/dkim/shop.test.rsa2026.pem' }],
  secret: (name: string) => `\${file:../data/secrets/${name}}`,
};

function textOf(input: WizardInput, base = wizardBase({ ports: PORTS })): string {
  const edited = wizardPolicy(base, ANSWERS.parse(input), made);
  if (edited.kind !== 'edited') throw new Error(edited.kind);
  return edited.text;
}

function loadedOf(text: string) {
  const result = loadPolicy({ file: 'config/relevo.yaml', text, env: {}, readFile: () => 'a-secret' });
  if (result.kind === 'refused')
    throw new Error(result.problems.map(({ path, text: why }) => `${path}: ${why}`).join('\n'));
  return result;
}

test('without a provider mail goes straight to its recipients', () => {
  const { policy, warnings } = loadedOf(textOf({ providers: [], basics: BASICS }));
  expect(policy.routes.map(({ name, use }) => [name, use])).toEqual([
    ['trial', ['sandbox']],
    ['default', ['direct']],
  ]);
  expect(policy.clients['app']?.senders).toEqual(['*@shop.test']);
  expect(Object.keys(policy.streams)).toEqual(['transactional', 'marketing']);
  expect(warnings).toEqual([]);
});

test('own servers share the work, and clouds take what they leave', () => {
  const smtp = (name: string) => ({
    type: 'smtp' as const,
    name,
    host: `${name}.shop.test`,
    username: 'u',
    password: 'p',
  });
  const text = textOf({
    providers: [smtp('one'), smtp('two'), { type: 'sendgrid', name: 'sendgrid', apiKey: 'SG.x', dailyLimit: 1_500 }],
    basics: { ...BASICS, networks: ['10.0.0.0/24'], postmaster: 'post@shop.test' },
    advanced: { alertsTo: ['ops@shop.test'], timeZone: 'Europe/Madrid' },
  });
  const { policy } = loadedOf(text);
  expect(policy.routes.at(-1)?.use).toEqual(['own', 'sendgrid']);
  expect(policy.pools['own']?.members).toEqual(['one', 'two']);
  expect(policy.egress['one']).toMatchObject({ type: 'smtp', username: 'u', password: 'a-secret' });
  expect(policy.egress['sendgrid']).toMatchObject({ dailyLimit: 1_500 });
  expect([policy.timeZone, policy.postmaster]).toEqual(['Europe/Madrid', 'post@shop.test']);
  expect(text).not.toContain('SG.x');
});

test('clouds come first where that is wanted', () => {
  const aws = { type: 'ses' as const, name: 'aws', region: 'eu-west-1', accessKeyId: 'AKIA', secretAccessKey: 's' };
  const providers = [aws, { type: 'mx' as const, name: 'direct' }];
  const text = textOf({ providers, basics: BASICS, advanced: { first: 'cloud' } });
  expect(loadedOf(text).policy.routes.at(-1)?.use).toEqual(['aws', 'direct']);
});

test('answers change a policy that is there, and leave what they are not about', () => {
  const base = `hostname: old.test
limits: { recipients: 50 }   # ours
clients:
  legacy: { networks: [192.0.2.0/24], senders: ['*'] }
routes:
  - name: all     # everything
    use: [gone]
egress:
  gone: { type: mx }
`;
  const text = textOf({ providers: [], basics: BASICS }, base);
  expect(loadedOf(text).policy.routes.at(-1)?.use).toEqual(['direct']);
  expect(text).toContain('limits: { recipients: 50 }   # ours');
  expect(parse(text)).toMatchObject({
    hostname: 'relay.shop.test',
    clients: { legacy: {}, app: {} },
    egress: { gone: {} },
  });
});

test('what is wrong is told with its step, and only of the steps so far', () => {
  const given = {
    providers: [{ type: 'smtp', name: 'a b', host: '' }],
    basics: { hostname: 'not a name', domain: 'shop.test', networks: ['10.0.0.0/33'] },
  };
  expect(faultsOf(given, 'providers').map(({ step, path }) => [step, path])).toEqual([
    ['providers', '0.name'],
    ['providers', '0.host'],
  ]);
  expect(
    faultsOf(given)
      .filter(({ step }) => step === 'basics')
      .map(({ path }) => path),
  ).toEqual(['hostname', 'networks.0']);
  expect(
    faultsOf({
      providers: [
        { type: 'mx', name: 'a' },
        { type: 'mx', name: 'a' },
      ],
      basics: BASICS,
    }),
  ).toEqual([{ step: 'providers', path: '', text: 'two of them have one name' }]);
});
