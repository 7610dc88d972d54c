/** What `webhook` of exits through providers must hold. Pure. */
import type { Check } from './checks.ts';
import type { Path } from './problem.ts';
import type { EgressPolicy, Policy } from './schema.ts';
import { parseWebhookKey } from './webhook-key.ts';

const ARN = /^arn:aws(?:-cn|-us-gov)?:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/;

/** Of exits in use: the variables of others need not be set. */
export function checkWebhooks({ egress }: Policy): Check[] {
  return Object.entries(egress).flatMap(([name, exit]): Check[] =>
    exit.enabled ? checkExit(exit, ['egress', name, 'webhook']) : [],
  );
}

function checkExit(exit: EgressPolicy, path: Path): Check[] {
  if (exit.type === 'sendgrid' && exit.webhook !== undefined && parseWebhookKey(exit.webhook.publicKey) === null) {
    const text =
      'expected the verification key of SendGrid’s signed event webhook: a P-256 public key, PEM or the one line of base64 that its dashboard shows';
    return [{ verdict: 'refuse', path: [...path, 'publicKey'], text }];
  }
  if (exit.type === 'mailgun' && exit.webhook?.signingKey.trim() === '')
    return [{ verdict: 'refuse', path: [...path, 'signingKey'], text: 'expected the HTTP webhook signing key' }];
  if (exit.type !== 'ses') return [];
  return (exit.webhook?.topicArns ?? []).flatMap((arn, index): Check[] => {
    const text = `expected the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:123456789012:mail`;
    return ARN.test(arn) ? [] : [{ verdict: 'refuse', path: [...path, 'topicArns', index], text }];
  });
}
