import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { expect, test } from 'vitest';

import { THREAD_FLAGS } from './thread-flags.ts';

/** The packages that a thread has in memory after it has read what signs. */
async function packagesRead(execArgv: readonly string[]): Promise<string[]> {
  const signs = new URL('../sign/signer.ts', import.meta.url).href;
  const source = `
    import { createRequire } from 'node:module';
    import { parentPort } from 'node:worker_threads';
    await import(${JSON.stringify(signs)});
    parentPort.postMessage(Object.keys(createRequire(${JSON.stringify(signs)}).cache));`;
  // As a module: Node imports nothing ahead of a script that is given as text.
  const entry = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const thread = new Worker(entry, { execArgv: [...execArgv] });
  const [files] = (await once(thread, 'message')) as [string[]];
  await thread.terminate();
  const names = files.map((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? '');
  return [...new Set(names)].filter((name) => name !== '').sort();
}

test('a thread that signs reads mailauth without what lies beside it', async () => {
  expect(await packagesRead(THREAD_FLAGS)).toEqual(['mailauth', 'punycode.js']);
  expect(await packagesRead([])).toEqual(expect.arrayContaining(['joi', 'libmime', 'tldts']));
});
