/**
 * What each thread is started with: none of the process's own flags, and without what nobody reads, which `unread.ts` keeps
 * out of the thread that read it first, and of no other.
 */
export const THREAD_FLAGS: readonly string[] = [
  '--import',
  // architecture: it is read before everything else, and so stands beside `main.ts`
  new URL('../unread.ts', import.meta.url).href,
];
