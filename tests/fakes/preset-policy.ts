/** Policies with a preset and an environment, and what they become. */
import { exitsOf, matchRoute } from '../../src/policy/match.ts';
import type { Policy } from '../../src/policy/schema.ts';
import type { Environment } from '../../src/policy/file/variables.ts';
import { loaded, problemsIn } from './policy-text.ts';

export const HEAD = 'hostname: relay.example.com\n';

/** Hosts from 1 on, and a key for SendGrid. */
export function hosts(count: number, more: Environment = {}): Environment {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const named = numbers.map((number) => [`SMTP_HOST_${number}`, `m${number}.example.com`]);
  return { ...Object.fromEntries(named), SENDGRID_API_KEY: 'SG.secret', ...more };
}

export function policyOf(text: string, env: Environment): Policy {
  return loaded(`${HEAD}${text}`, env).policy;
}

export function problemsOf(text: string, env: Environment): string[] {
  return problemsIn(`${HEAD}${text}`, env);
}

export function warningsOf(text: string, env: Environment): string[] {
  return loaded(`${HEAD}${text}`, env).warnings.map((line) => line.replace(/^[^:]*:/, ''));
}

/** Egresses that mail to a domain may leave by, in order, by pool. */
export function exitsTo(policy: Policy, recipientDomain: string): string[] {
  const facts = {
    client: 'a',
    stream: 'transactional',
    priority: 'normal',
    senderDomain: 'a.example',
    tag: null,
  } as const;
  const route = matchRoute(policy, { ...facts, recipientDomain, sizeBytes: 1 });
  return route === null ? [] : exitsOf(policy, route).map(({ pool, egress }) => `${pool}: ${egress.join(' ')}`);
}
