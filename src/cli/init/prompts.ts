/** The questions of `relevo init` on a terminal, step by step. */
import type * as Clack from '@clack/prompts';
import type { PROVIDER_TYPES } from '../../operations/wizard/providers.ts';
import { faultsOf, type WizardInput, type WizardStep } from '../../operations/wizard/answers.ts';

type Prompts = typeof Clack;
type ProviderType = (typeof PROVIDER_TYPES)[number];
type Asked = Record<string, unknown>;

/** Whoever asks was told to end. */
class Cancelled extends Error {}

/** @param given what the options say already; is offered as it is. @returns null: it was broken off */
export async function askAnswers(given: Partial<WizardInput>): Promise<Partial<WizardInput> | null> {
  const prompts: Prompts = await import('@clack/prompts');
  try {
    prompts.intro('relevo: the first policy');
    const providers = given.providers ?? (await askProviders(prompts));
    const basics = await askBasics(prompts, (given.basics ?? {}) as Asked);
    const advanced = await askAdvanced(prompts, (given.advanced ?? {}) as Asked);
    return { providers, basics, advanced } as Partial<WizardInput>;
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    prompts.cancel('Nothing was written.');
    return null;
  }
}

/** @returns whether the policy is to be written although a test failed */
export async function askAnyway(question: string): Promise<boolean> {
  const { confirm, isCancel } = await import('@clack/prompts');
  const answer = await confirm({ message: question, initialValue: true });
  return !isCancel(answer) && answer;
}

async function askProviders(prompts: Prompts): Promise<Asked[]> {
  prompts.log.step('1 of 5: providers');
  const providers: Asked[] = [];
  for (;;) {
    const type = await asked(
      prompts,
      prompts.select<ProviderType | 'none'>({
        message: providers.length === 0 ? 'By what does mail leave?' : 'Another one?',
        options: [
          ...(providers.length === 0 ? [] : [{ value: 'none' as const, label: 'No, that is all' }]),
          { value: 'mx', label: 'Straight to the recipients’ servers' },
          { value: 'smtp', label: 'An SMTP server of one’s own' },
          { value: 'sendgrid', label: 'SendGrid' },
          { value: 'mailgun', label: 'Mailgun' },
          { value: 'ses', label: 'Amazon SES' },
        ],
      }),
    );
    if (type === 'none') return providers;
    providers.push(await askProvider(prompts, type, providers.length));
  }
}

const FIELDS: Readonly<Record<ProviderType, readonly (readonly [string, string])[]>> = {
  mx: [],
  smtp: [
    ['host', 'Host'],
    ['port', 'Port'],
    ['username', 'User, empty for none'],
    ['password', 'Password, or ${NAME} of a variable'],
  ],
  sendgrid: [['apiKey', 'API key, or ${NAME} of a variable']],
  mailgun: [
    ['domain', 'Sending domain there'],
    ['apiKey', 'API key, or ${NAME} of a variable'],
  ],
  ses: [
    ['region', 'Region, such as eu-west-1'],
    ['accessKeyId', 'Access key id'],
    ['secretAccessKey', 'Secret access key, or ${NAME} of a variable'],
  ],
};
const HIDDEN: ReadonlySet<string> = new Set(['password', 'apiKey', 'secretAccessKey']);

async function askProvider(prompts: Prompts, type: ProviderType, place: number): Promise<Asked> {
  const name = await askText(prompts, {
    message: 'Its name here',
    initialValue: place === 0 ? type : `${type}-${place + 1}`,
  });
  const provider: Asked = { type, name };
  for (const [key, message] of FIELDS[type]) {
    if (key === 'password' && provider['username'] === '') continue;
    const text = HIDDEN.has(key)
      ? await asked(prompts, prompts.password({ message }))
      : await askText(prompts, { message, initialValue: key === 'port' ? '587' : '' });
    provider[key] = key === 'port' ? Number(text) : text;
  }
  return provider;
}

async function askBasics(prompts: Prompts, given: Asked): Promise<Asked> {
  prompts.log.step('2 of 5: basics');
  const basics: Asked = { ...given };
  const one = async (key: string, message: string, initialValue = ''): Promise<void> => {
    if (basics[key] !== undefined) return;
    basics[key] = await askText(prompts, { message, initialValue, validate: checked('basics', key) });
  };
  await one('domain', 'Domain that mail is sent as, such as example.com');
  await one('hostname', 'Name of this relay in DNS', `relay.${String(basics['domain'])}`);
  await one('client', 'User that the first application signs in as', 'app');
  return basics;
}

async function askAdvanced(prompts: Prompts, given: Asked): Promise<Asked> {
  prompts.log.step('3 of 5: advanced');
  const advanced: Asked = { ...given };
  if (!(await asked(prompts, prompts.confirm({ message: 'Look at the advanced questions?', initialValue: false }))))
    return advanced;
  advanced['warmup'] ??= await asked(
    prompts,
    prompts.confirm({ message: 'Are the sending addresses new, and to begin slowly?', initialValue: false }),
  );
  advanced['marketing'] ??= await asked(prompts, prompts.confirm({ message: 'Are there newsletters, too?' }));
  advanced['timeZone'] ??= await askText(prompts, { message: 'Time zone, where days begin', initialValue: 'UTC' });
  const to = await askText(prompts, { message: 'Who gets alerts: an address, empty for nobody', initialValue: '' });
  advanced['alertsTo'] ??= to === '' ? [] : [to];
  return advanced;
}

/** What is wrong with a text in the place of one answer. */
function checked(step: WizardStep, key: string): (text: string | undefined) => string | undefined {
  return (text) =>
    faultsOf({ [step]: { [key]: text } }).find((fault) => fault.step === step && fault.path === key)?.text;
}

function askText(
  prompts: Prompts,
  of: {
    readonly message: string;
    readonly initialValue: string;
    readonly validate?: (text: string | undefined) => string | undefined;
  },
): Promise<string> {
  return asked(prompts, prompts.text({ defaultValue: '', ...of }));
}

async function asked<Value>(prompts: Prompts, answer: Promise<Value>): Promise<Exclude<Value, symbol>> {
  const value = await answer;
  if (prompts.isCancel(value)) throw new Cancelled();
  return value as Exclude<Value, symbol>;
}
