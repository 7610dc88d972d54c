/** What went wrong, as the AWS SDKs read it: the name of an exception, and its message. Pure. */
import type { Answer } from '../answer.ts';

/** Those that SES has; and of signatures, those that all of AWS has. */
export type SesError =
  | 'AccountSuspendedException'
  | 'BadRequestException'
  | 'InternalServiceErrorException'
  | 'LimitExceededException'
  | 'MessageRejected'
  | 'NotFoundException'
  | 'TooManyRequestsException'
  | 'ServiceUnavailableException'
  | 'AccessDeniedException'
  | 'UnrecognizedClientException'
  | 'MissingAuthenticationTokenException'
  | 'IncompleteSignatureException'
  | 'InvalidSignatureException';

/** Windows that end within this are waited for by the SDKs themselves. */
const SOON_S = 60;

/** @param message in words for whoever wrote the program */
export function sesError(
  name: SesError,
  status: number,
  { message, headers = {} }: { readonly message: string; readonly headers?: Readonly<Record<string, string>> },
): Answer {
  return {
    status,
    contentType: 'application/json',
    text: JSON.stringify({ __type: name, message }),
    headers: { ...headers, 'x-amzn-errortype': name },
  };
}

/** A problem document as the exception that says the same. */
export function sesErrorOf(problem: Answer): Answer {
  const { status, headers = {} } = problem;
  const message = detailIn(problem);
  const retryS = Number(headers['retry-after'] ?? 0);
  switch (status) {
    case 401:
      return sesError('UnrecognizedClientException', 403, { message });
    case 403:
      return sesError('AccessDeniedException', 403, { message });
    case 404:
      return sesError('NotFoundException', 404, { message });
    case 413:
      return sesError('MessageRejected', 400, { message });
    case 429:
      // A limit of a day is no use waiting for: the SDKs would only try again.
      return retryS > SOON_S
        ? sesError('LimitExceededException', 400, { message })
        : sesError('TooManyRequestsException', 429, { message, headers });
    case 503:
      return sesError('ServiceUnavailableException', 503, { message, headers });
    default:
      return status >= 500
        ? sesError('InternalServiceErrorException', 500, { message })
        : sesError('BadRequestException', 400, { message });
  }
}

function detailIn({ text }: Answer): string {
  try {
    const { detail } = JSON.parse(text) as { readonly detail?: unknown };
    return typeof detail === 'string' ? detail : text;
  } catch {
    return text.trim();
  }
}
