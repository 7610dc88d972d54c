/** The pages' sign-in over real HTTP, on marks in memory; the policy can be another at any moment. */
import { scryptSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, createApp } from '../../src/http/app.ts';
import type { Audit, Audited } from '../../src/http/audit.ts';
import { accountRoutes } from '../../src/http/api/account.ts';
import { signInRoutes } from '../../src/http/api/sign-in.ts';
import { userRoutes } from '../../src/http/api/users.ts';
import type { OpenPair } from '../../src/http/bound-server.ts';
import { accessPage } from '../../src/http/pages/access.ts';
import { openAssets } from '../../src/http/pages/assets.ts';
import { createFrame } from '../../src/http/pages/frame.ts';
import { signInPage } from '../../src/http/pages/sign-in.ts';
import { type Role, type User, userMark } from '../../src/http/sign-in/user.ts';
import { defineRoute } from '../../src/http/route.ts';
import { createHttp } from '../../src/http/server.ts';
import type { Event } from '../../src/message/event.ts';
import type { Operations } from '../../src/operations/operations.ts';
import { isOwnHost } from '../../src/policy/http-exposure.ts';
import { loadPolicy } from '../../src/policy/file/load.ts';
import type { Policy } from '../../src/policy/schema.ts';
import type { Emit } from '../../src/ports.ts';
import { type Access, openAccess } from '../../src/access/access.ts';
import { systemRandom } from '../../src/system.ts';
import { FakeClock } from './clock.ts';
import { MemoryMarks } from './marks.ts';
import { memoryLedger } from './memory-ledger.ts';

export type Got = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
};

export type Sent = {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export const PASSWORD = 'correct horse battery';

function policyOf(http: string, { listen, folder }: { readonly listen: string; readonly folder: string }): Policy {
  const text = `hostname: relay.example.com\nlimits: { loginAttempts: 3/1m }\nhttp: { listen: ${listen}${http} }\n`;
  const loaded = loadPolicy({ file: 'relevo.yaml', text, env: {}, readFile: () => '' });
  if (loaded.kind === 'refused') throw new Error(loaded.problems.map((problem) => problem.text).join());
  const secondFactorKeys = join(folder, 'second-factor.keys');
  return { ...loaded.policy, http: { ...loaded.policy.http, secondFactorKeys } };
}

/** @param http more keys of `http`, such as `, tls: true` */
export async function openSignInRig(
  http = '',
  { openPair, listen = '127.0.0.1:0' }: { readonly openPair?: OpenPair; readonly listen?: string } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-sign-in-'));
  let policyNow = policyOf(http, { listen, folder });
  const policy = () => policyNow;
  const clock = new FakeClock();
  const marks = new MemoryMarks();
  const events: Event[] = [];
  const audited: Audited[] = [];
  const emit = (event: Event): void => void events.push(event);
  const audit: Audit = async (one) => void audited.push(one);
  const access = openAccess({ policy, ports: { clock, random: systemRandom }, marks, ledger: memoryLedger() });
  const app = appOf(access, { policy, clock, emit, audit, audited });
  const server = createHttp({
    policy,
    clock,
    emit,
    notReady: () => [],
    scrape: async () => ({ contentType: 'text/plain', text: '' }),
    app: async () => app,
    ...(openPair === undefined ? {} : { openPair }),
  });
  const bound = await server.listen();
  const port = bound.kind === 'listening' ? bound.port : 0;
  const ask = (path: string, sent: Sent = {}): Promise<Got> =>
    asked({ port, isTls: policy().http.tls !== false }, path, sent);
  return {
    clock,
    marks,
    events,
    audited,
    users: access.signIn.users,
    tokens: access.tokens,
    server,
    bound,
    port,
    ask,
    /** With a hash that is cheap to check. */
    addUser: (name: string, role: Role) => marks.mark([userMark(cheapUser(name, role, clock.nowMs()), clock.nowMs())]),
    setPolicy: (more: string) => void (policyNow = policyOf(more, { listen, folder })),
    /** @returns the field `Cookie` of a new session, and its CSRF token */
    signIn: async (name: string, password = PASSWORD) => {
      const answer = await ask('/api/v1/sign-in', { body: { name, password } });
      return sessionOf(ask, answer);
    },
    sessionOf: (answer: Got) => sessionOf(ask, answer),
    folder,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

type Around = {
  readonly policy: () => Policy;
  readonly clock: FakeClock;
  readonly emit: Emit;
  readonly audit: Audit;
  readonly audited: readonly Audited[];
};

function appOf(access: Access, { policy, clock, emit, audit, audited }: Around): App {
  const { users } = access.signIn;
  const auditLog = async () => ({ entries: audited.map((one, at) => ({ ...one, id: `${at}`, atMs: 0 })), next: null });
  const operations = { ...users, ...access.tokens, auditLog } as unknown as Operations;
  const signInDesk = access.signIn.desk({ emit, audit });
  const needs = { operations, policy, clock, signInDesk };
  const assets = openAssets();
  return createApp({
    ...access.admission,
    clock,
    emit,
    audit,
    routes: [...signInRoutes(needs), ...accountRoutes(needs), ...userRoutes(needs), endless],
    pages: [accessPage(needs), signInPage()],
    isOwnHost: (host) => isOwnHost(host, policy()),
    assets: (path, headers) => assets.answer(path, headers),
    layout: createFrame({ asset: assets.url, notices: async () => ({ alerts: [], policyProblems: [], notReady: [] }) }),
  });
}

/** A stream of which nothing ever comes. */
const endless = defineRoute({
  method: 'GET',
  path: '/api/v1/endless',
  scope: 'read',
  part: 'test',
  summary: 'Nothing, for ever',
  answer: { contentType: 'text/event-stream' },
  run: async () => ({ kind: 'stream', contentType: 'text/event-stream', stream: new ReadableStream() }),
});

function cheapUser(name: string, role: Role, atMs: number): User {
  const of = { epoch: name, createdAtMs: atMs, passwordAtMs: atMs, isDisabled: false, secondFactor: null };
  return { name, role, passwordHash: cheapHash(PASSWORD), ...of };
}

function cheapHash(password: string): string {
  const salt = Buffer.alloc(16, 7);
  const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=10,r=8,p=1$${unpadded(salt)}$${unpadded(scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 }))}`;
}

/** What a browser has of an answer that signs in. */
async function sessionOf(ask: (path: string, sent?: Sent) => Promise<Got>, answer: Got) {
  const [set = ''] = [answer.headers['set-cookie'] ?? []].flat();
  const cookie = set.split(';', 1)[0] ?? '';
  const page = await ask('/access', { headers: { cookie } });
  const csrf = /name="relevo-csrf" content="([^"]+)"/.exec(page.text)?.[1] ?? '';
  return { set, cookie, csrf, headers: { cookie, 'x-relevo-csrf': csrf }, page };
}

function asked(where: { readonly port: number; readonly isTls: boolean }, path: string, sent: Sent): Promise<Got> {
  const body = sent.body === undefined ? null : JSON.stringify(sent.body);
  const type = body === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const options = {
    port: where.port,
    host: '127.0.0.1',
    path,
    method: sent.method ?? (body === null ? 'GET' : 'POST'),
    headers: { ...type, ...sent.headers },
    agent: false,
  } as const;
  return new Promise((resolve, reject) => {
    // The certificates of the rig are its own.
    const request = where.isTls ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.end(body ?? undefined);
  });
}
