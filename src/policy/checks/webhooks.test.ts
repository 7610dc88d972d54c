import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { loaded, problemsIn, warningsIn } from '../../../tests/fakes/policy-text.ts';
import { parseWebhookKey } from '../webhook-key.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const DER = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
const PEM = String(publicKey.export({ format: 'pem', type: 'spki' }));

const sendgrid = (key: string, more = '') =>
  `hostname: a\negress: { direct: { type: mx }, grid: { type: sendgrid, apiKeys: [k], ${more}webhook: { publicKey: "${key}" } } }\n`;

describe('the key of a signed event webhook', () => {
  const isTheKey = (key: KeyObject | null): boolean => key?.equals(publicKey) === true;

  test('is known as its dashboard shows it, as PEM, and with written-out line ends', () => {
    for (const text of [DER, PEM, PEM.trim(), PEM.replaceAll('\n', '\\n'), ` ${DER.slice(0, 60)}\n${DER.slice(60)} `])
      expect(isTheKey(parseWebhookKey(text))).toBe(true);
  });

  test('is no other key, and no other curve', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    const wide = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;
    const der = (key: KeyObject) => key.export({ format: 'der', type: 'spki' }).toString('base64');
    const secret = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
    for (const text of ['', 'x', 'hunter2!', DER.slice(0, -8), der(rsa), der(wide), secret])
      expect(parseWebhookKey(text)).toBeNull();
  });
});

describe('at load', () => {
  test('a good key is taken, and takes effect', () => {
    expect(warningsIn(sendgrid(DER)).filter((line) => line.includes('webhook'))).toEqual([]);
    expect(loaded(sendgrid(DER)).policy.egress['grid']).toMatchObject({ webhook: { publicKey: DER } });
  });

  test('a wrong one is refused where it stands, and is not shown', () => {
    const [problem, ...more] = problemsIn(sendgrid('hunter2'));
    expect(more).toEqual([]);
    expect(problem).toMatch(/^2:\d+ egress\.grid\.webhook\.publicKey: expected the verification key of SendGrid/);
    expect(problem).not.toContain('hunter2');
  });

  test('one of an exit that is not in use may be missing', () => {
    expect(problemsIn(sendgrid('${NOT_SET:-}', 'enabled: false, '))).toEqual([]);
  });

  test('Mailgun’s signing key is not empty, and a topic is an ARN of SNS', () => {
    const mailgun = (key: string) =>
      `hostname: a\negress: { mg: { type: mailgun, apiKeys: [k], domain: mg.example.com, webhook: { signingKey: "${key}" } } }\n`;
    expect(problemsIn(mailgun(' '))).toEqual([expect.stringContaining('egress.mg.webhook.signingKey: expected')]);
    expect(problemsIn(mailgun('key'))).toEqual([]);
    const ses = (arn: string) =>
      `hostname: a\negress: { ses: { type: ses, region: eu-west-1, webhook: { topicArns: ["${arn}"] } } }\n`;
    expect(problemsIn(ses('arn:aws:sqs:eu-west-1:123456789012:mail'))).toEqual([
      expect.stringContaining('egress.ses.webhook.topicArns[0]: expected the ARN'),
    ]);
    expect(problemsIn(ses('arn:aws-cn:sns:cn-north-1:123456789012:mail'))).toEqual([]);
  });
});
