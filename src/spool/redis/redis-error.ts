import { SpoolError } from '../spool.ts';

/**
 * Replies that say what the server cannot do now, by their first word (Redis, "Redis serialization protocol", simple
 * errors). Whatever is not here and is no error of a script is taken for passing, too.
 */
const OF_THE_SCRIPT = new Set(['WRONGTYPE', 'CROSSSLOT', 'NOTBUSY']);

/** Replies that start with ERR and are none of the script's doing. */
const PASSING_ERR = /max number of clients|killed by user|Error accessing|Can't save|Background|No such replica/i;

/** The first word of an error reply; empty when the error is not one. */
export function replyCode(error: unknown): string {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return '';
  return /^[A-Z]+/.exec(error.message)?.[0] ?? '';
}

/** What an error of the client means to a spool. The text names neither keys nor content. */
export function spoolErrorOf(error: unknown, place: string): SpoolError {
  if (error instanceof SpoolError) return error;
  const code = replyCode(error);
  const text = firstLine(error);
  if (code === 'OOM')
    return new SpoolError('full', `${place} is full: raise its maxmemory`, { cause: withoutArgs(error) });
  const isFinal = OF_THE_SCRIPT.has(code) || (code === 'ERR' && !PASSING_ERR.test(text));
  return new SpoolError('unavailable', `${place}: ${explained(text)}`, { cause: withoutArgs(error), isFinal });
}

/** What `explained` makes of a time-out. */
export const NO_ANSWER = 'no answer within 5 s';

/** Library and system errors in an operator's words; others as they are. `user` is the server's, for commands to give. */
export function explained(text: string, user = 'USER'): string {
  if (text.includes('enableOfflineQueue options is false') || text.includes('Connection is closed'))
    return 'not connected';
  if (text.includes('ECONNREFUSED')) return `nothing listens there (${text})`;
  if (text.includes('ENOTFOUND')) return `there is no such host (${text})`;
  if (/certificate|altnames/i.test(text)) return `its certificate is not trusted (${text}): see spool.ca`;
  if (text.startsWith('NOAUTH')) return 'it wants a password, and none was given';
  if (text.startsWith('WRONGPASS')) return 'it refuses the user name or the password';
  if (text.includes('cluster support disabled'))
    return 'it is a single server (cluster-enabled no): name it in spool.url instead';
  if (/Unknown RESP type|Please report this/.test(text))
    return 'what answers there does not speak as Redis does: see its host and port, and whether it wants TLS (rediss://)';
  if (/\bE(?:CONN)?TIMEDOUT\b/.test(text)) return `nothing answers there (${text})`;
  if (text.startsWith('NOPERM')) return permissionMissing(text, user);
  if (text.startsWith('Reached the max retries')) return 'the connection was lost before the answer';
  if (text.startsWith('Command aborted')) return 'the connection was lost before the answer';
  if (text.startsWith('Command timed out') || text.startsWith('Socket timeout')) return NO_ANSWER;
  return text;
}

function permissionMissing(text: string, user: string): string {
  const [, command] = /run the '([^']+)'/.exec(text) ?? [];
  return command === undefined
    ? `its user may not do what a spool needs (${text})`
    : `user ${user} may not run ${command}: run ACL SETUSER ${user} +${command}`;
}

/** What may be wrong with a server with which no word could be spoken. */
export function withTlsHint(text: string, isTls: boolean): string {
  if (!isTls)
    return /ECONNRESET|EPIPE|connection was lost/.test(text) ? `${text}; if it wants TLS, say rediss://` : text;
  const isMute = /TIMEDOUT|ECONNRESET|EPROTO|ECONNABORTED|socket disconnected|wrong version|packet length|no answer/;
  return isMute.test(text) ? `${text}; if it has no TLS, say redis:// instead of rediss://` : text;
}

/** Replies, or the lack of one, after which a server must be asked before anything is accepted again. */
export function isSuspicious(error: unknown): boolean {
  if (isUnanswered(error)) return true;
  return ['READONLY', 'MISCONF', 'MASTERDOWN', 'LOADING', 'CLUSTERDOWN', 'NOPERM', 'NOAUTH', 'MOVING'].includes(
    replyCode(error),
  );
}

/** Whether the server gave no answer in time. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && explained(firstLine(error)) === NO_ANSWER;
}

/** The first line of what an error says: the library adds the script's position and arguments below. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split(/\r?\n/, 1)[0] ?? text;
}

/** The library hangs the command with all its arguments on its errors: whole messages. */
function withoutArgs(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) delete error.command;
  return error;
}
