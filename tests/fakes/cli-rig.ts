/** The command line on a scratch folder, in this process: what it prints, and the code that it ends with. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StartAsk } from '../../src/cli/program.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { Dns } from '../../src/ports.ts';
import { openEmbeddedSpool, type EmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { systemRandom } from '../../src/system.ts';
import { FakeClock } from './clock.ts';
import { DnsZone, fakeDns } from './dns.ts';

export type CommandRun = { readonly code: number; readonly stdout: string; readonly stderr: string };

export const MINIMAL_POLICY = [
  'hostname: relay.example.com # our own name',
  'clients:',
  '  shop: # the web shop',
  '    networks: [192.0.2.0/24]   # no password needed',
  "    senders: ['*@example.com']",
  '',
].join('\n');

export class CliRig implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'relevo-cli-'));
  readonly policyFile = join(this.folder, 'config/relevo.yaml');
  readonly dataFolder = join(this.folder, 'data');
  readonly clock = new FakeClock();
  readonly starts: StartAsk[] = [];
  env: Readonly<Record<string, string>> = {};
  dns: Dns = fakeDns(new DnsZone());

  /** @param policy null: no policy file */
  constructor(policy: string | null = MINIMAL_POLICY) {
    mkdirSync(join(this.folder, 'config'));
    if (policy !== null) writeFileSync(this.policyFile, policy, { mode: 0o640 });
  }

  get policyText(): string {
    return readFileSync(this.policyFile, 'utf8');
  }

  /** Opens the store as a relay would; it must be disposed of before a command can have it. */
  openSpool(): Promise<EmbeddedSpool> {
    mkdirSync(this.dataFolder, { recursive: true });
    return openEmbeddedSpool({ path: join(this.dataFolder, 'spool'), durability: 'relaxed', clock: this.clock });
  }

  /** @param input standard input; null: a terminal where nobody types */
  async run(args: readonly string[], input: string | null = null): Promise<CommandRun> {
    let stdout = '';
    let stderr = '';
    const code = await runProgram(args, {
      terminal: {
        out: (text) => (stdout += text),
        err: (text) => (stderr += text),
        input: async () => Buffer.from(input ?? ''),
        inputIsTty: input === null,
      },
      root: this.folder,
      cwd: this.folder,
      env: this.env,
      clock: this.clock,
      random: systemRandom,
      dns: () => this.dns,
      version: '0.0.0-test',
      start: async (ask) => {
        this.starts.push(ask);
        return 0;
      },
    });
    return { code, stdout, stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
