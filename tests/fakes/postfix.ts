/**
 * A real Postfix of its own: own configuration, queue and port, in a scratch folder. Needs root, as Postfix does.
 * Mail for `destinations` ends in a Maildir; everything else goes where `main` says.
 */
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Postfix = AsyncDisposable & {
  readonly port: number;
  readonly folder: string;
  /** Content of every message delivered to the Maildir so far, with Postfix's own trace fields in front. */
  maildir(): Buffer[];
  /** Hands a message to its own `sendmail`, as a local application would. */
  sendmail(args: readonly string[], content: Buffer): Promise<void>;
  log(): string;
};

export type PostfixOptions = {
  /** Lines for main.cf. `$DIR` stands for the scratch folder. */
  readonly main?: readonly string[];
  /** Domains whose mail is kept in the Maildir. */
  readonly destinations?: readonly string[];
  /** Users for SASL AUTH: name → password; none: no AUTH. */
  readonly users?: Readonly<Record<string, string>>;
  readonly address?: string;
  readonly port?: number;
};

const SERVICES = [
  'pickup unix n - n 60 1 pickup',
  'cleanup unix n - n - 0 cleanup',
  'qmgr unix n - n 300 1 qmgr',
  'tlsmgr unix - - n 1000? 1 tlsmgr',
  'rewrite unix - - n - - trivial-rewrite',
  'bounce unix - - n - 0 bounce',
  'defer unix - - n - 0 bounce',
  'trace unix - - n - 0 bounce',
  'verify unix - - n - 1 verify',
  'proxymap unix - - n - - proxymap',
  'smtp unix - - n - - smtp',
  'relay unix - - n - - smtp',
  'error unix - - n - - error',
  'retry unix - - n - - error',
  'virtual unix - n n - - virtual',
  'anvil unix - - n - 1 anvil',
  'scache unix - - n - 1 scache',
  'postlog unix-dgram n - n - 1 postlogd',
];

export async function startPostfix(options: PostfixOptions = {}): Promise<Postfix> {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-postfix-'));
  const address = options.address ?? '127.0.0.1';
  const port = options.port ?? (await freePort(address));
  configure(folder, { ...options, address, port });
  const etc = join(folder, 'etc');
  const stop = async (): Promise<void> => {
    await run('postfix', ['-c', etc, 'stop']).catch(() => undefined);
    await gone(join(folder, 'queue/pid/master.pid'));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    await run('postfix', ['-c', etc, 'start']);
  } catch (error) {
    const log = readLog(folder);
    await stop();
    throw new Error(`Postfix did not start: ${String(error)}\n${log}`, { cause: error });
  }
  return {
    port,
    folder,
    maildir: () => readMaildir(join(folder, 'mail/box/new')),
    async sendmail(args, content) {
      const child = execFile('sendmail', ['-C', etc, ...args], { env: { ...process.env, MAIL_CONFIG: etc } });
      child.stdin?.end(content);
      await new Promise<void>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`sendmail: ${code}`))));
      });
    },
    log: () => readLog(folder),
    [Symbol.asyncDispose]: stop,
  };
}

function configure(folder: string, options: PostfixOptions & { address: string; port: number }): void {
  const etc = join(folder, 'etc');
  chmodSync(folder, 0o755);
  for (const name of ['etc', 'queue', 'data', 'log', 'mail/box']) mkdirSync(join(folder, name), { recursive: true });
  const postfixUid = Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'utf8' }));
  chownSync(join(folder, 'data'), postfixUid, 0);
  for (const name of ['mail', 'mail/box']) {
    chmodSync(join(folder, name), 0o755);
    chownSync(join(folder, name), 65_534, 65_534);
  }
  const main = [
    'compatibility_level = 3.6',
    `queue_directory = ${folder}/queue`,
    `data_directory = ${folder}/data`,
    'command_directory = /usr/sbin',
    'daemon_directory = /usr/lib/postfix/sbin',
    'meta_directory = /etc/postfix',
    'shlib_directory = /usr/lib/postfix',
    'maillog_file_prefixes = /var, /dev/stdout, /tmp',
    `maillog_file = ${folder}/log/maillog`,
    'myhostname = postfix.test',
    'mydestination =',
    'local_recipient_maps =',
    'alias_maps =',
    'alias_database =',
    `inet_interfaces = ${options.address}`,
    'inet_protocols = all',
    'mynetworks = 127.0.0.0/8 [::1]/128',
    'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject',
    'smtpd_peername_lookup = no',
    'smtp_host_lookup = native',
    'disable_dns_lookups = yes',
    'biff = no',
    'message_size_limit = 51200000',
    `virtual_mailbox_base = ${folder}/mail`,
    'virtual_mailbox_maps = static:box/',
    'virtual_uid_maps = static:65534',
    'virtual_gid_maps = static:65534',
    'virtual_mailbox_limit = 0',
    `virtual_mailbox_domains = ${(options.destinations ?? []).join(' ')}`,
    ...(options.users === undefined ? [] : saslServer(folder, options.users)),
    ...(options.main ?? []).map((line) => line.replaceAll('$DIR', folder)),
  ];
  writeFileSync(join(etc, 'main.cf'), `${main.join('\n')}\n`);
  writeFileSync(
    join(etc, 'master.cf'),
    `${[`${options.address}:${options.port} inet n - n - - smtpd`, ...SERVICES].join('\n')}\n`,
  );
}

/** Cyrus SASL with a sasldb of its own: PLAIN and LOGIN. */
function saslServer(folder: string, users: Readonly<Record<string, string>>): string[] {
  const database = join(folder, 'etc/sasldb2');
  mkdirSync(join(folder, 'etc/sasl'));
  writeFileSync(
    join(folder, 'etc/sasl/smtpd.conf'),
    `pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: ${database}\n`,
  );
  for (const [user, password] of Object.entries(users)) {
    execFileSync('saslpasswd2', ['-p', '-c', '-f', database, '-u', 'postfix.test', user], { input: password });
  }
  chmodSync(database, 0o644);
  return [
    'smtpd_sasl_auth_enable = yes',
    'smtpd_sasl_local_domain = postfix.test',
    `cyrus_sasl_config_path = ${folder}/etc/sasl`,
    'smtpd_sasl_security_options = noanonymous',
  ];
}

function readMaildir(path: string): Buffer[] {
  try {
    return readdirSync(path)
      .toSorted()
      .map((name) => readFileSync(join(path, name)));
  } catch {
    return [];
  }
}

function readLog(folder: string): string {
  try {
    return readFileSync(join(folder, 'log/maillog'), 'utf8');
  } catch {
    return '';
  }
}

/** Waits until the master process has let go of its queue: `postfix stop` returns once it is gone, mostly. */
async function gone(pidFile: string): Promise<void> {
  let pid: number;
  try {
    pid = Number(readFileSync(pidFile, 'utf8'));
  } catch {
    return;
  }
  for (let tries = 0; tries < 100; tries++) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  process.kill(pid, 'SIGKILL');
}

/** A port nobody listens on now. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  return bound.port;
}
