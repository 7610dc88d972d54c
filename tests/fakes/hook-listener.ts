/** A program outside that is told of events: keeps what is posted to it, and answers as it is told to. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PostedEvent } from '../../src/report/webhooks/post.ts';

export type HookPost = {
  readonly events: readonly PostedEvent[];
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** Whether it was signed with this secret. */
  readonly signedWith: (secret: string) => boolean;
};

export type HookListener = AsyncDisposable & {
  readonly url: string;
  readonly posts: HookPost[];
  /** Names of the events of all posts that were taken, in order. */
  readonly names: () => readonly string[];
  /** What it answers from now on; `cut`: it hangs up. */
  answer: number | 'cut' | 'redirect';
  /** So many bytes it says with it; `forever`: it does not come to an end. */
  says: number | 'forever';
};

export async function startHookListener(): Promise<HookListener> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { answer } = listener;
      if (answer === 'cut') return void request.socket.destroy();
      if (answer === 'redirect') return void response.writeHead(302, { location: '/elsewhere' }).end();
      const body = Buffer.concat(chunks).toString();
      if (answer < 300) listener.posts.push(postOf(body, request.headers));
      response.writeHead(answer);
      if (listener.says === 'forever') response.write('thanks');
      else response.end('x'.repeat(listener.says));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const posts: HookPost[] = [];
  const listener: HookListener = {
    url: `http://127.0.0.1:${port}/events?key=hidden`,
    posts,
    names: () => posts.flatMap(({ events }) => events.map(({ event }) => event)),
    answer: 204,
    says: 6,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
  return listener;
}

function postOf(body: string, headers: HookPost['headers']): HookPost {
  const signedWith = (secret: string): boolean => {
    const [, time, given] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['relevo-signature'])) ?? [];
    return given === createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
  };
  const { events = [] } = JSON.parse(body) as { readonly events?: readonly PostedEvent[] };
  return { events, headers, body, signedWith };
}
