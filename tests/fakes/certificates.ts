/** Certificates for tests, made by the `openssl` command: a test authority, and what it or nobody vouches for. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type KeyPair = { readonly key: string; readonly cert: string };

export type TestAuthority = AsyncDisposable & {
  /** PEM file of the authority's certificate, for `ca:` of an exit. */
  readonly caPath: string;
  /** For this DNS name, or IP address, from 2020 on; `expired`: since then. `rsa`: with such a key. */
  issue(name: string, options?: { readonly expired?: boolean; readonly rsa?: boolean }): Promise<KeyPair>;
  selfSigned(name: string): Promise<KeyPair>;
};

const CONFIG = `[ca]
default_ca=authority
[authority]
database=index.txt
rand_serial=yes
default_md=sha256
policy=names
unique_subject=no
new_certs_dir=.
[names]
commonName=supplied
`;

export async function createTestAuthority(): Promise<TestAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-ca-'));
  const openssl = (...words: string[]) => run('openssl', words, { cwd: folder });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '30',
    '-subj',
    '/CN=test CA',
  );
  await writeFile(join(folder, 'index.txt'), '');
  let ordinal = 0;
  const pair = async (stem: string): Promise<KeyPair> => ({
    key: await readFile(join(folder, `${stem}.key`), 'utf8'),
    cert: await readFile(join(folder, `${stem}.pem`), 'utf8'),
  });
  return {
    caPath: join(folder, 'ca.pem'),
    issue: async (name, { expired = false, rsa = false } = {}) => {
      const leafKey = rsa ? ['-newkey', 'rsa:2048', '-nodes'] : newKey;
      const stem = `leaf${++ordinal}`;
      const [start, end] = expired ? ['20200101000000Z', '20200201000000Z'] : ['20200101000000Z', '20991231000000Z'];
      await writeFile(join(folder, `${stem}.cnf`), `${CONFIG}[leaf]\nsubjectAltName=${altName(name)}\n`);
      await openssl('req', '-new', ...leafKey, '-keyout', `${stem}.key`, '-out', `${stem}.csr`, '-subj', '/CN=leaf');
      const signer = ['-batch', '-config', `${stem}.cnf`, '-cert', 'ca.pem', '-keyfile', 'ca.key', '-notext'];
      const term = ['-startdate', start ?? '', '-enddate', end ?? ''];
      await openssl('ca', ...signer, ...term, '-in', `${stem}.csr`, '-out', `${stem}.pem`, '-extensions', 'leaf');
      return pair(stem);
    },
    selfSigned: async (name) => {
      const stem = `self${++ordinal}`;
      const subject = ['-subj', '/CN=self', '-addext', `subjectAltName=${altName(name)}`];
      await openssl(
        'req',
        '-x509',
        ...newKey,
        '-keyout',
        `${stem}.key`,
        '-out',
        `${stem}.pem`,
        '-days',
        '30',
        ...subject,
      );
      return pair(stem);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

function altName(name: string): string {
  return /^[0-9.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`;
}
