/**
 * The bounces of `tests/bounces/`, written for this project: each after a form of a server's own, which its first lines name.
 * `# form:` whose, and where that is described. `# to:` the delivery's recipients. `# expect:` what is to be read, one
 * recipient a line: `failed ADDRESS STATUS KIND`, or what else it is. `# host:` who reports. The message follows an empty line.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Sample = {
  readonly name: string;
  readonly form: string;
  readonly recipients: readonly string[];
  readonly expected: readonly string[];
  /** null: it does not matter. */
  readonly host: string | null;
  /** Every line ends with CR LF. */
  readonly content: Buffer;
};

const FOLDER = join(import.meta.dirname, '../bounces');

/** All of them, by name. */
export function bounceSamples(): readonly Sample[] {
  return readdirSync(FOLDER).toSorted().map(sample);
}

function sample(file: string): Sample {
  const bytes = readFileSync(join(FOLDER, file));
  const headEnd = bytes.indexOf('\n\n');
  const head = bytes.subarray(0, headEnd).toString('utf8').split('\n');
  const values = (key: string): readonly string[] =>
    head.filter((line) => line.startsWith(`# ${key}: `)).map((line) => line.slice(key.length + 4));
  const [to = 'gone@dest.example'] = values('to');
  return {
    name: file.replace(/\.eml$/, ''),
    form: values('form').join(' '),
    recipients: to.split(', '),
    expected: values('expect'),
    host: values('host')[0] ?? null,
    content: Buffer.from(
      bytes
        .subarray(headEnd + 2)
        .toString('latin1')
        .replaceAll('\n', '\r\n'),
      'latin1',
    ),
  };
}
