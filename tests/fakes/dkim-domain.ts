import { join } from 'node:path';
import { generateDkimKeys } from '../../src/sign/keygen.ts';

/** A domain with an RSA and an Ed25519 key. */
export type DkimDomain = {
  /** Its entry under `domains` of a policy. */
  readonly entry: string;
  /** What its DNS has, by name. */
  readonly records: Readonly<Record<string, string>>;
  /** That DNS, as mailauth asks it. */
  readonly resolver: (name: string) => Promise<string[][]>;
};

/** Makes the keys, as files in the folder of a relay. */
export async function makeDkimDomain(domain: string, relayFolder: string): Promise<DkimDomain> {
  const made = await generateDkimKeys({ domain, folder: join(relayFolder, 'certs/dkim'), year: 2026 });
  if (made.kind !== 'generated') throw new Error(made.kind);
  const keys = made.keys.map(({ selector, path }) => `{ selector: ${selector}, key: "${path}" }`).join(', ');
  const records = Object.fromEntries(made.keys.map(({ record }) => [record.name, record.value]));
  return {
    entry: `${domain}: { dkim: [${keys}] }`,
    records,
    resolver: async (name) => {
      const value = records[name];
      if (value === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return [[value]];
    },
  };
}
