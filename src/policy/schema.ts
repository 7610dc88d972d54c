/**
 * The policy: what the operator wants. The one source of keys, types, defaults and their documentation; the JSON Schema,
 * the example file and the reference are generated from it.
 */
import { z } from 'zod';
import { parseMailbox } from '../message/address.ts';
import { flattened } from './pools.ts';
import { custom } from './presets/custom.ts';
import { PRESET_NAMES } from './presets/presets.ts';
import { type AlertDestination, alerts, reports } from './schema/alerts.ts';
import { egress } from './schema/exits.ts';
import { guard } from './schema/guard.ts';
import { http } from './schema/http.ts';
import { clients, domains, limits, listen, streams, tls } from './schema/intake.ts';
import {
  audit,
  blocklists,
  dns,
  health,
  history,
  log,
  reputation,
  retry,
  shaping,
  spool,
  tests,
} from './schema/keeping.ts';
import { pools, routes } from './schema/routes.ts';
import { suppression } from './schema/suppression.ts';
import { traces } from './schema/traces.ts';
import { domainName, timeZone } from './schema/values.ts';
import { webhooks } from './schema/webhooks.ts';

export const policySchema = z
  .strictObject({
    hostname: domainName.meta({ description: 'EHLO name, in Received and Message-ID.' }),
    postmaster: z
      .string()
      .refine((text) => parseMailbox(text) !== null, 'expected an address such as postmaster@example.com')
      .optional()
      .meta({ description: 'Gets alerts and double bounces. Default: postmaster@hostname.' }),
    listen,
    tls,
    limits,
    clients,
    guard,
    domains,
    returnPathKeys: z.string().prefault('../certs/return-path.keys').meta({
      description:
        'Signs the addresses that returnPath and unsubscribe: add make, and links that let the mail of a client go; written if there is none. Every node needs the same.',
    }),
    streams,
    egress,
    pools,
    routes,
    timeZone: timeZone.prefault('UTC').meta({
      description: 'Where days begin at midnight, for `dailyLimit` and `warmup`; hours are those of UTC.',
    }),
    preset: z.enum(PRESET_NAMES).nullable().prefault(null).meta({
      description:
        'A set of exits, pools and routes by name, filled from the environment: SMTP_HOST_1 and so on. docs/presets.md has the table.',
    }),
    custom: custom
      .nullable()
      .prefault(null)
      .meta({ description: 'A preset in figures of your own. Not beside `preset`.' }),
    retry,
    shaping,
    health,
    blocklists,
    reputation,
    suppression,
    spool,
    history,
    audit,
    alerts,
    reports,
    webhooks,
    traces,
    http,
    log,
    dns,
    tests,
  })
  .transform(({ postmaster, history, routes, pools: written, ...rest }) => ({
    ...rest,
    pools: flattened(written),
    postmaster: postmaster ?? `postmaster@${rest.hostname}`,
    alerts: { ...rest.alerts, to: rest.alerts.to ?? (postmaster === undefined ? [] : [toPostmaster(postmaster)]) },
    historyMs: history,
    routes: routes ?? [
      {
        name: 'default',
        match: {},
        use: Object.keys(rest.egress).filter((exit) => rest.egress[exit]?.enabled === true),
      },
    ],
  }));

function toPostmaster(address: string): AlertDestination {
  return { kind: 'mail', address, least: 'info' };
}

/** As it is written in the file, variables resolved. */
export type PolicyInput = z.input<typeof policySchema>;
/** As the relay uses it: defaults filled in, units converted (`…Ms`, `…Bytes`). Paths are absolute once loaded. */
export type Policy = z.output<typeof policySchema>;

export type ListenerPolicy = Policy['listen'][number];
export type LimitsPolicy = Policy['limits'];
export type ClientPolicy = Policy['clients'][string];
export type EgressPolicy = Policy['egress'][string];
export type MxEgressPolicy = Extract<EgressPolicy, { type: 'mx' }>;
export type SmtpEgressPolicy = Extract<EgressPolicy, { type: 'smtp' }>;
export type SendgridEgressPolicy = Extract<EgressPolicy, { type: 'sendgrid' }>;
export type MailgunEgressPolicy = Extract<EgressPolicy, { type: 'mailgun' }>;
export type SesEgressPolicy = Extract<EgressPolicy, { type: 'ses' }>;
export type SandboxEgressPolicy = Extract<EgressPolicy, { type: 'sandbox' }>;
export type RoutePolicy = Policy['routes'][number];
export type TracesPolicy = NonNullable<Policy['traces']>;
export type RetryPolicy = Policy['retry'];
export type RedisSpoolPolicy = Extract<Policy['spool'], { engine: 'redis' }>;
