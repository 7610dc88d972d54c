/** Whether SendGrid would take mail now: each key signs in, and nothing is sent. */
import type { SendgridEgressPolicy } from '../../policy/schema.ts';
import { plainText } from '../../message/plain-text.ts';
import { HttpClient } from '../cloud/http.ts';
import { plainKeys } from '../cloud/keys.ts';
import type { CloudKey } from '../cloud/provider.ts';
import type { ProbeRun, ProbeStep, ProbeTrouble } from '../probe-run.ts';
import { probeServer } from '../smtp/probe-server.ts';
import { errorsOf } from './api-answers.ts';
import { askApi } from './api-request.ts';
import { apiEndpointOf, smtpEndpointOf } from './endpoint.ts';
import { sendGridOpening } from './sendgrid-egress.ts';

/** In order where one key may send; what the others were told is among the steps. */
export async function probeSendGrid(policy: SendgridEgressPolicy, run: ProbeRun): Promise<ProbeTrouble | null> {
  let trouble: ProbeTrouble | null = { stage: 'auth', cause: 'the exit has no key' };
  let isSound = false;
  for (const key of plainKeys(policy.apiKeys ?? [])) {
    const steps: ProbeStep[] = [];
    const found = await probeKey(policy, key, { ...run, steps });
    if (found === null) {
      isSound = true;
      const isFirst = run.steps.every(({ stage }) => stage === 'auth');
      run.steps.push(...steps.filter(({ stage }) => isFirst || stage === 'auth').map((step) => shown(step, key)));
      continue;
    }
    trouble = { ...found, cause: `${key.shown}: ${found.cause}` };
    // Without a connection the others would fare alike.
    if (found.stage !== 'auth') break;
    run.steps.push({ stage: 'auth', found: trouble.cause });
  }
  return isSound ? null : trouble;
}

function shown({ stage, found }: ProbeStep, key: CloudKey): ProbeStep {
  return stage === 'auth' ? { stage, found: `${key.shown} ${found}` } : { stage, found };
}

function probeKey(policy: SendgridEgressPolicy, key: CloudKey, run: ProbeRun): Promise<ProbeTrouble | null> {
  if (policy.transport === 'api') return probeApi(policy, key, run);
  const opening = sendGridOpening(policy, key, () => run.hostname);
  return probeServer({ host: smtpEndpointOf(policy).host, opening }, run);
}

/** By the scopes of the key, for which every key may ask. */
async function probeApi(policy: SendgridEgressPolicy, key: CloudKey, run: ProbeRun): Promise<ProbeTrouble | null> {
  const endpoint = apiEndpointOf(policy);
  const { signal, steps, timeoutMs } = run;
  await using http = new HttpClient({ ...run, timeoutMs: Math.min(policy.timeout, timeoutMs), connections: 1 });
  let tls: string | null = null;
  const watch = {
    signal,
    onPeer: (peer: { readonly address: string | null; readonly tls: string | null }) => {
      steps.push({ stage: 'connect', found: `${peer.address ?? endpoint.hostname}:${portOf(endpoint)}` });
      tls = peer.tls;
    },
  };
  const answer = await askApi(http, endpoint, { method: 'GET', path: '/v3/scopes', key, body: null, watch });
  if (answer.kind === 'failed') return { stage: 'connect', cause: `${endpoint.hostname}: ${answer.text}` };
  if (tls !== null) steps.push({ stage: 'tls', found: tls });
  const said = errorsOf(answer.body).map(({ message }) => message);
  if (answer.status !== 200)
    return { stage: 'auth', cause: plainText(`${endpoint.hostname} answered ${answer.status} ${said.join(' ')}`, 300) };
  if (!scopesIn(answer.body).includes('mail.send'))
    return { stage: 'auth', cause: 'the key is not allowed to send (it lacks the scope mail.send)' };
  steps.push({ stage: 'auth', found: 'may send' });
  return null;
}

function portOf(url: URL): string {
  if (url.port !== '') return url.port;
  return url.protocol === 'https:' ? '443' : '80';
}

function scopesIn(body: Buffer): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(body.toString());
    const scopes = typeof parsed === 'object' && parsed !== null && 'scopes' in parsed ? parsed.scopes : [];
    return Array.isArray(scopes) ? scopes : [];
  } catch {
    return [];
  }
}
