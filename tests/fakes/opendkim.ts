/** What OpenDKIM says of a signed message, with the keys' records given to it instead of DNS. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PATH = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

/** TXT records by name, as in DNS. */
export type KeyRecords = Readonly<Record<string, string>>;

/**
 * The verdict of the `opendkim` filter in its test mode, one a signature from the top down:
 * `pass rsa-sha256 rsa2026 example.com`.
 */
export async function opendkimVerdicts(message: Buffer, records: KeyRecords): Promise<readonly string[]> {
  return await inFolder(async (folder) => {
    const lines = Object.entries(records).map(([name, value]) => `${name} ${value}\n`);
    await writeFile(join(folder, 'keys'), lines.join(''));
    await writeFile(join(folder, 'conf'), `Mode v\nSyslog no\nTestPublicKeys ${join(folder, 'keys')}\n`);
    await writeFile(join(folder, 'message'), message);
    const args = ['-t', join(folder, 'message'), '-x', join(folder, 'conf'), '-vvv'];
    // Exits with 0 whatever the verdict is: it is in the Authentication-Results field that it would add.
    const { stdout, stderr } = await run('opendkim', args, { env: { PATH } });
    const results = `${stdout}${stderr}`.matchAll(
      /\bdkim=(\w+)[^;]*? header\.d=(\S+)[^;]*? header\.a=(\S+) header\.s=(\S+)/g,
    );
    return [...results].map(
      ([, verdict, domain, algorithm, selector]) => `${verdict} ${algorithm} ${selector} ${domain}`,
    );
  });
}

/**
 * `opendkim-testmsg` looks keys up with the system's resolver, so it runs in a network of its own with a DNS server.
 * It says nothing of a message that verifies.
 * @returns what it says otherwise; null: it verified. Some containers allow no namespaces: see `hasNamespaces`
 */
export async function opendkimTestmsg(message: Buffer, records: KeyRecords): Promise<string | null> {
  return await inFolder(async (folder) => {
    const resolver = join(folder, 'resolv.conf');
    await writeFile(resolver, 'nameserver 127.0.0.1\noptions timeout:2 attempts:2\n');
    await writeFile(join(folder, 'message'), message);
    await writeFile(join(folder, 'records'), JSON.stringify(records));
    const script = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && exec "$2" "$3" "$4"';
    const inside = join(import.meta.dirname, 'opendkim-testmsg.ts');
    const args = ['-r', '-m', '-n', 'sh', '-c', script, 'sh', resolver, process.execPath, inside, folder];
    const { stdout } = await run('unshare', args, { env: { PATH } });
    const { code, output } = JSON.parse(stdout) as { code: number; output: string };
    return code === 0 && output === '' ? null : `exit code ${code}: ${output}`;
  });
}

/** Whether this machine lets a process have a network of its own. */
export async function hasNamespaces(): Promise<boolean> {
  const args = ['-r', '-m', '-n', 'sh', '-c', 'ip link set lo up && mount --bind /dev/null /etc/resolv.conf'];
  return await run('unshare', args, { env: { PATH } }).then(
    () => true,
    () => false,
  );
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-opendkim-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
