/** What `webhook` of exits through providers, and `webhooks`, must hold. Pure. */
import type { Check } from './checks.ts';
import type { Path } from '../file/problem.ts';
import type { EgressPolicy, Policy } from '../schema.ts';
import { parseWebhookKey } from '../webhook-key.ts';

const ARN = /^arn:aws(?:-cn|-us-gov)?:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/;

/** Of exits only those in use: the variables of others need not be set. */
export function checkWebhooks({ egress, webhooks }: Policy): Check[] {
  const ofExits = Object.entries(egress).flatMap(([name, exit]): Check[] =>
    exit.enabled ? checkExit(exit, ['egress', name, 'webhook']) : [],
  );
  return [...ofExits, ...checkPrograms(webhooks)];
}

/** A program is known by its URL, and an operator names it by its name: each is of one only. */
function checkPrograms(webhooks: Policy['webhooks']): Check[] {
  return webhooks.flatMap(({ url, name }, place): Check[] => {
    const before = webhooks.slice(0, place);
    const path = ['webhooks', place];
    if (before.some((one) => one.url === url))
      return [
        { verdict: 'refuse', path: [...path, 'url'], text: 'another webhook has this URL: one may have all events' },
      ];
    if (!before.some((one) => one.name === name)) return [];
    return [{ verdict: 'refuse', path: [...path, 'name'], text: `another webhook has the name ${name}` }];
  });
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
