import { fstatSync } from 'node:fs';

/** Where a command reads and prints. */
export type Terminal = {
  /** Results, on standard output. */
  out(text: string): void;
  /** Everything else, on standard error. */
  err(text: string): void;
  /** The whole of standard input; null when it is more than `mostBytes`. */
  input(mostBytes: number): Promise<Buffer | null>;
  /** What somebody types without its being shown; null: nobody wants to. Absent: nobody can be asked. */
  readonly secret?: (question: string) => Promise<string | null>;
  /** Nobody redirected standard input: reading it would wait for a person to type. */
  readonly inputIsTty: boolean;
};

/** The process's own. A reader that goes away (`relevo queue list | head`) ends the output, not the command. */
export function systemTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    input: (mostBytes) => readAll(process.stdin, mostBytes),
    secret: async (question) => {
      const { isCancel, password } = await import('@clack/prompts');
      const typed = await password({ message: question, output: process.stderr });
      return isCancel(typed) ? null : typed;
    },
    inputIsTty: process.stdin.isTTY || isNothing(process.stdin.fd),
  };
}

async function readAll(stream: AsyncIterable<Buffer>, mostBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    sizeBytes += chunk.length;
    if (sizeBytes > mostBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function isNothing(fd: number): boolean {
  try {
    fstatSync(fd);
    return false;
  } catch {
    return true;
  }
}
