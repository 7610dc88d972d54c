import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashPassword, isPasswordHash, verifyPassword } from './password.ts';

test('a password fits its hash, and no other does', async () => {
  const hash = await hashPassword('correct horse', randomBytes(16));
  expect(hash).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(isPasswordHash(hash)).toBe(true);
  expect(await verifyPassword('correct horse', hash)).toBe(true);
  for (const wrong of ['correct horse ', 'Correct horse', '', hash])
    expect(await verifyPassword(wrong, hash)).toBe(false);
});

test('two spellings of one letter are one password', async () => {
  const hash = await hashPassword('caf\u00e9', randomBytes(16));
  expect(await verifyPassword('cafe\u0301', hash)).toBe(true);
});

// Made by Python: base64.b64encode(hashlib.scrypt(b'swordfish', salt=bytes(16), n=2**14, r=8, p=1, dklen=32))
test('a hash that another program made', async () => {
  const hash = '$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$iXbjSEpHYZ8mbIXjE032+ePxeyouXGHk3xS/aZiOcxI';
  expect(await verifyPassword('swordfish', hash)).toBe(true);
  expect(await verifyPassword('swordfisH', hash)).toBe(false);
});

const SALT = 'A'.repeat(22);
const HASH = 'A'.repeat(43);
test.each([
  ['clear text', 'hunter2'],
  ['nothing', ''],
  ['another algorithm', `$argon2id$v=19$m=65536,t=3,p=4$${SALT}$${HASH}`],
  ['padding', `$scrypt$ln=15,r=8,p=1$${SALT}==$${HASH}=`],
  ['a short salt', `$scrypt$ln=15,r=8,p=1$AAAA$${HASH}`],
  ['a short hash', `$scrypt$ln=15,r=8,p=1$${SALT}$AAAA`],
  ['a cost of gigabytes', `$scrypt$ln=24,r=8,p=1$${SALT}$${HASH}`],
  ['a cost of next to nothing', `$scrypt$ln=4,r=8,p=1$${SALT}$${HASH}`],
  ['a cost of minutes', `$scrypt$ln=15,r=8,p=99$${SALT}$${HASH}`],
  ['a second line', `$scrypt$ln=15,r=8,p=1$${SALT}$${HASH}\n`],
])('%s is no hash, and nothing fits it', async (_, text) => {
  expect(isPasswordHash(text)).toBe(false);
  expect(await verifyPassword(text, text)).toBe(false);
});
