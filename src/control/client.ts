import { request as httpRequest } from 'node:http';
import { frame, type ControlAnswer, USER_FIELD } from './wire.ts';
import { localUser } from './local-user.ts';
import { controlPath } from './path.ts';
import { OperationsError, type Operations } from '../operations/operations.ts';

export type Connection =
  | { readonly kind: 'connected'; readonly operations: Operations }
  /** Nobody listens there: no relay is running on this data folder. */
  | { readonly kind: 'none' }
  /** Somebody may be there but does not let us in, or does not answer. */
  | { readonly kind: 'failed'; readonly cause: string };

const NOBODY: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR']);
/** For the first answer: a relay that is busy with mail answers within milliseconds. */
const HELLO_MS = 10_000;

/** Looks for the relay that runs on a data folder. */
export async function connectControl(dataFolder: string): Promise<Connection> {
  const call = async (name: string, ask: unknown, content?: Buffer): Promise<unknown> => {
    const path = await controlPath(dataFolder);
    const answer = await post({ path, name, body: frame(ask, content), timeoutMs: 0 }).catch((error: unknown) => {
      throw new OperationsError(`the relay ended while it was asked: ${String(error)}`);
    });
    if ('error' in answer) throw new OperationsError(answer.error);
    return answer.value;
  };
  try {
    const path = await controlPath(dataFolder);
    const hello = await post({ path, name: 'status', body: frame({}), timeoutMs: HELLO_MS });
    if ('error' in hello) return { kind: 'failed', cause: hello.error };
    return { kind: 'connected', operations: remoteOperations(call) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (NOBODY.has(code)) return { kind: 'none' };
    const hint = code === 'EACCES' || code === 'EPERM' ? ': run this as the user that the relay runs as' : '';
    return { kind: 'failed', cause: `the control socket in ${dataFolder} does not answer (${code})${hint}` };
  }
}

type Call = (name: keyof Operations, ask: unknown, content?: Buffer) => Promise<unknown>;

/** Each operation that is a question and an answer: a new one is missing here until it is named. */
const ASKED: Readonly<Record<Exclude<keyof Operations, 'submit'>, true>> = {
  status: true,
  overview: true,
  list: true,
  shape: true,
  change: true,
  reschedule: true,
  story: true,
  find: true,
  explain: true,
  route: true,
  audit: true,
  auditLog: true,
  nodes: true,
  stats: true,
  exits: true,
  exitPasts: true,
  tryEgress: true,
  traffic: true,
  pause: true,
  resume: true,
  tokens: true,
  createToken: true,
  rotateToken: true,
  revokeToken: true,
  users: true,
  addUser: true,
  setUserPassword: true,
  setUserRole: true,
  setUserDisabled: true,
  removeUser: true,
  beginSecondFactor: true,
  confirmSecondFactor: true,
  renewRecoveryCodes: true,
  removeSecondFactor: true,
  sessions: true,
  endSessions: true,
  suppressions: true,
  suppress: true,
  unsuppress: true,
  clientStatuses: true,
  releaseClient: true,
  alertList: true,
  acknowledgeAlert: true,
  testAlerts: true,
  sendReport: true,
  webhooks: true,
  resumeWebhook: true,
  replayWebhook: true,
  series: true,
  table: true,
  costs: true,
  search: true,
  preview: true,
  transcripts: true,
};

/** The types of what comes back are the relay's word: both ends are the same program, and only its owner can listen there. */
function remoteOperations(call: Call): Operations {
  const asked = Object.keys(ASKED) as (keyof typeof ASKED)[];
  return {
    ...(Object.fromEntries(asked.map((name) => [name, (ask: unknown) => call(name, ask ?? {})])) as Omit<
      Operations,
      'submit'
    >),
    submit: ({ content, ...mail }) => call('submit', mail, content) as ReturnType<Operations['submit']>,
  };
}

type Post = {
  readonly path: string;
  readonly name: string;
  readonly body: readonly Buffer[];
  readonly timeoutMs: number;
};

function post({ path, name, body, timeoutMs }: Post): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-length': body.reduce((sum, part) => sum + part.length, 0),
      [USER_FIELD]: encodeURIComponent(localUser()),
    };
    const options = { socketPath: path, path: `/${name}`, method: 'POST', headers, agent: false, timeout: timeoutMs };
    const request = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(parse(Buffer.concat(chunks))));
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    // After an answer that came before the request was read whole (too large), the write error says nothing.
    request.on('error', reject);
    for (const part of body) request.write(part);
    request.end();
  });
}

function parse(body: Buffer): ControlAnswer {
  try {
    return JSON.parse(body.toString()) as ControlAnswer;
  } catch {
    return { error: 'the relay broke off in the middle of its answer' };
  }
}
