/**
 * Exim with DKIM. Debian's packages of Exim and Postfix exclude each other, so it is unpacked into a folder, not installed,
 * and runs in a mount namespace of its own whose /etc is a copy that knows Exim's user: nothing on the machine changes.
 */
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ProcessGroup } from './machine.ts';
import { freePort, listening, PeerMissing, spawnIn, type Peer, type PeerKind, type PeerNeeds } from './peer.ts';

const run = promisify(execFile);

const PACKAGES = ['exim4-daemon-light', 'exim4-base', 'libidn12', 'libgnutls-dane0', 'libunbound8', 'libevent-2.1-7'];
/** A number that no user of this machine has, we hope; it owns files of the scratch folder only. */
const EXIM_ID = 64_987;

/** @param cache a folder where it is unpacked once for all starts */
export function exim(cache: string): PeerKind {
  return { name: 'Exim with DKIM', start: (needs) => start(needs, cache) };
}

async function start(needs: PeerNeeds, cache: string): Promise<Peer> {
  if (process.getuid?.() !== 0) throw new PeerMissing('Exim can be started by root only');
  const root = await unpacked(cache);
  const binary = join(root, 'usr/sbin/exim4');
  const group = new ProcessGroup('exim');
  const { folder } = needs;
  const port = await freePort();
  const peer: Peer = {
    port,
    group,
    account: async () => null,
    [Symbol.asyncDispose]: async () => {
      await group.kill();
      group[Symbol.dispose]();
    },
  };
  try {
    await configure(needs, { binary, port });
    const script = join(folder, 'start.sh');
    writeFileSync(script, startScript({ folder, root, binary }));
    const child = spawnIn(group, ['unshare', '--mount', '/bin/sh', script], { folder, name: 'exim' });
    await listening(port, child).catch((cause: unknown) => {
      throw new PeerMissing(`did not start; see ${folder}/exim.log`, { cause });
    });
  } catch (error) {
    await peer[Symbol.asyncDispose]();
    throw error;
  }
  return peer;
}

/** Downloads and unpacks it where that has not been done. */
async function unpacked(cache: string): Promise<string> {
  const root = join(cache, 'exim');
  if (existsSync(join(root, 'usr/sbin/exim4'))) return root;
  mkdirSync(root, { recursive: true });
  try {
    for (const name of PACKAGES) await run('apt-get', ['download', '-q', name], { cwd: cache, timeout: 120_000 });
    for (const file of readdirSync(cache).filter((name) => name.endsWith('.deb')))
      await run('dpkg', ['-x', join(cache, file), root]);
  } catch (cause) {
    throw new PeerMissing('cannot be had here: `apt-get download exim4-daemon-light` failed', { cause });
  }
  return root;
}

async function configure(
  { folder, sinkPort, keyFile }: PeerNeeds,
  { binary, port }: { readonly binary: string; readonly port: number },
): Promise<void> {
  for (const name of ['spool', 'log']) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(keyFile, join(folder, 'dkim.pem'));
  chmodSync(join(folder, 'dkim.pem'), 0o640);
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'exim.conf'), configuration({ folder, sinkPort, binary, port }));
  // The file stays root's, for Exim refuses any other.
  const owned = ['spool', 'log', 'dkim.pem'].map((name) => join(folder, name));
  await run('chown', ['-R', `${EXIM_ID}:${EXIM_ID}`, ...owned]);
}

/** `etc` is copied, extended and laid over the real one, for this process and its children alone. */
function startScript(of: { readonly folder: string; readonly root: string; readonly binary: string }): string {
  const { folder, root, binary } = of;
  return `set -e
mount --make-rprivate /
cp -a /etc "${folder}/etc"
echo "Debian-exim:x:${EXIM_ID}:${EXIM_ID}::${folder}/spool:/bin/false" >>"${folder}/etc/passwd"
echo "Debian-exim:x:${EXIM_ID}:" >>"${folder}/etc/group"
mkdir -p "${folder}/etc/exim4"
echo "${folder}/exim.conf" >"${folder}/etc/exim4/trusted_configs"
mount --bind "${folder}/etc" /etc
mkdir -p /etc/ld.so.conf.d
ls -d "${root}"/usr/lib/*-linux-gnu* "${root}"/lib/*-linux-gnu* 2>/dev/null >/etc/ld.so.conf.d/zz-bench.conf || true
/sbin/ldconfig
exec "${binary}" -C "${folder}/exim.conf" -bdf -q10s
`;
}

type Settings = { readonly folder: string; readonly sinkPort: number; readonly binary: string; readonly port: number };

function configuration({ folder, sinkPort, binary, port }: Settings): string {
  return `exim_path = ${binary}
primary_hostname = relay.bench.example
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%slog
pid_file_path = ${folder}/exim.pid
exim_user = Debian-exim
exim_group = Debian-exim
never_users =
keep_environment =
daemon_smtp_ports = ${port}
local_interfaces = 127.0.0.1
disable_ipv6 = true
host_lookup =
tls_advertise_hosts =
prdr_enable = false
split_spool_directory = true
message_logs = false
queue_run_max = 8
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 512
smtp_accept_max_nonmail = 1000
deliver_drop_privilege = true
remote_max_parallel = 1
acl_smtp_rcpt = acl_rcpt
begin acl
acl_rcpt:
  accept hosts = 127.0.0.0/8
         control = dkim_disable_verify
  deny
begin routers
out:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = out
begin transports
out:
  driver = smtp
  port = ${sinkPort}
  allow_localhost = true
  hosts_try_fastopen =
  connection_max_messages = 500
  dkim_domain = bench.example
  dkim_selector = s1
  dkim_private_key = ${folder}/dkim.pem
  dkim_canon = relaxed
  dkim_sign_headers = From:To:Subject:Date:Message-ID
begin retry
* * F,1d,10s
`;
}
