/** The simple form: the few keys of the policy that administrators set without knowing the others. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { marksOf, schemaAt } from '../../policy/file/keys.ts';
import { PRESET_NAMES } from '../../policy/presets/presets.ts';
import { policySchema } from '../../policy/schema.ts';
import type { MapNode } from '../../policy/file/tree.ts';
import type { ValueChange } from './values.ts';
import { exitOf, PROVIDER, type SecretReference } from '../wizard/providers.ts';

const TEXT = z.string().trim().max(200);
/** '' and null: as if it were not written. */
const OPTIONAL = TEXT.nullable()
  .default('')
  .transform((text) => text ?? '');
const LIMIT_KEYS = ['messageSize', 'recipients', 'connections', 'perAddress', 'loginAttempts'] as const;
const ALERT_KEYS = ['failureRate', 'queueAge'] as const;
/** Of an exit that is there; secrets are left as they are where nothing is given. */
const EXIT_KEYS = ['host', 'port', 'tls', 'username', 'dailyLimit'] as const;

const EXIT = z.strictObject({
  name: TEXT.min(1),
  isEnabled: z.boolean().default(true),
  host: OPTIONAL,
  port: OPTIONAL,
  tls: OPTIONAL,
  username: OPTIONAL,
  dailyLimit: OPTIONAL,
  /** A password, or a key; '': the one that it has. */
  secret: z.string().max(500).default(''),
});

export const SETTINGS = z.strictObject({
  preset: z.enum(PRESET_NAMES).nullable().optional(),
  exits: z.record(z.string(), EXIT).default({}),
  limits: z.partialRecord(z.enum(LIMIT_KEYS), OPTIONAL).default({}),
  alerts: z
    .strictObject({ to: z.array(TEXT).max(20).optional(), failureRate: OPTIONAL, queueAge: OPTIONAL })
    .partial()
    .default({}),
  /** Another exit. */
  added: PROVIDER.optional(),
});
export type Settings = z.infer<typeof SETTINGS>;

/** An exit as the file has it, without its secrets. */
export type WrittenExit = {
  readonly name: string;
  readonly type: string;
  readonly isEnabled: boolean;
  readonly host: string;
  readonly port: string;
  readonly tls: string;
  readonly username: string;
  readonly dailyLimit: string;
  readonly hasSecret: boolean;
};

/** As the file has them; '' for what it does not say. */
export type WrittenSettings = {
  readonly preset: string | null;
  readonly exits: readonly WrittenExit[];
  readonly limits: Readonly<Record<(typeof LIMIT_KEYS)[number], string>>;
  readonly alerts: Readonly<Record<(typeof ALERT_KEYS)[number], string>> & {
    readonly to: readonly string[];
    /** Some of them are more than an address: those are edited in the text. */
    readonly isPlain: boolean;
  };
};

type Tree = Readonly<Record<string, unknown>>;

const SECRET_KEYS: Readonly<Record<string, string>> = {
  smtp: 'password',
  sendgrid: 'apiKeys',
  mailgun: 'apiKeys',
  ses: 'secretAccessKey',
};

/** null: the text is no YAML. */
export function settingsIn(text: string): WrittenSettings | null {
  const tree = treeOf(text);
  if (tree === null) return null;
  const { egress, limits, alerts } = {
    egress: below(tree, 'egress'),
    limits: below(tree, 'limits'),
    alerts: below(tree, 'alerts'),
  };
  const to = Array.isArray(alerts['to']) ? (alerts['to'] as unknown[]) : [];
  return {
    preset: typeof tree['preset'] === 'string' ? tree['preset'] : null,
    exits: Object.keys(egress).map((name) => exitIn(name, below(egress, name))),
    limits: Object.fromEntries(LIMIT_KEYS.map((key) => [key, shown(limits[key])])) as WrittenSettings['limits'],
    alerts: {
      failureRate: shown(alerts['failureRate']),
      queueAge: shown(alerts['queueAge']),
      to: to.filter((one) => typeof one === 'string'),
      isPlain: to.every((one) => typeof one === 'string'),
    },
  };
}

function exitIn(name: string, exit: Tree): WrittenExit {
  const type = shown(exit['type']);
  return {
    name,
    type,
    isEnabled: exit['enabled'] !== false,
    host: shown(exit['host']),
    port: shown(exit['port']),
    tls: shown(exit['tls']),
    username: shown(exit['username']),
    dailyLimit: shown(exit['dailyLimit']),
    hasSecret: exit[SECRET_KEYS[type] ?? ''] !== undefined,
  };
}

/** What is to be set: only what differs from what the file has. */
export function settingChanges(text: string, asked: Settings, secret: SecretReference): readonly ValueChange[] {
  const written = settingsIn(text);
  if (written === null) return [];
  const changes: ValueChange[] = [];
  const set = (path: readonly string[], from: unknown, to: unknown): void => {
    if (!isDeepStrictEqual(from, to)) changes.push({ path, value: to });
  };
  if (asked.preset !== undefined) set(['preset'], written.preset, asked.preset);
  for (const exit of Object.values(asked.exits)) changes.push(...exitChanges(exit, written, secret));
  for (const key of LIMIT_KEYS) {
    const to = asked.limits[key];
    if (to !== undefined && to !== written.limits[key]) changes.push({ path: ['limits', key], value: valueOf(to) });
  }
  for (const key of ALERT_KEYS) {
    const to = asked.alerts[key];
    if (to !== undefined && to !== written.alerts[key]) changes.push({ path: ['alerts', key], value: valueOf(to) });
  }
  const { to } = asked.alerts;
  if (to !== undefined && written.alerts.isPlain) set(['alerts', 'to'], written.alerts.to, to);
  if (asked.added !== undefined)
    changes.push({ path: ['egress', asked.added.name], value: exitOf(asked.added, secret) });
  return changes;
}

function exitChanges(
  asked: Settings['exits'][string],
  { exits }: WrittenSettings,
  secret: SecretReference,
): readonly ValueChange[] {
  const { name, isEnabled } = asked;
  const exit = exits.find((one) => one.name === name);
  if (exit === undefined) return [];
  const at = (key: string): readonly string[] => ['egress', name, key];
  // What is not written, and is asked to be what holds then, is left so.
  const isMeant = (key: (typeof EXIT_KEYS)[number]): boolean =>
    asked[key] !== exit[key] && !(exit[key] === '' && key === 'tls' && asked[key] === 'starttls');
  const changes: ValueChange[] = EXIT_KEYS.filter(isMeant).map((key) => ({
    path: at(key),
    value: valueOf(asked[key]),
  }));
  if (isEnabled !== exit.isEnabled) changes.push({ path: at('enabled'), value: isEnabled });
  const key = SECRET_KEYS[exit.type];
  if (asked.secret !== '' && key !== undefined) {
    const reference = secret(`${name}.${key}`, asked.secret);
    changes.push({ path: at(key), value: key === 'apiKeys' ? [reference] : reference });
  }
  return changes;
}

/** A number is written as one; '': the key is taken away. */
function valueOf(text: string): unknown {
  if (text === '') return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** What holds where the file does not say; '' where that is not one value. */
export function defaultOf(...path: readonly string[]): string {
  const schema = schemaAt(policySchema, { tree: EMPTY, path });
  return schema === undefined ? '' : shown(marksOf(schema).fallback);
}

const EMPTY: MapNode = { kind: 'map', place: { line: 1, column: 1 }, entries: new Map() };

function treeOf(text: string): Tree | null {
  try {
    const tree: unknown = parse(text);
    return typeof tree === 'object' && tree !== null ? (tree as Tree) : null;
  } catch {
    return null;
  }
}

function below(tree: Tree, key: string): Tree {
  const value = tree[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Tree) : {};
}
