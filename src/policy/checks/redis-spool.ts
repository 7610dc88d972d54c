/** What the keys of a Redis spool must be together. Pure. */
import type { Check } from './checks.ts';
import type { RedisSpoolPolicy } from '../schema.ts';

type Place = 'url' | 'sentinels' | 'cluster';

export function checkRedisSpool(spool: RedisSpoolPolicy): Check[] {
  const given: Place[] = [];
  if (spool.url !== null) given.push('url');
  if (spool.sentinels !== null) given.push('sentinels');
  if (spool.cluster !== null) given.push('cluster');
  const [only, ...others] = given;
  if (only === undefined) return [refuse('engine', 'needs one of url, sentinels and cluster: where Redis is')];
  if (others.length > 0)
    return others.map((key) => refuse(key, `is one too many beside ${only}: only one of them can be`));
  return [...checkAddresses(spool), ...checkCompany(spool, only)];
}

function checkAddresses({ url, sentinels, cluster }: RedisSpoolPolicy): Check[] {
  if (url !== null) {
    const problem = url.includes('://') ? problemOf(url, /^\/?\d*$/) : FORM_OF_URL;
    return problem === null ? [] : [refuse('url', problem)];
  }
  const key = sentinels === null ? 'cluster' : 'sentinels';
  return (sentinels ?? cluster ?? []).flatMap((address, index): Check[] => {
    const problem = problemOf(address.includes('://') ? address : `redis://${address}`, /^\/?$/);
    return problem === null ? [] : [{ verdict: 'refuse', path: ['spool', key, index], text: problem }];
  });
}

const FORM_OF_URL = 'expected redis://host:port/database, or rediss:// with TLS';

/** The address itself is not shown: it may hold a password. */
function problemOf(text: string, path: RegExp): string | null {
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || !/^rediss?:$/.test(url.protocol)) return FORM_OF_URL;
  if (!path.test(url.pathname)) return `expected no path after host and port but /database in spool.url`;
  return url.search === '' && url.hash === '' ? null : 'expected nothing after the path';
}

/** Keys that only go with some way to Redis. */
function checkCompany(spool: RedisSpoolPolicy, only: Place): Check[] {
  const checks: Check[] = [];
  if (only === 'sentinels' && spool.name === null)
    checks.push(refuse('sentinels', 'need a name, too: what they call the server'));
  if (only === 'sentinels') return checks;
  for (const key of ['name', 'username', 'password', 'database'] as const)
    if (spool[key] !== null) checks.push(refuse(key, `goes with sentinels: with ${only} it is part of the address`));
  return checks.map((check) => (check.path[1] === 'name' ? refuse('name', 'goes with sentinels only') : check));
}

function refuse(key: string, text: string): Check {
  return { verdict: 'refuse', path: ['spool', key], text };
}
