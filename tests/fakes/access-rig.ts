/** The API over real HTTP and the real store, with a command line over the control socket to make tokens with. */
import { join } from 'node:path';
import { openAccess } from '../../src/access/access.ts';
import { startControl } from '../../src/control/server.ts';
import { exitOperations } from '../../src/operations/exits/exit-operations.ts';
import { AuditLog } from '../../src/operations/audit-log.ts';
import { figuresOverStore } from '../../src/operations/figures/figures-over-store.ts';
import { createOperations } from '../../src/operations/store-operations.ts';
import type { IssuedToken } from '../../src/operations/token-operations.ts';
import { readExitStandings } from '../../src/exits/standings.ts';
import type { Audit, Audited } from '../../src/http/audit.ts';
import { BodyReader } from '../../src/http/submission/bodies.ts';
import type { SubmitMail } from '../../src/http/submission/submitter.ts';
import { createHttp } from '../../src/http/server.ts';
import type { Event } from '../../src/message/event.ts';
import type { Emit } from '../../src/ports.ts';
import { EventTap } from '../../src/report/event-tap.ts';
import { openApp } from '../../src/access/open-app.ts';
import type { Policy } from '../../src/policy/schema.ts';
import { loadPolicy } from '../../src/policy/file/load.ts';
import { statsNeeds } from '../../src/access/relay-stats.ts';
import { createTroubles } from '../../src/report/troubles.ts';
import { egressTrials } from '../../src/operations/exits/try-egress.ts';
import { canSendFrom, systemDial, systemRandom } from '../../src/system.ts';
import { DnsZone, fakeDns } from './dns.ts';
import { CliRig } from './cli-rig.ts';
import { FakeLive } from './fake-live.ts';
import { policyDesk } from './policy-desk.ts';

const POLICY = `
hostname: relay.example.com
http: { listen: 127.0.0.1:0 }
limits: { loginAttempts: 3/1m }
EGRESS
pools: { owned: { members: [smtp-1] } }
routes: [{ name: all, use: [owned] }]
`;
const EGRESS = 'egress: { smtp-1: { type: smtp, host: 127.0.0.1, port: 2525, tls: none } }';

/** `issue` runs `relevo token …`; `get` and `ask` show a token, or none. */
export async function openAccessRig(egress = EGRESS) {
  await using things = new AsyncDisposableStack();
  const text = POLICY.replace('EGRESS', egress);
  const rig = things.use(new CliRig(text));
  const policy = policyOf(text, rig.folder);
  const spool = things.use(await rig.openSpool());
  const { marks, ledger } = spool;
  const { clock, dataFolder } = rig;
  const events: Event[] = [];
  const emit = (event: Event): void => void events.push(event);
  const exits = await exitsOf({ policy, spool, clock });
  const access = openAccess({ policy, ports: { clock, random: systemRandom }, marks, ledger });
  const keepMs = () => policy().audit.keepMs;
  const log = things.use(new AuditLog({ marks, clock, random: systemRandom, emit, keepMs }));
  const operations = operationsOf({ policy, spool, clock, exits, access, log });
  const audited: Audited[] = [];
  const audit: Audit = (one) => {
    audited.push(one);
    return log.note(one);
  };
  const bodies = things.use(new BodyReader(clock));
  const submit: SubmitMail = async () => Promise.reject(new Error('no mail is taken here'));
  const tap = new EventTap();
  const needs = {
    access,
    follow: (run: Emit) => tap.follow(run),
    submit,
    bodies,
    operations,
    policy,
    clock,
    random: systemRandom,
    emit,
    marks,
    ledger,
    spool,
    troubles: createTroubles(),
    audit,
    policies: policyDesk({ policyFile: rig.policyFile, dataFolder, policy, operations, clock }),
  };
  const app = openApp(needs);
  await controlled(things, { dataFolder, operations, audit, clock, emit, messageSizeBytes: () => 1_000 });
  const { base, ask, get } = await served(things, { policy, clock, emit, app: async () => app });
  const kept = things.move();
  return {
    rig,
    base,
    get,
    ask,
    issue: issuing(rig),
    events,
    audited,
    marks,
    spool,
    tap,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function policyOf(text: string, folder: string): () => Policy {
  const loaded = loadPolicy({ file: 'relevo.yaml', text, env: {}, readFile: () => '' });
  if (loaded.kind === 'refused') throw new Error(loaded.problems.map((problem) => problem.text).join());
  const accessKeys = join(folder, 'certs/access-keys.keys');
  const secondFactorKeys = join(folder, 'certs/second-factor.keys');
  const inForce = { ...loaded.policy, http: { ...loaded.policy.http, accessKeys, secondFactorKeys } };
  return () => inForce;
}

async function controlled(things: AsyncDisposableStack, needs: Parameters<typeof startControl>[0]): Promise<void> {
  const control = await startControl(needs);
  if (control.kind !== 'listening') throw new Error(control.cause);
  things.use(control.control);
}

type Operated = Exits & {
  readonly exits: Awaited<ReturnType<typeof exitsOf>>;
  readonly access: ReturnType<typeof openAccess>;
  readonly log: AuditLog;
};

function operationsOf({ policy, spool, clock, exits, access, log }: Operated) {
  return createOperations({
    spool,
    clock,
    showsSubjects: () => true,
    live: new FakeLive(),
    furthestMs: () => policy().limits.futureReleaseMs,
    exits,
    tokens: access.tokens,
    users: access.signIn.users,
    auditLog: (ask) => log.page(ask),
    figures: figuresOverStore({ policy, clock, marks: spool.marks, ledger: spool.ledger }),
    tryEgress: egressTrials({ policy, clock, dns: fakeDns(new DnsZone()), dial: systemDial, canSendFrom }),
  });
}

type Served = Pick<Parameters<typeof createHttp>[0], 'policy' | 'clock' | 'emit' | 'app'>;

async function served(things: AsyncDisposableStack, needs: Served) {
  const scrape = async () => ({ contentType: 'text/plain', text: '' });
  const http = things.use(createHttp({ ...needs, notReady: () => [], scrape }));
  const bound = await http.listen();
  if (bound.kind !== 'listening') throw new Error(bound.cause);
  const base = `http://127.0.0.1:${bound.port}`;
  const ask = (
    path: string,
    token: string | null,
    { method, body }: { readonly method: string; readonly body?: string },
  ) =>
    fetch(base + path, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
    });
  return { base, ask, get: (path: string, token: string | null, method = 'GET') => ask(path, token, { method }) };
}

type Exits = {
  readonly policy: () => Policy;
  readonly spool: Awaited<ReturnType<CliRig['openSpool']>>;
  readonly clock: CliRig['clock'];
};

async function exitsOf({ policy, spool, clock }: Exits) {
  const { marks, ledger } = spool;
  const standings = await readExitStandings({ policy, marks, tallies: ledger, clock, node: 'n1', judges: true });
  const stats = statsNeeds({ policy, clock, spool, standings });
  return exitOperations({ policy, clock, marks, ledger, standings, stats, alerts: () => [] });
}

function issuing(rig: CliRig) {
  return async (...args: string[]): Promise<IssuedToken> => {
    const { code, stdout, stderr } = await rig.run(['token', ...args, '--json']);
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as IssuedToken;
  };
}
