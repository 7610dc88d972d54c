/** What a preset stands for in a policy file: exits, pools and routes, with the variables that they are filled from. */
import type { PresetContents, Region } from './presets.ts';

/** A value as it would stand in the file. */
export type Part = string | number | Variable | readonly Part[] | PartMap;
export type PartMap = { readonly [key: string]: Part };
export type Variable = { readonly kind: 'variable'; readonly name: string };

export type PresetParts = {
  readonly egress: Readonly<Record<string, PartMap>>;
  readonly pools: Readonly<Record<string, PartMap>>;
  readonly routes: readonly (PartMap & { readonly name: string })[];
};

/** One of the preset's servers as the environment has it. */
export type PresetServer = {
  /** `smtp-1` */
  readonly name: string;
  /** The variables to fill it from, by key of its egress: `{ host: 'SMTP_HOST_1' }`. */
  readonly variables: ReadonlyMap<string, string>;
  /** Of the regions that the preset has; null: it has none. */
  readonly region: Region | null;
};

/** Top-level domains whose mail leaves by the servers of a region; the others’ leaves by all. */
const TLDS: Readonly<Record<Region, readonly string[]>> = {
  us: ['com'],
  eu: ['es', 'eu'],
  latam: ['mx', 'br', 'ar'],
};

/** Exits keep their names from preset to preset, so that what was counted of them stays theirs. */
export function presetParts(contents: PresetContents, servers: readonly PresetServer[]): PresetParts {
  const { sendgrid, regions } = contents;
  const cloud = sendgrid === null ? [] : ['cloud'];
  const pools: Record<string, PartMap> = { owned: { members: servers.map(({ name }) => name) } };
  for (const region of regions) pools[poolOf(region)] = { members: namesIn(region, servers) };
  if (sendgrid !== null) pools['cloud'] = { members: ['sendgrid'] };
  const geographic = regions.map((region) => ({
    name: `preset-${region}`,
    match: { tld: TLDS[region] },
    use: [...[region, ...regions.filter((other) => other !== region)].map(poolOf), ...cloud],
  }));
  const egress = Object.fromEntries(servers.map((server) => [server.name, serverPart(contents, server)]));
  return {
    egress: sendgrid === null ? egress : { ...egress, sendgrid: sendgridPart(sendgrid) },
    pools,
    routes: [...geographic, { name: 'preset', use: ['owned', ...cloud] }],
  };
}

function serverPart(contents: PresetContents, { variables, region }: PresetServer): PartMap {
  const filled = [...variables].map(([key, name]): [string, Variable] => [key, variable(name)]);
  return {
    type: 'smtp',
    ...(region === null ? {} : { region }),
    ...Object.fromEntries(filled),
    dailyLimit: contents.dailyLimit,
    ...(contents.isWarmedUp ? { warmup: {} } : {}),
    cost: `${contents.serverUsdPerMonth} USD/month`,
  };
}

function sendgridPart({ dailyLimit, usdPerMonth }: NonNullable<PresetContents['sendgrid']>): PartMap {
  return {
    type: 'sendgrid',
    apiKeys: [variable('SENDGRID_API_KEY')],
    dailyLimit,
    ...(usdPerMonth === null ? {} : { cost: `${usdPerMonth} USD/month` }),
  };
}

export function isVariable(part: Part): part is Variable {
  return typeof part === 'object' && 'kind' in part && part['kind'] === 'variable';
}

function variable(name: string): Variable {
  return { kind: 'variable', name };
}

function namesIn(region: Region, servers: readonly PresetServer[]): string[] {
  const inside = servers.filter((server) => server.region === region);
  // A region without servers is refused where servers are looked for, and needs no second fault for its empty pool.
  return (inside.length === 0 ? servers : inside).map(({ name }) => name);
}

function poolOf(region: Region): string {
  return `owned-${region}`;
}
