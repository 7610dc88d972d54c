/** The options of `relevo init`, as answers of the wizard. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import type { WizardInput } from '../../operations/wizard/answers.ts';
import { type Cli, UsageError } from '../cli.ts';
import type { ListenPorts } from '../start/ports-probe.ts';

export type InitOptions = {
  readonly yes?: true;
  readonly force?: true;
  readonly answers?: string;
  readonly provider?: readonly string[];
  readonly hostname?: string;
  readonly domain?: string;
  readonly postmaster?: string;
  readonly client?: string;
  readonly network?: readonly string[];
  readonly alertsTo?: readonly string[];
  readonly warmup?: true;
  readonly timeZone?: string;
  readonly ports?: string;
  readonly test: boolean;
  readonly testTo?: string;
  readonly admin: string | false;
  readonly json?: true;
};

type Given = { readonly providers?: unknown; readonly basics?: object; readonly advanced?: object };

/** What was given by file and by options, the options last; what is missing or wrong is for `faultsOf`. */
export async function givenAnswers(cli: Cli, options: InitOptions): Promise<Partial<WizardInput>> {
  const file = await fileAnswers(cli, options.answers);
  const { hostname, domain, postmaster, client, network, alertsTo, warmup, timeZone, provider } = options;
  const basics = { ...file.basics, ...defined({ hostname, domain, postmaster, client, networks: network }) };
  const advanced = { ...file.advanced, ...defined({ alertsTo, warmup, timeZone }) };
  const providers = provider === undefined ? file.providers : provider.map(providerOf);
  return { ...(providers === undefined ? {} : { providers }), basics, advanced } as Partial<WizardInput>;
}

async function fileAnswers(cli: Cli, path: string | undefined): Promise<Given> {
  if (path === undefined) return {};
  try {
    const bytes = path === '-' ? await cli.terminal.input(1024 ** 2) : readFileSync(resolve(cli.cwd, path));
    const given: unknown = parse(bytes?.toString('utf8') ?? '');
    return typeof given === 'object' && given !== null ? given : {};
  } catch (error) {
    throw new UsageError(`--answers ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const NUMBERS: ReadonlySet<string> = new Set(['port', 'dailyLimit']);

/** `smtp,host=smtp.example.com,username=relay,password=${SMTP_PASSWORD_1}`; its name is its type unless it says otherwise. */
function providerOf(text: string, place: number): Record<string, unknown> {
  const [type = '', ...fields] = text.split(',');
  const entries = fields.map((field): [string, unknown] => {
    const [key = '', ...rest] = field.split('=');
    const value = rest.join('=');
    if (rest.length === 0) throw new UsageError(`--provider ${type}: expected key=value, found "${key}"`);
    return [key.trim(), NUMBERS.has(key.trim()) ? Number(value) : value];
  });
  return { name: place === 0 ? type : `${type}-${place + 1}`, ...Object.fromEntries(entries), type };
}

function defined(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** `2587,2465,2525`; null: none were given. */
export function portsOf(text: string | undefined): ListenPorts | null {
  if (text === undefined) return null;
  const numbers = text.split(',').map(Number);
  const [submission = 0, submissions = 0, relay = 0] = numbers;
  const isGood = numbers.length === 3 && numbers.every((port) => Number.isInteger(port) && port > 0 && port <= 65_535);
  if (!isGood) throw new UsageError('--ports: expected three ports, such as 587,465,25');
  return { submission, submissions, relay };
}
