/** The files that a policy names: whether the relay could work with them as they are now. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { readVerpKeys } from '../../feedback/verp-keys.ts';
import { hasReturnPaths } from '../../policy/return-path.ts';
import { addsUnsubscribe } from '../../policy/unsubscribe.ts';
import type { Policy } from '../../policy/schema.ts';
import { reasonOf } from '../../policy/file/variables.ts';
import { openKeyring } from '../../sign/keyring.ts';

/** Each a line for operators that starts with the path of the key: `tls.cert: …`. */
export type NamedFiles = { readonly problems: readonly string[]; readonly warnings: readonly string[] };

/** Reads what the policy names. Never rejects. A certificate and its key that are both missing are made by the start. */
export async function checkNamedFiles(policy: Policy): Promise<NamedFiles> {
  const keys = await checkKeys(policy);
  const problems = [...checkCiphers(policy), ...(await checkCertificates(policy)), ...(await checkAuthorities(policy))];
  problems.push(...(await checkReturnPathKeys(policy)), ...(await checkAccessKeys(policy)));
  return { problems: [...problems, ...keys.problems], warnings: keys.warnings };
}

async function checkKeys({ domains }: Policy): Promise<NamedFiles> {
  const keyring = await openKeyring(domains, { copies: 1 });
  const lines = (wanted: string): string[] =>
    keyring.problems().flatMap(({ severity, domain, selector, text }) => {
      const index = domains[domain]?.dkim.findIndex((key) => key.selector === selector) ?? 0;
      return severity === wanted ? [`domains.${domain}.dkim[${index}].key: ${text}`] : [];
    });
  return { problems: lines('error'), warnings: lines('warning') };
}

function checkCiphers({ tls: { ciphers, minVersion } }: Policy): string[] {
  if (ciphers === null || fails(() => createSecureContext({ ciphers, minVersion })) === null) return [];
  return [`tls.ciphers: OpenSSL knows none of ${JSON.stringify(ciphers)}`];
}

async function checkCertificates({ listen, tls, http }: Policy): Promise<string[]> {
  const isUsed = http.tls === true || listen.some((listener) => listener.tls !== 'none');
  // The relay makes one where there is none.
  const isMade = !existsSync(tls.cert) && !existsSync(tls.key);
  const { minVersion } = tls;
  return [
    ...(isUsed && !isMade ? await checkPair('tls', { ...tls, minVersion }) : []),
    ...(typeof http.tls === 'object' ? await checkPair('http.tls', { ...http.tls, minVersion }) : []),
  ];
}

type Pair = Pick<Policy['tls'], 'cert' | 'key' | 'minVersion'>;

/** @param path of the pair in the policy */
async function checkPair(path: string, { cert: certFile, key: keyFile, minVersion }: Pair): Promise<string[]> {
  const [cert, key] = [await readText(certFile), await readText(keyFile)];
  const unread = [
    ...(cert.kind === 'failed' ? [`${path}.cert: ${cert.reason}`] : []),
    ...(key.kind === 'failed' ? [`${path}.key: ${key.reason}`] : []),
  ];
  if (cert.kind === 'failed' || key.kind === 'failed') return unread;
  if (fails(() => new X509Certificate(cert.text)) !== null) return [`${path}.cert: no PEM certificate in ${certFile}`];
  if (fails(() => createPrivateKey(key.text)) !== null) return [`${path}.key: no PEM private key in ${keyFile}`];
  if (!new X509Certificate(cert.text).checkPrivateKey(createPrivateKey(key.text)))
    return [`${path}.key: ${keyFile} is not the key of the certificate ${certFile}`];
  const failure = fails(() => createSecureContext({ cert: cert.text, key: key.text, minVersion }));
  return failure === null ? [] : [`${path}.cert: ${certFile} cannot be used: ${failure}`];
}

/** Each is made with the first of what it is for. */
async function checkAccessKeys({ http }: Policy): Promise<string[]> {
  const names = ['accessKeys', 'secondFactorKeys'] as const;
  const read = await Promise.all(names.map(async (name) => ({ name, ...(await readVerpKeys(http[name])) })));
  return read.flatMap((one) => (one.kind === 'failed' ? [`http.${one.name}: ${one.cause}`] : []));
}

/** A file that is missing is made by the relay. */
async function checkReturnPathKeys(policy: Policy): Promise<string[]> {
  if (!hasReturnPaths(policy) && !addsUnsubscribe(policy)) return [];
  const read = await readVerpKeys(policy.returnPathKeys);
  return read.kind === 'failed' ? [`returnPathKeys: ${read.cause}`] : [];
}

async function checkAuthorities({ egress }: Policy): Promise<string[]> {
  const problems: string[] = [];
  for (const [name, exit] of Object.entries(egress)) {
    if (exit.type !== 'smtp' || !exit.enabled || exit.ca === null) continue;
    const ca = await readText(exit.ca);
    if (ca.kind === 'failed') problems.push(`egress.${name}.ca: ${ca.reason}`);
    else if (fails(() => new X509Certificate(ca.text)) !== null)
      problems.push(`egress.${name}.ca: no PEM certificate in ${exit.ca}`);
  }
  return problems;
}

type Read = { readonly kind: 'read'; readonly text: string } | { readonly kind: 'failed'; readonly reason: string };

async function readText(path: string): Promise<Read> {
  try {
    // The open of a named pipe would wait for its writer.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return { kind: 'failed', reason: `${path} is not a regular file` };
    return { kind: 'read', text: await file.readFile('latin1') };
  } catch (error) {
    return { kind: 'failed', reason: `${path} cannot be read: ${reasonOf(error)}` };
  }
}

/** Why it throws; null where it does not. */
function fails(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
