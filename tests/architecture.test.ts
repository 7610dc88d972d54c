import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  barrelRule,
  citationRule,
  deterministicRule,
  docstringRule,
  FOLDERS,
  importRule,
  importsOf,
  nameRule,
  threadRule,
} from './architecture/rules.ts';
import { filesUnder, isTest, readText, ROOT, sourcesUnder } from './architecture/source-tree.ts';

type Manifest = {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
};
const manifest = JSON.parse(readText('package.json')) as Manifest;
const runtimePackages = Object.keys(manifest.dependencies);
const allPackages = [
  ...runtimePackages,
  ...Object.keys(manifest.devDependencies),
  ...Object.keys(manifest.optionalDependencies),
];
const sources = sourcesUnder('src');
const ours = [...sources, ...sourcesUnder('tests'), ...sourcesUnder('scripts')];

describe('every source', () => {
  test.each([
    { promise: 'imports only what its folder may use', files: sources, rule: importRule(runtimePackages) },
    { promise: 'takes clock, randomness and environment as ports', files: sources, rule: deterministicRule },
    { promise: 'has names that say something', files: sources, rule: nameRule },
    { promise: 'states what an exported function or class promises', files: ours, rule: docstringRule },
    { promise: 'exports what is its own', files: ours, rule: barrelRule },
    { promise: 'starts threads with the flags that save memory', files: sources, rule: threadRule },
    { promise: 'cites RFCs in one form', files: sources, rule: citationRule },
  ])('$promise', ({ files, rule }) => {
    expect(files.flatMap(rule)).toEqual([]);
  });

  test('and every test uses packages that package.json names', () => {
    const foreign = ours
      .filter((file) => isTest(file.path))
      .flatMap((file) => importsOf(file).map(({ specifier }) => `${file.path}: ${specifier}`))
      .filter((use) => !/: (?:\.|node:)/.test(use))
      .filter((use) => !allPackages.some((name) => use.endsWith(`: ${name}`) || use.includes(`: ${name}/`)));
    expect(foreign).toEqual([]);
  });
});

describe('the layout', () => {
  test('has nothing at the top that is not in the list', () => {
    const known = new Set(
      (
        'src config certs scripts tests docs Dockerfile compose.yaml LICENSE README.md package.json package-lock.json tsconfig.json ' +
        'vitest.config.ts relevo.schema.json node_modules data coverage'
      ).split(' '),
    );
    const strangers = readdirSync(ROOT).filter((name) => !name.startsWith('.') && !known.has(name));
    expect(strangers).toEqual([]);
  });

  test('has the folders of src that the import table knows, and no others', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map((entry) => entry.name).filter((name) => !FOLDERS.includes(name))).toEqual([]);
  });

  test('is told by src/README.md, one line a file', () => {
    const described = [...readText('src/README.md').matchAll(/^- `([^`]+)` – \S.{9,}$/gm)].map((match) => match[1]);
    const present = filesUnder('src')
      .map((path) => path.slice('src/'.length))
      .filter((path) => path !== 'README.md' && !path.endsWith('.test.ts'));
    expect({
      notDescribed: present.filter((path) => !described.includes(path)),
      notThere: described.filter((path) => path === undefined || !present.includes(path)),
      twice: described.filter((path, at) => described.indexOf(path) !== at),
    }).toEqual({ notDescribed: [], notThere: [], twice: [] });
  });
});

describe('a dependency', () => {
  test('has its reason in docs/dependencies.md', () => {
    const text = readText('docs/dependencies.md');
    expect(allPackages.filter((name) => !text.includes(`\n| \`${name}\` |`))).toEqual([]);
  });

  test('that is installed to run is used to run', () => {
    const used = sources
      .filter((file) => !isTest(file.path))
      .flatMap((file) => importsOf(file).map(({ specifier }) => specifier));
    const isUsed = (name: string): boolean => used.some((use) => use === name || use.startsWith(`${name}/`));
    expect(runtimePackages.filter((name) => !isUsed(name))).toEqual([]);
  });
});
