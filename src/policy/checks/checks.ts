/** What a policy must hold beyond the form of its keys. Pure: findings, with the paths that they are about. */
import { OWN_CLIENT } from '../../message/message.ts';
import { checkBlocklists } from './blocklists.ts';
import { checkBudgets } from './budgets.ts';
import { checkCloudExits } from './clouds.ts';
import { httpAddress, httpRefusal } from '../http-exposure.ts';
import { isLoopback } from '../loopback.ts';
import { networkKey, parseNetwork } from '../network.ts';
import type { Path } from '../file/problem.ts';
import { checkRedisSpool } from './redis-spool.ts';
import { checkPools, checkRoutes } from './routes.ts';
import type { ListenerPolicy, Policy } from '../schema.ts';
import { checkShaping } from './shaping.ts';
import { checkWebhooks } from './webhooks.ts';
import { checkUnsubscribe } from '../unsubscribe.ts';

/** `refuse`: the policy is not applied. `warn`: it is, and the operator is told. */
export type Check = {
  readonly verdict: 'refuse' | 'warn';
  readonly path: Path;
  readonly text: string;
  /** The other place that it is about: told behind the text. */
  readonly also?: Path;
};

type Socket = Pick<ListenerPolicy, 'address' | 'port'>;

/** Wider than any organisation's own network: such a client would be everybody. */
const WIDEST_PREFIX = { 4: 8, 6: 16 } as const;

export function checkPolicy(policy: Policy): Check[] {
  return [
    ...checkListeners(policy),
    ...checkHttp(policy),
    ...checkClients(policy),
    ...checkReturnPaths(policy),
    ...checkEgress(policy),
    ...checkCloudExits(policy),
    ...checkWarmups(policy),
    ...checkBudgets(policy),
    ...checkPools(policy),
    ...checkRoutes(policy),
    ...checkKeeping(policy),
    ...checkBlocklists(policy),
    ...checkShaping(policy),
    ...checkWebhooks(policy),
    ...checkUnsubscribe(policy),
  ];
}

function checkListeners({ listen }: Policy): Check[] {
  return listen.flatMap((listener, index) => {
    const checks: Check[] = [];
    if (listener.auth === 'required' && listener.tls === 'none' && !isLoopback(listener.address)) {
      const text = 'AUTH without TLS shows passwords to the network: it is only for a loopback address';
      checks.push({ verdict: 'refuse', path: ['listen', index, 'tls'], text });
    }
    const first = listen.findIndex((other) => isSameSocket(other, listener));
    if (first < index) {
      const text = `port ${listener.port} is taken by listen[${first}] already`;
      checks.push({ verdict: 'refuse', path: ['listen', index, 'port'], text });
    }
    return checks;
  });
}

/** No address, or an unspecified one, is every address. */
function isSameSocket(left: Socket, right: Socket): boolean {
  const isEvery = ({ address }: Socket) => address === null || address === '0.0.0.0' || address === '::';
  return left.port === right.port && (left.address === right.address || isEvery(left) || isEvery(right));
}

function checkHttp({ http, listen }: Policy): Check[] {
  const address = httpAddress({ http });
  const port = Number(/\d+$/.exec(http.listen)?.[0]);
  const path: Path = ['http', 'listen'];
  const checks: Check[] = [];
  const taker = listen.findIndex((listener) => isSameSocket(listener, { address, port }));
  if (taker !== -1) checks.push({ verdict: 'refuse', path, text: `port ${port} is taken by listen[${taker}] already` });
  // Mail does not wait for it: the listener alone stays closed.
  const refusal = httpRefusal({ http });
  const text = 'not a loopback address: whoever reaches it sees /readyz and /metrics without signing in';
  if (refusal !== null) checks.push({ verdict: 'warn', path, text: refusal });
  else if (!isLoopback(address)) checks.push({ verdict: 'warn', path, text });
  return checks;
}

function checkClients({ clients }: Policy): Check[] {
  const checks: Check[] = [];
  const owners = new Map<string, string>();
  for (const [client, { networks }] of Object.entries(clients)) {
    if (client === OWN_CLIENT)
      checks.push({ verdict: 'refuse', path: ['clients', client], text: 'this name is the relay’s own: take another' });
    for (const [index, text] of networks.entries()) {
      const network = parseNetwork(text);
      if (network === null) continue;
      const path: Path = ['clients', client, 'networks', index];
      if (network.prefix < WIDEST_PREFIX[network.family]) {
        const reason = `${text} makes an open relay: expected /${WIDEST_PREFIX[network.family]} or narrower`;
        checks.push({ verdict: 'refuse', path, text: reason });
      }
      const owner = owners.get(networkKey(network));
      if (owner !== undefined && owner !== client)
        checks.push({ verdict: 'refuse', path, text: `${text} is a network of client ${owner} already` });
      owners.set(networkKey(network), client);
    }
  }
  return checks;
}

function checkReturnPaths({ domains, listen }: Policy): Check[] {
  const isReachable = listen.some(({ auth }) => auth === 'none');
  return Object.entries(domains).flatMap(([domain, { returnPath, complaints, verp }]): Check[] => {
    if (returnPath === undefined) {
      const key = complaints.length > 0 ? 'complaints' : verp === 'delivery' ? 'verp' : null;
      const text = 'takes effect only with a returnPath';
      return key === null ? [] : [{ verdict: 'warn', path: ['domains', domain, key], text }];
    }
    const path: Path = ['domains', domain, 'returnPath'];
    const checks: Check[] = [];
    if (!isReachable)
      checks.push({ verdict: 'warn', path, text: 'no listener takes bounces: it takes one with auth: none' });
    if (Object.hasOwn(domains, returnPath)) {
      const text = `mail to any other address at ${returnPath} is refused: take a domain of its own, such as bounces.${returnPath}`;
      checks.push({ verdict: 'warn', path, text });
    }
    return checks;
  });
}

function checkEgress({ egress }: Policy): Check[] {
  return Object.entries(egress).flatMap(([name, exit]): Check[] => {
    if (exit.type !== 'smtp' || !exit.enabled) return [];
    if ((exit.username === null) !== (exit.password === null)) {
      const missing = exit.username === null ? 'username' : 'password';
      return [
        {
          verdict: 'refuse',
          path: ['egress', name, missing],
          text: 'is required: a username and a password go together',
        },
      ];
    }
    const isClear = exit.tls === 'none' || exit.tls === 'opportunistic';
    if (exit.password === null || !isClear || isLoopback(exit.host)) return [];
    return [{ verdict: 'warn', path: ['egress', name, 'tls'], text: 'the password may go out in clear text' }];
  });
}

/** A first day of fewer is a trickle: figures of what comes of it say nothing. */
const FIRST_DAY_LEAST = 5;

function checkWarmups({ egress, custom }: Policy): Check[] {
  const checks: Check[] = Object.entries(egress).flatMap(([name, { enabled, warmup, dailyLimit }]): Check[] => {
    const schedule = warmup?.schedule;
    if (!enabled || schedule === undefined || dailyLimit === null) return [];
    const index = schedule.findIndex((step) => step > dailyLimit);
    if (index === -1) return [];
    const text = `step ${index + 1} (${schedule[index]}) is above the dailyLimit (${dailyLimit}): no more than that leaves in a day`;
    return [{ verdict: 'warn', path: ['egress', name, 'warmup', 'schedule', index], text }];
  });
  const first = custom === null || !custom.warmup ? FIRST_DAY_LEAST : Math.max(1, Math.floor(custom.dailyLimit / 10));
  if (custom !== null && first < FIRST_DAY_LEAST) {
    const text = `the first day of the warm-up is ${first} of ${custom.dailyLimit} messages a server: warmup: false, or a warmup.schedule of the exits, gives others`;
    checks.push({ verdict: 'warn', path: ['custom', 'dailyLimit'], text });
  }
  return checks;
}

function checkKeeping({ spool, retry, limits }: Policy): Check[] {
  const checks: Check[] = spool.engine === 'redis' ? checkRedisSpool(spool) : [];
  for (const [index, delayMs] of retry.delaysMs.entries())
    if (delayMs === 0)
      checks.push({ verdict: 'refuse', path: ['retry', 'delays', index], text: 'expected more than 0s' });
  if (retry.warnAfterMs !== null && retry.warnAfterMs >= retry.expireMs)
    checks.push({ verdict: 'warn', path: ['retry', 'warnAfter'], text: 'no notice is ever sent: mail expires before' });
  if (limits.memoryBytes < limits.messageSizeBytes)
    checks.push({
      verdict: 'warn',
      path: ['limits', 'memory'],
      text: 'less than one message of limits.messageSize takes',
    });
  return checks;
}
