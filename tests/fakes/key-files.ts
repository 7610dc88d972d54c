import type { ReadKeyFile } from '../../src/sign/keyring.ts';

/** Key files that were never written. @param pems by path */
export function keyFiles(pems: ReadonlyMap<string, string>): ReadKeyFile {
  return (path) => Promise.resolve({ kind: 'read', stamp: '1', mode: 0o600, pem: pems.get(path) ?? '' });
}
