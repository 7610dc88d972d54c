/** The relay's certificate: read again when its files change, and never swapped for a pair that does not work. */
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';

/** What the library's `updateSecureContext` takes. */
export type TlsMaterial = {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers: string | undefined;
};

type TlsPolicy = Policy['tls'];

export type CertificateNeeds = {
  readonly clock: Clock;
  readonly emit: Emit;
  /** Called with every new pair, the first one included. */
  readonly changed: (material: TlsMaterial) => void;
  /** The alert that tells of one that does not work. Default: `certificate`, that of the ports of `listen`. */
  readonly alert?: string;
};

const LOOK_EVERY_MS = 2_000;

export class Certificate implements Disposable {
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #changed: (material: TlsMaterial) => void;
  readonly #name: string;
  #policy: TlsPolicy;
  #stamp = '';
  #alerted = false;
  #cancel: (() => void) | null = null;
  #disposed = false;
  /** null: there is none that works. */
  material: TlsMaterial | null = null;

  private constructor(policy: TlsPolicy, deps: CertificateNeeds) {
    this.#policy = policy;
    this.#clock = deps.clock;
    this.#emit = deps.emit;
    this.#changed = deps.changed;
    this.#name = deps.alert ?? 'certificate';
  }

  static async load(policy: TlsPolicy, deps: CertificateNeeds): Promise<Certificate> {
    const certificate = new Certificate(policy, deps);
    await certificate.look();
    certificate.#schedule();
    return certificate;
  }

  /** Takes other files, versions or ciphers into use; resolves once that is done or has failed. */
  async apply(policy: TlsPolicy): Promise<void> {
    if (JSON.stringify(policy) !== JSON.stringify(this.#policy)) this.#stamp = '';
    this.#policy = policy;
    await this.look();
  }

  /** Reads the files if they have changed. A pair that does not work raises an alert and leaves the old one in force. */
  async look(): Promise<void> {
    const policy = this.#policy;
    try {
      const stamp = await stampOf([policy.cert, policy.key]);
      if (stamp === this.#stamp) return;
      const [cert, key] = await Promise.all([readFile(policy.cert), readFile(policy.key)]);
      const material = { cert, key, minVersion: policy.minVersion, ciphers: policy.ciphers ?? undefined };
      // Throws when they do not belong together, or cannot be read as PEM.
      createSecureContext(material);
      this.#stamp = stamp;
      this.material = material;
      this.#changed(material);
      this.#alert(false, `certificate ${policy.cert} is in use`);
    } catch (error) {
      this.#alert(true, `cannot use certificate ${policy.cert} with key ${policy.key}: ${String(error)}`);
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#cancel?.();
  }

  #schedule(): void {
    if (this.#disposed) return;
    this.#cancel = this.#clock.after(LOOK_EVERY_MS, () => {
      void this.look().finally(() => this.#schedule());
    });
  }

  /** Only when it becomes true, and when it ends. */
  #alert(raised: boolean, text: string): void {
    if (raised === this.#alerted) return;
    this.#alerted = raised;
    this.#emit({ event: 'alert', atMs: this.#clock.nowMs(), name: this.#name, text, raised });
  }
}

async function stampOf(paths: readonly string[]): Promise<string> {
  const stats = await Promise.all(paths.map((path) => stat(path)));
  return stats.map(({ mtimeMs, size, ino }) => `${mtimeMs}:${size}:${ino}`).join(' ');
}
