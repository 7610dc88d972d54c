import { expect, test } from 'vitest';
import { newMessageId } from '../../message/ids.ts';
import { policySchema } from '../../policy/schema.ts';
import { readUnsubscribeToken, unsubscribeToken, unsubscribeUrl } from './unsubscribe-token.ts';

const [OLD, NEW, OTHER] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(32, 3)];
const TOKEN = {
  messageId: newMessageId(1_000, Buffer.alloc(10, 7)),
  client: 'shop',
  stream: 'news',
  address: 'Änn+x@dest.example',
};

test('says whom it is for by any of the keys, and cannot be made up or changed', () => {
  const text = unsubscribeToken(TOKEN, [OLD]);
  expect(readUnsubscribeToken(text, [NEW, OLD])).toEqual(TOKEN);
  expect(readUnsubscribeToken(text, [NEW, OTHER])).toBeNull();
  expect(readUnsubscribeToken(text, [])).toBeNull();
  const [claim = '', signature = ''] = text.split('.');
  const forged = Buffer.from(claim, 'base64url').toString().replace('dest', 'evil');
  const ofOther = unsubscribeToken({ ...TOKEN, address: 'bob@dest.example' }, [OLD]).split('.')[1];
  for (const bad of [
    `${Buffer.from(forged).toString('base64url')}.${signature}`,
    `${claim}.${ofOther}`,
    claim,
    `${claim}.`,
    `${claim}.${'A'.repeat(22)}`,
    `.${signature}`,
    '',
    `${'A'.repeat(20_000)}.${signature}`,
  ])
    expect(readUnsubscribeToken(bad, [OLD])).toBeNull();
});

test('is an address of the policy’s, as long as there is one and a key', () => {
  const policyOf = (publicUrl: string | null) => () =>
    policySchema.parse({ hostname: 'relay.example', http: { publicUrl } });
  const policy = policyOf('https://mail.example.com/relay/');
  expect(unsubscribeUrl({ policy, keys: () => [NEW, OLD] })(TOKEN)).toBe(
    `https://mail.example.com/relay/unsubscribe/${unsubscribeToken(TOKEN, [NEW])}`,
  );
  expect(unsubscribeUrl({ policy, keys: () => null })(TOKEN)).toBeNull();
  expect(unsubscribeUrl({ policy: policyOf(null), keys: () => [NEW] })(TOKEN)).toBeNull();
  // The longest line that there can be is within RFC 5322 §2.1.1.
  const longest = {
    ...TOKEN,
    client: 'c'.repeat(64),
    stream: 's'.repeat(64),
    address: `${'l'.repeat(64)}@${'d'.repeat(255)}`,
  };
  const url = unsubscribeUrl({ policy: policyOf(`https://${'h'.repeat(190)}`), keys: () => [NEW] })(longest) ?? '';
  expect(url.length).toBeLessThan(990);
  expect(readUnsubscribeToken(url.slice(url.lastIndexOf('/') + 1), [NEW])).toEqual(longest);
});
