import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readSource, type SourceText } from './source-text.ts';

export const ROOT = join(import.meta.dirname, '../..');

/** `path` is relative to the repository, with `/`. */
export type SourceFile = SourceText & { readonly path: string };

/** All files under a folder of the repository, sorted. */
export function filesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path}`)
    .filter((path) => statSync(join(ROOT, path)).isFile())
    .toSorted();
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The TypeScript among them, read. */
export function sourcesUnder(folder: string): SourceFile[] {
  return filesUnder(folder)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path, ...readSource(readText(path)) }));
}

/** Tests and what only tests use. */
export function isTest(path: string): boolean {
  return !path.startsWith('src/') || /\.(?:test|contract)\.ts$/.test(path);
}
