import { isIP } from 'node:net';
import { SpoolError } from '../spool.ts';

/** Where Redis is. Addresses are `host:port` or `redis://user:password@host:port`; `rediss://` is TLS. */
export type RedisTarget =
  /** `/2` at the end of the URL is database 2. */
  | { readonly kind: 'single'; readonly url: string }
  /** User and password in an address are the sentinel's; those beside are the servers'. `rediss` is for both. */
  | {
      readonly kind: 'sentinel';
      readonly sentinels: readonly string[];
      /** What the sentinels call the server. */
      readonly name: string;
      readonly username?: string | null;
      readonly password?: string | null;
      readonly database?: number;
    }
  /** User and password of the first address that has some are for all nodes. */
  | { readonly kind: 'cluster'; readonly nodes: readonly string[] };

export type RedisAddress = {
  readonly host: string;
  readonly port: number;
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
  readonly isTls: boolean;
};

/** @throws SpoolError on anything that is no such address; it does not repeat the address, which may hold a password */
export function redisAddress(text: string, defaultPort = 6379): RedisAddress {
  const url = URL.parse(text.includes('://') ? text : `redis://${text}`);
  if (url === null || url.hostname === '' || !['redis:', 'rediss:'].includes(url.protocol))
    throw new SpoolError('unavailable', 'an address of Redis is redis://host:port, or rediss://host:port with TLS');
  const path = url.pathname.replace(/^\//, '');
  if (!/^\d{0,5}$/.test(path))
    throw new SpoolError('unavailable', `redis ${url.host}: the path is a database number: /0, not /${path}`);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? defaultPort : Number(url.port),
    username: url.username === '' ? null : decodeURIComponent(url.username),
    password: url.password === '' ? null : decodeURIComponent(url.password),
    database: Number(path),
    isTls: url.protocol === 'rediss:',
  };
}

/** The target in words for operators, without secrets. */
export function describeTarget(target: RedisTarget): string {
  switch (target.kind) {
    case 'single':
      return `redis ${place(redisAddress(target.url))}`;
    case 'sentinel':
      return `redis "${target.name}" of the sentinels ${target.sentinels.map(sentinelPlace).join(', ')}`;
    case 'cluster':
      return `redis cluster ${target.nodes.map((node) => place(redisAddress(node))).join(', ')}`;
  }
}

/** Who signs in to the servers. */
export function userOf(target: RedisTarget): string {
  if (target.kind === 'sentinel') return target.username ?? 'default';
  const addresses = (target.kind === 'single' ? [target.url] : target.nodes).map((text) => redisAddress(text));
  return addresses.find(({ password }) => password !== null)?.username ?? 'default';
}

/** Whether it is to be reached by TLS. */
export function usesTls(target: RedisTarget): boolean {
  if (target.kind === 'single') return redisAddress(target.url).isTls;
  const addresses = target.kind === 'cluster' ? target.nodes : target.sentinels;
  return addresses.some((text) => redisAddress(text).isTls);
}

export const SENTINEL_PORT = 26_379;

function sentinelPlace(text: string): string {
  return place(redisAddress(text, SENTINEL_PORT));
}

function place({ host, port }: RedisAddress): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
