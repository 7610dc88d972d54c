import { fstatSync, write } from 'node:fs';
import type { LineOutput } from './line-writer.ts';

/**
 * Standard output, written so that neither a full disk nor a reader that stopped reading can stop the relay.
 *
 * Two ways, for neither serves all. A pipe is written by Node's stream, which is non-blocking: a blocking write to a full
 * pipe holds a thread, and with it the end of the process, for as long as the reader likes. A file is written by a
 * thread: Node's stream for it is synchronous and would stop the event loop for a slow disk.
 */
export function standardOutput(): LineOutput {
  return isPipe(process.stdout.fd) ? streamOutput(process.stdout) : fileOutput(process.stdout.fd);
}

/** Writes to an open file by a thread. */
export function fileOutput(fd: number): LineOutput {
  return (chunk, done) => write(fd, chunk, 0, chunk.length, null, (error, writtenBytes) => done(error, writtenBytes));
}

/** Writes to a pipe or socket. An error of the stream is an answer to the write that met it, never an exception. */
function streamOutput(stream: NodeJS.WritableStream): LineOutput {
  // Without a listener an EPIPE would end the process.
  stream.on('error', () => {});
  return (chunk, done) => {
    stream.write(chunk, (error) => {
      if (error === null || error === undefined) done(null, chunk.length);
      else done(error, 0);
    });
  };
}

function isPipe(fd: number): boolean {
  try {
    const status = fstatSync(fd);
    return status.isFIFO() || status.isSocket();
  } catch {
    // Closed: writes fail with EBADF, which ends the log.
    return false;
  }
}
