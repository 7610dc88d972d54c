/** The certificate that a relay makes for itself where it has none. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeSelfSignedCertificate } from '../sign/certificate.ts';
import type { Policy } from '../policy/schema.ts';
import type { Emit } from '../ports.ts';
import { createFile } from '../running/whole-file.ts';

export type CertificatePair = {
  readonly certFile: string;
  readonly keyFile: string;
  readonly hostname: string;
  readonly nowMs: number;
};

/** A self-signed pair where a port wants TLS and there is none. What goes wrong is an alert: ports without TLS still work. */
export async function certify({ listen, tls, http, hostname }: Policy, nowMs: number, emit: Emit): Promise<void> {
  if (http.tls !== true && listen.every((listener) => listener.tls === 'none')) return;
  const pair = { certFile: tls.cert, keyFile: tls.key, hostname, nowMs };
  const trouble = await makeCertificate(pair).catch((error: unknown) => String(error));
  if (trouble !== null) emit({ event: 'alert', atMs: nowMs, name: 'certificate', text: trouble, raised: true });
}

/**
 * Makes a self-signed pair where there is none; the key is for the owner alone. A pair that is there stays. Half of one
 * is the operator's, unless the making was interrupted between the halves: then it is finished.
 * @returns what is wrong, for operators; null: there is a pair now
 */
export async function makeCertificate({ certFile, keyFile, hostname, nowMs }: CertificatePair): Promise<string | null> {
  const staged = `${certFile}.first`;
  if (!existsSync(certFile) && !existsSync(keyFile)) {
    const { certPem, keyPem } = await makeSelfSignedCertificate({ hostname, nowMs });
    await mkdir(dirname(certFile), { recursive: true });
    await mkdir(dirname(keyFile), { recursive: true });
    await writeFile(staged, certPem, { mode: 0o644 });
    await createFile(keyFile, keyPem);
  }
  if (!existsSync(certFile)) {
    const certPem = await readFile(staged, 'utf8').catch(() => null);
    if (certPem === null || !isPair(certPem, await readFile(keyFile, 'utf8')))
      return `${keyFile} is there, but no ${certFile}: put the key's certificate there, or move the key away`;
    await createFile(certFile, certPem, 0o644);
  }
  if (!existsSync(keyFile))
    return `${certFile} is there, but no ${keyFile}: put the certificate's key there, or move the certificate away`;
  await rm(staged, { force: true });
  return null;
}

function isPair(certPem: string, keyPem: string): boolean {
  try {
    return new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}
