/** Whether SES would take mail now: it is asked about the account (GetAccount), and nothing is sent. */
import { plainText } from '../../message/plain-text.ts';
import type { SesEgressPolicy } from '../../policy/schema.ts';
import { ofFailure } from '../cloud/failure.ts';
import { type KeyProbe, probeKeys } from '../cloud/probe-keys.ts';
import type { CloudKey } from '../cloud/provider.ts';
import type { ProbeRun, ProbeTrouble } from '../probe-run.ts';
import { type SesAccount, sesAccountOf } from './ses-account.ts';
import { sesAnswer } from './ses-answer.ts';
import type { SesClient } from './ses-client.ts';
import { sesClientOf, sesKeys } from './ses-egress.ts';
import { sesHost } from './ses-provider.ts';

export async function probeSes(policy: SesEgressPolicy, run: ProbeRun): Promise<ProbeTrouble | null> {
  const within = { ...policy, timeout: Math.min(policy.timeout, run.timeoutMs) };
  const { http, client } = sesClientOf(within, { ...run, emit: () => {} });
  try {
    return await probeKeys(sesKeys(policy), run, (key) => probeKey({ client, key, host: sesHost(policy) }, run));
  } finally {
    client.dispose();
    await http[Symbol.asyncDispose]();
  }
}

async function probeKey(
  { client, key, host }: { readonly client: SesClient; readonly key: CloudKey; readonly host: string },
  { signal }: ProbeRun,
): Promise<KeyProbe> {
  const result = await client.account(key, signal);
  switch (result.kind) {
    case 'done':
      return ofAccount(sesAccountOf(result.output));
    case 'failed': {
      const answer = ofFailure(result, host);
      return { kind: 'ill', stage: 'connect', cause: 'text' in answer ? answer.text : 'stopped', isOfKey: false };
    }
    case 'garbled':
      return { kind: 'ill', stage: 'auth', cause: `${host} answers what is no answer of SES`, isOfKey: false };
    case 'refused': {
      const { name, text } = result.error;
      // It is known, but may only send.
      if (name.startsWith('AccessDenied') && /GetAccount/.test(text)) {
        const found =
          'it may not read the account (ses:GetAccount): quotas are not known, and only a message would show more';
        return { kind: 'well', found: [{ stage: 'account', found }] };
      }
      const answer = sesAnswer(result.error, []);
      const advice = 'advice' in answer && answer.advice !== undefined ? ` ${answer.advice}.` : '';
      const cause = plainText(`${'text' in answer ? answer.text : name}.${advice}`, 300);
      return { kind: 'ill', stage: 'auth', cause, isOfKey: answer.kind === 'key-refused' };
    }
  }
}

function ofAccount(account: SesAccount): KeyProbe {
  const { isEnabled, isSandbox, perDay, perSecond, sent, standing } = account;
  if (!isEnabled)
    return { kind: 'ill', stage: 'account', cause: `sending is disabled for the account (${standing})`, isOfKey: true };
  const quota = perDay === null ? 'no daily quota' : `${sent} of ${perDay} recipients in 24 hours used`;
  const rate = perSecond === null ? 'any number a second' : `${perSecond} a second`;
  const sandbox = isSandbox ? '; IN THE SANDBOX: only to verified recipients' : '';
  return {
    kind: 'well',
    found: [{ stage: 'account', found: `${standing || 'in order'}, ${quota}, ${rate}${sandbox}` }],
  };
}
