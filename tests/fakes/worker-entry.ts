/**
 * A worker's thread without mail, for tests of its supervisor: behaves as the policy's postmaster says, and says by `failed`
 * events what it was asked. Not for import.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { AskMessage, FromWorker, ToWorker, WorkerStart } from '../../src/workers/worker-wire.ts';

const start = workerData as WorkerStart;
const port = parentPort;
const channel = new BroadcastChannel(start.policy.hostname);
let { version, policy } = start;

function post(message: FromWorker): void {
  port?.postMessage(message);
}

/** `two-refuses@…` is what worker 2 does, and no other. */
function does(what: string): boolean {
  return (
    policy.postmaster.startsWith(`${what}@`) || (policy.postmaster.startsWith(`two-${what}@`) && start.worker === 2)
  );
}

function say(where: string, cause: string): void {
  const event = { event: 'failed', atMs: 0, where, cause, worker: start.worker } as const;
  post({ kind: 'told', events: [event], news: [], wake: false });
}

function answerTo(message: AskMessage): unknown {
  switch (message.name) {
    case 'prepare':
      return message.ask.policy.postmaster.startsWith('two-refuses@') && start.worker === 2 ? ['no such key'] : [];
    case 'swap':
      ({ version, policy } = message.ask);
      say('swap', version);
      return { addresses: [], problems: [] };
    case 'figures':
      return {
        connectionsIn: 10 * start.worker,
        connectionsOut: start.worker,
        workers: 1,
        closedExits: ['of-all', `of-${start.worker}`],
        sites: [{ provider: 'google', inFlight: start.worker, slowed: 1, blocked: 0 }],
        exits: [{ egress: 'ip-1', connections: start.worker, nextAtMs: start.worker === 2 ? 500 : null }],
      };
    case 'explainMail':
      return { route: 'all', exits: [], site: 'google: 0 of 5 connections' };
    case 'explain':
      return [{ state: start.worker === 2 ? 'in flight' : 'queued', why: [`worker ${start.worker}`] }];
    case 'refreshKeys':
    case 'submit':
    case 'bounceNow':
    case 'endTold':
    case 'tellReturned':
    case 'submitOwn':
    case 'stop':
      return null;
  }
}

function take(message: ToWorker): void {
  if (message.kind === 'end') {
    channel.close();
    port?.close();
    return;
  }
  if (message.kind !== 'ask') return say(message.kind, 'news' in message ? JSON.stringify(message.news) : '');
  if (message.name === 'swap' && message.ask.policy.postmaster.startsWith('two-hangs@') && start.worker === 2) return;
  if (message.name !== 'swap' && does('silent')) return;
  const value = answerTo(message);
  post({ kind: 'answer', id: message.id, version, value });
}

channel.addEventListener('message', ({ data }) => {
  if (data === start.worker) throw new Error(`worker ${start.worker} was told to break`);
});
port?.on('message', take);
if (does('dead')) throw new Error('dead from the start');
post({ kind: 'up', version, doors: { addresses: [{ address: '127.0.0.1', port: 25, tls: 'none' }], problems: [] } });
say('start', `${version} of ${start.workers}`);
