/** The `sandbox` exit: keeps each message as a file and sends nothing. */
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Outcome } from '../message/outcome.ts';
import type { SandboxEgressPolicy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { AttemptResult, Egress, Mail } from './egress.ts';

const CONCURRENCY = 20;

/**
 * Writes `<message id>.<recipient domain>.eml`, the content byte for byte, and beside it a `.json` with the envelope.
 * Both are on disk when it is delivered, readable by the owner only; a repeated attempt replaces them.
 */
export function openSandbox(name: string, { path }: SandboxEgressPolicy, clock: Clock): Egress {
  const underWay = new Set<Promise<AttemptResult>>();
  return {
    name,
    concurrency: CONCURRENCY,
    attempt: (mail, signal) => {
      const attempt = keep(mail, { path, clock, signal }).finally(() => underWay.delete(attempt));
      underWay.add(attempt);
      return attempt;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(underWay);
    },
  };
}

/** Why nothing can be kept in that folder now, which is made where it is missing; null: it can. Never rejects. */
export async function sandboxTrouble(path: string): Promise<string | null> {
  const file = join(path, `.probe-${process.pid}`);
  try {
    await makeFolder(path);
    await write(file, Buffer.from('x'));
    await rm(file);
    return null;
  } catch (error) {
    return `${path} cannot be written: ${codeOf(error)}`;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN';
}

type Place = { readonly path: string; readonly clock: Clock; readonly signal: AbortSignal };

async function keep(mail: Mail, { path, clock, signal }: Place): Promise<AttemptResult> {
  if (signal.aborted) return result(mail, deferred('3.2', 'stopped before the message was kept'));
  // An address literal has characters that not every file system takes.
  const name = `${mail.message.id}.${mail.domain.replace(/[^A-Za-z0-9.-]/g, '_')}`;
  const { client, stream, priority, tag, envelope } = mail.message;
  const record = {
    messageId: mail.message.id,
    sender: mail.sender,
    recipients: mail.recipients,
    client,
    stream,
    priority,
    tag,
    envelope,
    keptAtMs: clock.nowMs(),
  };
  try {
    await makeFolder(path);
    // The envelope first: who sees the message sees its envelope, too.
    await write(join(path, `${name}.json`), Buffer.from(`${JSON.stringify(record, null, 2)}\n`));
    await write(join(path, `${name}.eml`), mail.content);
  } catch (error) {
    return result(mail, deferred('3.1', `the sandbox cannot be written: ${codeOf(error)}`));
  }
  return result(mail, { kind: 'delivered', reply: { code: 250, detail: '0.0', text: `kept as ${name}.eml` } });
}

/** Not `recursive`: under /proc, where nothing can be made, Node looks for the missing parent for ever. */
async function makeFolder(path: string): Promise<void> {
  const isFolder = async () => (await stat(path).catch(() => null))?.isDirectory() === true;
  if (await isFolder()) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // Another message may have been quicker.
    if (!(await isFolder())) throw error;
  }
}

/** Whole or not at all, under its name only once it is on disk. */
async function write(path: string, content: Buffer): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.datasync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function deferred(detail: string, text: string): Outcome {
  return { kind: 'deferred', own: true, scope: 'egress', reply: { code: 451, detail, text } };
}

function result(mail: Mail, outcome: Outcome): AttemptResult {
  return { outcomes: mail.recipients.map(() => outcome), host: null, address: null, source: null, tls: null };
}
