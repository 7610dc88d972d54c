/** What a request without an answer means for the message: in doubt exactly when all of it went out. Pure. */
import type { HttpAnswer, HttpFailure } from './http.ts';
import type { ProviderAnswer } from './provider.ts';

/**
 * What is read of the words of an answer, characters: all that any provider says, and little enough for patterns that take
 * long over much.
 */
export const WORDS_MOST = 2_000;

export function ofFailure(failure: HttpFailure, host: string): ProviderAnswer {
  if (failure.why === 'stopped') return { kind: 'stopped' };
  if (failure.sent === 'all')
    return { kind: 'in-doubt', text: `${failure.text} (${host}), after the message was sent` };
  return { kind: 'failed', text: `${failure.text} (${host})` };
}

/** A status that no provider's documents know more of: a redirect, a server's own trouble, somebody between. null: it is not one. */
export function ofStatus({ status, headers }: HttpAnswer, host: string): ProviderAnswer | null {
  if (status >= 300 && status < 400) {
    const to = typeof headers.location === 'string' ? ` to ${headers.location}` : '';
    return {
      kind: 'failed',
      text: `${host} answered ${status}, a redirect${to}, which is not followed: look at endpoint`,
    };
  }
  // Whoever gave up waiting does not know what became of it.
  if (status === 504)
    return { kind: 'in-doubt', text: `${host} answered ${status}: somebody on the way gave up waiting` };
  if (status >= 500 || status < 200) return { kind: 'failed', text: `${host} answered ${status}` };
  return null;
}
