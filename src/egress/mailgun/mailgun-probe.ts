/**
 * Whether Mailgun would take mail now, with nothing sent: the domain is asked for. A sending key may not ask; it posts a message
 * without recipients, which is refused for that (400), or for the key (401).
 */
import { plainText } from '../../message/plain-text.ts';
import type { MailgunEgressPolicy } from '../../policy/schema.ts';
import { HttpClient } from '../cloud/http.ts';
import { plainKeys } from '../cloud/keys.ts';
import { type KeyProbe, probeKeys } from '../cloud/probe-keys.ts';
import type { CloudKey } from '../cloud/provider.ts';
import type { ProbeRun, ProbeTrouble } from '../probe-run.ts';
import { mailgunAnswer } from './mailgun-answer.ts';
import { authorization, MAILGUN_URL, mailgunSendUrl } from './mailgun-provider.ts';
import { type MailgunDomain, MailgunReader } from './mailgun-reader.ts';

type Asking = { readonly policy: MailgunEgressPolicy; readonly http: HttpClient; readonly reader: MailgunReader };

export async function probeMailgun(policy: MailgunEgressPolicy, run: ProbeRun): Promise<ProbeTrouble | null> {
  const timeoutMs = Math.min(policy.timeout, run.timeoutMs);
  await using http = new HttpClient({ ...run, timeoutMs, connections: 1 });
  const reader = new MailgunReader({ ...policy, timeout: timeoutMs }, run.clock);
  return await probeKeys(plainKeys(policy.apiKeys ?? []), run, (key) => probeKey({ policy, http, reader }, key, run));
}

async function probeKey(asking: Asking, key: CloudKey, run: ProbeRun): Promise<KeyProbe> {
  const { policy, reader } = asking;
  const read = await reader.domain(key, run.signal);
  if (read.kind === 'found') return ofDomain(policy.domain, read.found);
  const host = new URL(policy.endpoint ?? MAILGUN_URL).hostname;
  if (read.status === 0)
    return { kind: 'ill', stage: 'connect', cause: `${host}: ${plainText(read.text, 200)}`, isOfKey: false };
  if (read.status === 401 || read.status === 403) return probeSending(asking, key, run);
  const answer = mailgunAnswer({ status: read.status, message: read.text, raw: read.text, retryAfterMs: null });
  const advice = 'advice' in answer && answer.advice !== undefined ? ` ${answer.advice}.` : '';
  const cause = `${host} answered ${read.status}: ${plainText(read.text, 150)}.${advice}`;
  return { kind: 'ill', stage: 'domain', cause, isOfKey: false };
}

async function probeSending({ policy, http }: Asking, key: CloudKey, { signal }: ProbeRun): Promise<KeyProbe> {
  const url = mailgunSendUrl(policy);
  const headers = { Authorization: authorization(key), 'Content-Type': 'application/x-www-form-urlencoded' };
  const answer = await http.ask({ method: 'POST', url, headers, body: Buffer.alloc(0) }, { signal });
  if (answer.kind === 'failed')
    return { kind: 'ill', stage: 'connect', cause: `${url.hostname}: ${answer.text}`, isOfKey: false };
  const said = plainText(answer.body.toString('utf8'), 150);
  if (answer.status === 400 && /parameter/i.test(said)) {
    const found = `${policy.domain}, by a key that may only send`;
    return { kind: 'well', found: [{ stage: 'domain', found }] };
  }
  return { kind: 'ill', stage: 'auth', cause: `${url.hostname} answered ${answer.status}: ${said}`, isOfKey: true };
}

function ofDomain(domain: string, { state, isSandbox, isDisabled }: MailgunDomain): KeyProbe {
  if (isDisabled) return { kind: 'ill', stage: 'domain', cause: `Mailgun has disabled ${domain}`, isOfKey: false };
  if (state === 'unverified')
    return {
      kind: 'ill',
      stage: 'domain',
      cause: `${domain} is not verified: set the DNS records that Mailgun shows for it`,
      isOfKey: false,
    };
  const sandbox = isSandbox ? '; A SANDBOX: only to authorized recipients' : '';
  return { kind: 'well', found: [{ stage: 'domain', found: `${domain}, ${state}${sandbox}` }] };
}
