/** Every call that a relay says it has, and what an answer to a wrong one must be. */

type Schema = {
  readonly type?: string;
  readonly anyOf?: readonly Schema[];
  readonly enum?: unknown;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
};
type Operation = {
  readonly security: readonly { readonly token?: readonly string[] }[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> };
};
export type Call = Operation & {
  readonly method: string;
  readonly path: string;
  readonly at: string;
  readonly url: string;
};
type Fault = { readonly in: string; readonly path: string; readonly text: string };
type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly Fault[];
};

/** They tell of faults as Amazon SES does. */
const FOREIGN = '/v2/email/';

export const isForeign = ({ path }: Call): boolean => path.startsWith(FOREIGN);

/** What must be in a query for anything else to be looked at. */
const QUERIES: Readonly<Record<string, string>> = {
  'DELETE /api/v1/suppressions': 'address=nobody@example.com',
  'GET /api/v1/stats/series': 'what=delivered',
};
export const queryOf = ({ at }: Call): string => QUERIES[at] ?? '';

/** Whole mail whose content is at fault is 422. */
const MAIL = ['POST /api/v1/messages', 'POST /api/v1/messages/batch'];

/** @param served what `/api/v1/openapi.json` has */
export function callsOf(served: unknown): readonly Call[] {
  const { paths } = served as { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([name, operation]) => {
      const method = name.toUpperCase();
      return { ...operation, method, path, at: `${method} ${path}`, url: path.replaceAll(/\{\w+\}/g, 'nobody-9') };
    }),
  );
}

export type Answer = {
  readonly at: string;
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
};

/** Why it is not a problem of that status, whose faults are of those places; nothing: it is. */
export function unlike(
  { at, status, type, text }: Answer,
  asked: number,
  places?: readonly string[],
): readonly string[] {
  const wanted = asked === 400 && status === 422 && MAIL.includes(at) ? 422 : asked;
  if (status !== wanted) return [`${status} instead of ${wanted}: ${text.slice(0, 200)}`];
  if (type !== 'application/problem+json') return [`${wanted} as ${type}`];
  const problem = JSON.parse(text) as Problem;
  if (problem.type !== 'about:blank' || problem.status !== wanted || problem.title === '' || problem.detail === '')
    return [`not whole: ${text}`];
  if (places === undefined) return [];
  const named = (problem.errors ?? []).map((fault) => `${fault.in} ${fault.path}`);
  const missing = places.filter((place) => !named.some((one) => one === place || one.startsWith(`${place}.`)));
  const silent = (problem.errors ?? []).filter(({ text: why }) => why === '').map(({ path }) => `${path} without why`);
  return [...missing.map((place) => `says nothing of ${place}: ${text.slice(0, 300)}`), ...silent];
}

/** Whole mail, where that is what has fields in the query. */
export function rawOf({ requestBody }: Call): string | undefined {
  return requestBody?.content['message/rfc822'] === undefined ? undefined : 'From: a@b.example\r\n\r\n';
}

/** Beside what must be there. */
export function withField({ at }: Call, name: string, text: string): string {
  const fields = new URLSearchParams(QUERIES[at]);
  fields.set(name, text);
  return fields.toString();
}

export const pathOf = ({ at, url }: Call): string => (QUERIES[at] === undefined ? url : `${url}?${QUERIES[at]}`);
export const isOpen = (call: Call): boolean => call.security.length === 0;
/** Also what needs to be told nothing. */
export const takesJson = (call: Call): boolean =>
  call.method !== 'GET' && (call.requestBody === undefined || bodyOf(call) !== undefined);
export const fieldsOf = (call: Call) => (call.parameters ?? []).filter((one) => one.in === 'query');
export const bodyOf = (call: Call): Schema | undefined => call.requestBody?.content['application/json']?.schema;

/** Of all forms of a body. */
export function propertiesOf(schema: Schema | undefined): Readonly<Record<string, Schema>> {
  const forms = schema?.anyOf ?? (schema === undefined ? [] : [schema]);
  return Object.assign({}, ...forms.map((form) => form.properties ?? {})) as Readonly<Record<string, Schema>>;
}
