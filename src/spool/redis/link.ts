/** The way to Redis, as the spool sees it: scripts in, replies out, and whether mail may be accepted. */

/** One Lua script, from its file in lua/. */
export type Script = { readonly name: string; readonly text: string };

/** A key or an argument of a script goes out as its bytes; a number as its decimal text. */
export type ScriptArgument = string | number | Buffer;

export type Topology = 'single' | 'sentinel' | 'cluster';

export interface RedisLink extends AsyncDisposable {
  readonly topology: Topology;
  /**
   * Runs a script where its keys live (all in one slot). Bulk replies come as Buffers. After a lost reply the caller may
   * run it again, never the link. Rejects with `SpoolError`: `full` (OOM answer), `unavailable` (down, no answer within
   * 5 s, read-only, …); `isFinal` for an error of the script itself.
   */
  run(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown>;
  /** The same together with what else comes at that time: for what comes by the hundred a second, and is short. */
  runTogether(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown>;
  /**
   * As `runTogether` for what a 250 hangs on: resolves only once it, and all that was written to those keys before, is as durable
   * as the policy asks. Rejects with `unavailable` without running the script while there is `trouble`, and when it ran
   * but is not known to be durable.
   */
  runDurably(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown>;
  /** Why nothing can be accepted now; null: healthy. Never throws. */
  trouble(): string | null;
  /** Whether a server had no more room when it was asked last. Never throws. */
  isFull(): boolean;
  /** From now on `look` is taken with each look at the servers, those being well: what it finds is `trouble`. */
  watch(look: Look): void;
}

/** `isForGood`: it stays so for as long as the link lives, whatever is there later. null: all is well. */
export type Look = (run: RedisLink['run']) => Promise<{ readonly text: string; readonly isForGood: boolean } | null>;
