/** What is wrong with a policy file, and where. */

/** From 1, as editors count. */
export type Place = { readonly line: number; readonly column: number };

export type Path = readonly (string | number)[];

/** A fault at a place of the file. The text never shows the value of a secret or of a variable. */
export type Finding = { readonly place: Place; readonly path: Path; readonly text: string };

export type Problem = {
  /** As the user gave it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `egress.ip-1.dailyLimit`, `routes[0].use[1]`; '' for the file as a whole. */
  readonly path: string;
  readonly text: string;
};

/** `config/relevo.yaml:41:7 egress.ip-1.dailyLimit: expected a positive number, found "many"` */
export function formatProblem(problem: Problem): string {
  const subject = problem.path === '' ? '' : `${problem.path}: `;
  return `${problem.file}:${problem.line}:${problem.column} ${subject}${problem.text}`;
}

/** In the order of the file; a finding that is there twice, as under an alias, once. */
export function problemsOf(file: string, findings: readonly Finding[]): Problem[] {
  const problems = findings.map(({ place, path, text }) => ({ file, ...place, path: formatPath(path), text }));
  const unique = new Map(problems.map((problem) => [formatProblem(problem), problem]));
  return [...unique.values()].toSorted((left, right) => left.line - right.line || left.column - right.column);
}

/** Keys that have dots and the like in them stand in quotes: `shaping."*.google.com".rate`. */
function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const key = /^[\w-]+$/.test(step) ? step : JSON.stringify(shortened(step));
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** At most 60 characters of a text, so that a message stays a line. */
export function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
