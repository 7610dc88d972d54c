/**
 * Writes the files that are made from the sources; with `--check` writes nothing and fails where one is out of date.
 * What the policy schema yields comes from `src/policy/generate/generate.ts`, the metrics from their table, the list of RFC sections
 * from the citations.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { withReference } from '../src/http/api-reference.ts';
import { generatedFiles, type GeneratedFile } from '../src/policy/generate/generate.ts';
import { alertsReference } from '../src/report/alerts-reference.ts';
import { metricsReference } from '../src/report/metrics-reference.ts';
import { repliesReference } from '../src/report/replies-reference.ts';

const root = join(import.meta.dirname, '..');

/** The one form of a citation: `RFC 5321 §4.5.3.2`; `RFC 5321 §4.1.1, §4.2` and `RFC 3464` alone count too. */
const CITATION = /RFC (\d{3,5})((?:,? (?:and )?§[0-9A-Z]+(?:\.[0-9]+)*)*)/g;

function main(check: boolean): number {
  const files = [
    ...generatedFiles(),
    { path: 'docs/alerts.md', content: alertsReference() },
    { path: 'docs/api.md', content: withReference(readText('docs/api.md')) },
    { path: 'docs/metrics.md', content: metricsReference() },
    { path: 'docs/replies.md', content: repliesReference() },
    rfcIndex(),
  ];
  const stale = files.filter((file) => readText(file.path) !== file.content);
  for (const file of stale) {
    if (check) {
      console.error(`${file.path} is out of date: run \`npm run generate\``);
    } else {
      mkdirSync(dirname(join(root, file.path)), { recursive: true });
      writeFileSync(join(root, file.path), file.content);
      console.log(`wrote ${file.path}`);
    }
  }
  return check && stale.length > 0 ? 1 : 0;
}

/** '' where there is no such file. */
function readText(path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return '';
  }
}

function rfcIndex(): GeneratedFile {
  const citations = sourceFiles().flatMap(citationsIn);
  const lines = [
    '# Where the RFCs are in the code',
    '',
    'Generated from the citations in `src/` by `npm run generate`; do not edit.',
  ];
  for (const rfc of sorted(new Set(citations.map((citation) => citation.rfc)))) {
    const own = citations.filter((citation) => citation.rfc === rfc);
    lines.push('', `## [RFC ${rfc}](https://www.rfc-editor.org/rfc/rfc${rfc})`, '');
    for (const section of sorted(new Set(own.map((citation) => citation.section)))) {
      const files = new Set(own.filter((citation) => citation.section === section).map((citation) => citation.file));
      const links = [...files].map((file) => `[\`${file}\`](../${file})`).join(', ');
      lines.push(`- ${section === '' ? 'as a whole' : section}: ${links}`);
    }
  }
  return { path: 'docs/rfcs.md', content: `${lines.join('\n')}\n` };
}

type Citation = { readonly rfc: string; readonly section: string; readonly file: string };

function citationsIn(file: string): Citation[] {
  // A comment may break the line inside a citation.
  const text = readText(file).replaceAll(/\n\s*(?:\*|\/\/) ?/g, ' ');
  return [...text.matchAll(CITATION)].flatMap(([, rfc = '', tail = '']) => {
    const sections = tail.match(/§[0-9A-Z.]+/g) ?? [''];
    return sections.map((section) => ({ rfc, section, file }));
  });
}

function sourceFiles(): string[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => `src/${path.replaceAll('\\', '/')}`)
    .toSorted();
}

/** By number inside the text: §4.2 before §4.10. */
function sorted(texts: Iterable<string>): string[] {
  return [...texts].toSorted((left, right) => left.localeCompare(right, 'en', { numeric: true }));
}

process.exitCode = main(process.argv.includes('--check'));
