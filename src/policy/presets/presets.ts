/** The 15 presets: what each is made of, and the figures that follow from it. */

/** Regions that a preset may spread its servers over. */
export const REGIONS = ['us', 'eu', 'latam'] as const;
export type Region = (typeof REGIONS)[number];

/** What a preset is made of; `custom` in a policy states the same in the operator's own figures. */
export type PresetContents = {
  /** Own SMTP servers: SMTP_HOST_1 and so on. */
  readonly servers: number;
  /** Messages a day of each server. */
  readonly dailyLimit: number;
  /** Rent of each server. */
  readonly serverUsdPerMonth: number;
  /** What the servers' limits leave over goes there; null: there is no cloud, and it waits for tomorrow. */
  readonly sendgrid: {
    /** Messages a day. */
    readonly dailyLimit: number;
    /** Price of the plan; null: not known. */
    readonly usdPerMonth: number | null;
  } | null;
  /** The servers stand in these regions, each in as many as the next; none: mail goes by any server. */
  readonly regions: readonly Region[];
  /** Whether servers that are new are warmed up. */
  readonly isWarmedUp: boolean;
};

export type Preset = PresetContents & {
  readonly name: string;
  /** What it is for, in a few words. */
  readonly purpose: string;
  readonly recommended: 'first' | 'yes' | 'no';
};

/** What a preset can send and costs, computed from its contents. */
export type PresetTotals = {
  readonly name: string;
  readonly recommended: Preset['recommended'];
  readonly servers: number;
  /** Messages a day of all servers and the cloud. */
  readonly perDay: number;
  /** Messages in 30 days. */
  readonly perMonth: number;
  /** null: where a price is not known. */
  readonly usdPerMonth: number | null;
  /** For 1000 messages, at full use; not rounded. */
  readonly usdPer1000: number | null;
};

const DAYS_A_MONTH = 30;
/** Of an own server, unless a preset says otherwise. */
export const SERVER_USD_PER_MONTH = 25;
export const SERVER_DAILY_LIMIT = 500;

/** From the smallest to the largest of each kind. */
export const PRESETS: readonly Preset[] = [
  owned('starter', { servers: 1, purpose: 'one server, to begin with', recommended: 'yes' }),
  owned('basic-dual', { servers: 2, purpose: 'two servers: one may fail' }),
  owned('starter-triple', { servers: 3, purpose: 'three servers in rotation' }),
  owned('professional', { servers: 5, purpose: 'a small company', recommended: 'yes' }),
  owned('professional-plus', { servers: 7, purpose: 'a growing company' }),
  owned('business', { servers: 10, purpose: 'a company with daily campaigns', recommended: 'yes' }),
  owned('business-advanced', { servers: 12, purpose: 'the same with room for peaks' }),
  owned('enterprise', { servers: 15, purpose: 'a large company', recommended: 'yes' }),
  owned('enterprise-plus', { servers: 20, purpose: 'several brands' }),
  owned('enterprise-ultimate', { servers: 25, purpose: 'the most with own servers alone' }),
  // The prices of SendGrid's plans are the customer's figures: they differ by a message, for a plan is paid as a whole.
  hybrid('hybrid-basic', {
    servers: 3,
    sendgrid: { dailyLimit: 1_500, usdPerMonth: 20 },
    purpose: 'own servers first, SendGrid for what exceeds them',
    recommended: 'first',
  }),
  hybrid('hybrid-professional', {
    servers: 5,
    sendgrid: { dailyLimit: 3_500, usdPerMonth: 90 },
    purpose: 'the same for more mail',
  }),
  {
    ...owned('geographic', { servers: 12, purpose: 'mail leaves near those who get it' }),
    regions: REGIONS,
  },
  hybrid('high-volume-burst', {
    servers: 15,
    sendgrid: { dailyLimit: 12_500, usdPerMonth: 75 },
    purpose: 'campaigns that come all at once',
  }),
  {
    ...owned('ultra-secure', { servers: 20, purpose: 'few messages by each address, for the best reputation' }),
    dailyLimit: 200,
    // The customer's figure too: 400 USD for all 20.
    serverUsdPerMonth: 20,
  },
];

/** Their names, in the order of the table. */
export const PRESET_NAMES: readonly string[] = PRESETS.map(({ name }) => name);

/** The preset of this name; undefined where there is none. */
export function presetOf(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name);
}

/** The figures of all presets, in the order of the table. */
export function presetTotals(): readonly PresetTotals[] {
  return PRESETS.map((preset) => ({ name: preset.name, recommended: preset.recommended, ...totalsOf(preset) }));
}

/** The figures of anything that is made like a preset. */
export function totalsOf(contents: PresetContents): Omit<PresetTotals, 'name' | 'recommended'> {
  const { servers, dailyLimit, serverUsdPerMonth, sendgrid } = contents;
  const perDay = servers * dailyLimit + (sendgrid?.dailyLimit ?? 0);
  const perMonth = perDay * DAYS_A_MONTH;
  const cloudUsd = sendgrid === null ? 0 : sendgrid.usdPerMonth;
  const usdPerMonth = cloudUsd === null ? null : servers * serverUsdPerMonth + cloudUsd;
  const usdPer1000 = usdPerMonth === null ? null : (usdPerMonth / perMonth) * 1_000;
  return { servers, perDay, perMonth, usdPerMonth, usdPer1000 };
}

type OwnedFigures = {
  readonly servers: number;
  readonly purpose: string;
  readonly recommended?: Preset['recommended'];
};

function owned(name: string, { servers, purpose, recommended = 'no' }: OwnedFigures): Preset {
  return {
    name,
    purpose,
    recommended,
    servers,
    dailyLimit: SERVER_DAILY_LIMIT,
    serverUsdPerMonth: SERVER_USD_PER_MONTH,
    sendgrid: null,
    regions: [],
    isWarmedUp: true,
  };
}

function hybrid(name: string, figures: OwnedFigures & Pick<Preset, 'sendgrid'>): Preset {
  return { ...owned(name, figures), sendgrid: figures.sendgrid };
}
