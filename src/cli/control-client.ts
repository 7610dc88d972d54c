import { request as httpRequest } from 'node:http';
import { frame, type ControlAnswer, USER_FIELD } from './control-wire.ts';
import { localUser } from './local-user.ts';
import { controlPath } from './control-path.ts';
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

/** The types of what comes back are the relay's word: both ends are the same program, and only its owner can listen there. */
function remoteOperations(call: Call): Operations {
  const ask = <Name extends keyof Operations>(name: Name): Operations[Name] =>
    ((question: unknown) => call(name, question ?? {})) as Operations[Name];
  return {
    status: ask('status'),
    overview: ask('overview'),
    list: ask('list'),
    shape: ask('shape'),
    change: ask('change'),
    reschedule: ask('reschedule'),
    story: ask('story'),
    find: ask('find'),
    explain: ask('explain'),
    route: ask('route'),
    audit: ask('audit'),
    auditLog: ask('auditLog'),
    nodes: ask('nodes'),
    stats: ask('stats'),
    exits: ask('exits'),
    exitPasts: ask('exitPasts'),
    tryEgress: ask('tryEgress'),
    traffic: ask('traffic'),
    pause: ask('pause'),
    resume: ask('resume'),
    tokens: ask('tokens'),
    createToken: ask('createToken'),
    rotateToken: ask('rotateToken'),
    revokeToken: ask('revokeToken'),
    users: ask('users'),
    addUser: ask('addUser'),
    setUserPassword: ask('setUserPassword'),
    setUserRole: ask('setUserRole'),
    setUserDisabled: ask('setUserDisabled'),
    removeUser: ask('removeUser'),
    beginSecondFactor: ask('beginSecondFactor'),
    confirmSecondFactor: ask('confirmSecondFactor'),
    renewRecoveryCodes: ask('renewRecoveryCodes'),
    removeSecondFactor: ask('removeSecondFactor'),
    sessions: ask('sessions'),
    endSessions: ask('endSessions'),
    suppressions: ask('suppressions'),
    suppress: ask('suppress'),
    unsuppress: ask('unsuppress'),
    clientStatuses: ask('clientStatuses'),
    releaseClient: ask('releaseClient'),
    alertList: ask('alertList'),
    acknowledgeAlert: ask('acknowledgeAlert'),
    testAlerts: ask('testAlerts'),
    sendReport: ask('sendReport'),
    webhooks: ask('webhooks'),
    resumeWebhook: ask('resumeWebhook'),
    replayWebhook: ask('replayWebhook'),
    series: ask('series'),
    table: ask('table'),
    costs: ask('costs'),
    search: ask('search'),
    preview: ask('preview'),
    transcripts: ask('transcripts'),
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
