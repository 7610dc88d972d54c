import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { examplePolicy } from '../../policy/generate/example.ts';
import { firstPolicy } from '../../policy/generate/first-start.ts';
import { hashPassword } from '../../policy/password.ts';
import { generateDkimKeys, type DkimKeyType } from '../../sign/keygen.ts';
import { prepareFolder } from '../../spool/embedded/database.ts';
import { makeCertificate } from '../../foundation/certificate-pair.ts';
import type { Cli } from '../cli.ts';
import type { Where } from '../../foundation/data-folder.ts';
import { dkimFolder } from '../dkim.ts';
import { newPassword } from '../../operations/new-password.ts';
import { loadPolicyText, shownPath } from '../policy/policy-file.ts';
import { choosePorts, STANDARD_PORTS, type ListenPorts } from './ports-probe.ts';
import { createFile } from '../../running/whole-file.ts';

export type FirstStart =
  /** There is a policy file: nothing was done. */
  | { readonly kind: 'not-first' }
  /** `text` is to be shown to the operator, now and never again: the password is in it. */
  | { readonly kind: 'written'; readonly text: string; readonly password: string; readonly ports: ListenPorts }
  | { readonly kind: 'failed'; readonly cause: string };

/** Of the generated example, which the first policy is made from. */
const HOSTNAME = 'relay.example.com';
const DOMAIN = 'example.com';
const CLIENT = 'app';

class Failure extends Error {}

/**
 * Makes what a first start needs: folders, certificate, DKIM keys, and, last and as a whole, the policy file, so that one
 * that was interrupted is simply done again. Never touches a file that is there; what is secret is for the owner alone.
 */
export async function firstStart(
  cli: Cli,
  where: Where,
  options: { readonly ports?: () => Promise<ListenPorts> } = {},
): Promise<FirstStart> {
  if (existsSync(where.policyFile)) return { kind: 'not-first' };
  try {
    const certs = resolve(dirname(where.policyFile), '../certs');
    prepareFolder(where.dataFolder);
    await mkdir(dirname(where.policyFile), { recursive: true });
    await mkdir(certs, { recursive: true });
    const certificate = { certFile: join(certs, 'relay.crt'), keyFile: join(certs, 'relay.key'), hostname: HOSTNAME };
    const trouble = await makeCertificate({ ...certificate, nowMs: cli.clock.nowMs() });
    if (trouble !== null) throw new Failure(trouble);
    const selectors = await makeDkimKeys(cli, where);
    const ports = await (options.ports ?? choosePorts)();
    const password = newPassword();
    const passwordHash = await hashPassword(password, randomBytes(16));
    const text = firstPolicy({ example: await exampleText(cli), passwordHash, ports, selectors });
    const loaded = loadPolicyText(cli, where, text);
    if (loaded.kind === 'refused')
      throw new Failure(`the example policy is not sound:\n  ${loaded.problems.join('\n  ')}`);
    // Somebody else was quicker: his is the policy.
    if (!(await createFile(where.policyFile, text))) return { kind: 'not-first' };
    return { kind: 'written', text: welcome(cli, where, { password, ports }), password, ports };
  } catch (error) {
    if (error instanceof Failure) return { kind: 'failed', cause: error.message };
    if (error instanceof Error && 'code' in error)
      return { kind: 'failed', cause: `the first start: ${error.message}` };
    throw error;
  }
}

async function exampleText(cli: Cli): Promise<string> {
  const file = join(cli.root, 'config/relevo.example.yaml');
  // An empty folder may be mounted over config/.
  return existsSync(file) ? readFile(file, 'utf8') : examplePolicy();
}

async function makeDkimKeys(cli: Cli, where: Where): Promise<Readonly<Record<DkimKeyType, string>>> {
  const year = new Date(cli.clock.nowMs()).getUTCFullYear();
  const selectors = { rsa: `rsa${year}`, ed25519: `ed${year}` };
  for (const type of ['rsa', 'ed25519'] as const) {
    const request = {
      domain: DOMAIN,
      folder: dkimFolder(where.policyFile),
      year,
      selectors: { [type]: selectors[type] },
    };
    const made = await generateDkimKeys(request);
    if (made.kind === 'failed') throw new Failure(`cannot write ${made.path}: ${made.reason}`);
    if (made.kind === 'invalid') throw new Failure(made.reason);
  }
  return selectors;
}

function welcome(
  cli: Cli,
  where: Where,
  { password, ports }: { readonly password: string; readonly ports: ListenPorts },
): string {
  const policy = shownPath(cli, where.policyFile);
  const certs = shownPath(cli, resolve(dirname(where.policyFile), '../certs'));
  const sandbox = shownPath(cli, join(where.dataFolder, 'sandbox'));
  const { submission, submissions, relay } = ports;
  const highPorts =
    ports === STANDARD_PORTS
      ? []
      : [
          `This user may not bind ports below 1024, so the ports are ${submission}, ${submissions} and ${relay} instead of 587, 465 and 25;`,
          'docs/operating.md tells the ways to have those.',
          '',
        ];
  const message = String.raw`From: <shop@${DOMAIN}>\nTo: <you@demo.test>\nSubject: Hello\n\nIt works.\n`;
  return [
    '',
    `First start: wrote ${policy}, a self-signed certificate and DKIM keys of ${DOMAIN} in ${certs}/.`,
    '',
    `  user      ${CLIENT}`,
    `  password  ${password}      (shown only now)`,
    `  server    127.0.0.1:${submission} with STARTTLS, or 127.0.0.1:${submissions} with TLS from the start`,
    '',
    'Try it; mail to *.test and *.example stays here, everything else goes to its recipients:',
    '',
    `  swaks --server 127.0.0.1:${submission} --tls --auth PLAIN --auth-user ${CLIENT} --auth-password ${password} --from shop@${DOMAIN} --to you@demo.test`,
    '',
    `  printf '${message}' | curl --ssl-reqd --insecure --crlf --url smtp://127.0.0.1:${submission} --user ${CLIENT}:${password} --mail-from shop@${DOMAIN} --mail-rcpt you@demo.test --upload-file -`,
    '',
    `Then look into ${sandbox}/: each file is named by its message's id, and \`./scripts/relevo message ID\` tells its story.`,
    '',
    'Status pages: http://127.0.0.1:8080/ for whom `./scripts/relevo user add NAME --role admin` makes a user.',
    '',
    ...highPorts,
    `To send as your own domain, replace ${DOMAIN} in ${policy} (its first lines say how), its keys and the certificate.`,
    '',
    '',
  ].join('\n');
}
