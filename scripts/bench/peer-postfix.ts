/**
 * Postfix of its own beside the system's: own configuration, queue and port, tuned for throughput, with OpenDKIM over a
 * Unix socket or without. Queue files are synced before `250`, as Postfix always does. Needs root, as Postfix does.
 */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ProcessGroup } from './machine.ts';
import { freePort, listening, PeerMissing, spawnIn, type Peer, type PeerKind, type PeerNeeds } from './peer.ts';

const POSTFIX = '/usr/sbin/postfix';
const OPENDKIM = '/usr/sbin/opendkim';

/** The yardstick. */
export const postfixOpendkim: PeerKind = {
  name: 'Postfix + OpenDKIM',
  start: (needs) => start(needs, { signs: true }),
};

/** What signing costs the other. */
export const postfixUnsigned: PeerKind = {
  name: 'Postfix, unsigned',
  start: (needs) => start(needs, { signs: false }),
};

const SERVICES = [
  'pickup unix n - n 60 1 pickup',
  'cleanup unix n - n - 0 cleanup',
  'qmgr unix n - n 300 1 qmgr',
  'rewrite unix - - n - - trivial-rewrite',
  'bounce unix - - n - 0 bounce',
  'defer unix - - n - 0 bounce',
  'trace unix - - n - 0 bounce',
  'flush unix n - n 1000? 0 flush',
  'proxymap unix - - n - - proxymap',
  'smtp unix - - n - - smtp',
  'relay unix - - n - - smtp',
  'error unix - - n - - error',
  'retry unix - - n - - error',
  'anvil unix - - n - 1 anvil',
  'scache unix - - n - 1 scache',
  'postlog unix-dgram n - n - 1 postlogd',
];

async function start(needs: PeerNeeds, { signs }: { readonly signs: boolean }): Promise<Peer> {
  const wanted = signs ? [POSTFIX, OPENDKIM] : [POSTFIX];
  const missing = wanted.filter((path) => !existsSync(path));
  if (missing.length > 0) throw new PeerMissing(`needs ${missing.join(' and ')} (Debian: postfix, opendkim)`);
  if (process.getuid?.() !== 0) throw new PeerMissing('Postfix can be started by root only');
  const group = new ProcessGroup(signs ? 'postfix-dkim' : 'postfix');
  const { folder } = needs;
  const etc = join(folder, 'etc');
  const port = await freePort();
  const peer: Peer = {
    port,
    group,
    account: async () => null,
    [Symbol.asyncDispose]: async () => {
      await promisify(execFile)(POSTFIX, ['-c', etc, 'stop']).catch(() => undefined);
      await group.kill();
      group[Symbol.dispose]();
    },
  };
  try {
    configure(needs, { port, signs });
    if (signs) await startSigner(group, needs);
    spawnIn(group, [POSTFIX, '-c', etc, 'start'], { folder, name: 'postfix' });
    await listening(port);
  } catch (error) {
    await peer[Symbol.asyncDispose]();
    throw error;
  }
  return peer;
}

function configure({ folder, sinkPort }: PeerNeeds, of: { readonly port: number; readonly signs: boolean }): void {
  for (const name of ['etc', 'queue', 'data', 'log']) mkdirSync(join(folder, name), { recursive: true });
  chmodSync(folder, 0o755);
  chownSync(join(folder, 'data'), Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'utf8' })), 0);
  const base = [
    'compatibility_level = 3.6',
    `queue_directory = ${folder}/queue`,
    `data_directory = ${folder}/data`,
    'command_directory = /usr/sbin',
    'daemon_directory = /usr/lib/postfix/sbin',
    'meta_directory = /etc/postfix',
    'shlib_directory = /usr/lib/postfix',
    `maillog_file_prefixes = /var, /dev/stdout, ${folder}`,
    `maillog_file = ${folder}/log/maillog`,
    'myhostname = relay.bench.example',
    'mydestination =',
    'local_recipient_maps =',
    'alias_maps =',
    'alias_database =',
    'inet_interfaces = 127.0.0.1',
    'inet_protocols = ipv4',
    'mynetworks = 127.0.0.0/8',
    'smtpd_relay_restrictions = permit_mynetworks, reject',
    `relayhost = [127.0.0.1]:${sinkPort}`,
    'biff = no',
  ];
  const tuned = [
    'default_process_limit = 100',
    'in_flow_delay = 0s',
    'smtp_destination_concurrency_limit = 50',
    'initial_destination_concurrency = 20',
    'smtp_connection_cache_on_demand = yes',
    `smtp_connection_cache_destinations = [127.0.0.1]:${sinkPort}`,
    'smtpd_peername_lookup = no',
    'smtp_host_lookup = native',
    'disable_dns_lookups = yes',
  ];
  const milter = [
    `smtpd_milters = unix:${folder}/dkim.sock`,
    'milter_default_action = tempfail',
    'milter_protocol = 6',
  ];
  writeLines(join(folder, 'etc/main.cf'), [...base, ...tuned, ...(of.signs ? milter : [])]);
  writeLines(join(folder, 'etc/master.cf'), [`127.0.0.1:${of.port} inet n - n - - smtpd`, ...SERVICES]);
}

/** OpenDKIM with the same key and algorithms as relevo. */
async function startSigner(group: ProcessGroup, { folder, keyFile }: PeerNeeds): Promise<void> {
  const [config, key, socket] = ['opendkim.conf', 'dkim.pem', 'dkim.sock'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  copyFileSync(keyFile, key);
  chmodSync(key, 0o600);
  writeLines(config, [
    'Mode s',
    'Domain bench.example',
    'Selector s1',
    `KeyFile ${key}`,
    'RequireSafeKeys no',
    'Canonicalization relaxed/relaxed',
    'SignatureAlgorithm rsa-sha256',
    'OversignHeaders From',
    `Socket local:${socket}`,
    'InternalHosts 127.0.0.0/8',
    'Syslog no',
    'UMask 000',
  ]);
  rmSync(socket, { force: true });
  const signer = spawnIn(group, [OPENDKIM, '-f', '-x', config], { folder, name: 'opendkim' });
  for (let tries = 0; !existsSync(socket); tries++) {
    if (tries > 200 || signer.exitCode !== null) throw new PeerMissing(`OpenDKIM did not start: see ${folder}`);
    await sleep(50);
  }
}

function writeLines(path: string, lines: readonly string[]): void {
  writeFileSync(path, `${lines.join('\n')}\n`);
}
