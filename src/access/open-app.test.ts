import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
/** What is loaded with a file, not when something of it is called. */
const STATIC = /^(?:import|export) (?!type\b)(?:[^;'"]*? from )?'([^'\n]+)';/gm;

/** Every file of ours and every package that is loaded with these, with the files that lead there. */
function loadedWith(files: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map(files.map((file) => [file, '']));
  for (const [file, way] of found) {
    const path = join(ROOT, file);
    if (!file.endsWith('.ts') || !existsSync(path)) continue;
    for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(STATIC)) {
      const name = specifier.startsWith('.') ? relative(ROOT, join(dirname(path), specifier)) : specifier;
      if (!found.has(name)) found.set(name, `${way} > ${file}`);
    }
  }
  return found;
}

test('a relay at rest has loaded nothing of the API, the pages, traces and their packages', () => {
  const loaded = loadedWith(['src/cli/start/start.ts', 'src/relay.ts']);
  expect(loaded.size).toBeGreaterThan(200);
  const late = [...loaded].filter(([name]) =>
    /^src\/(?:access\/open-app\.ts|http\/(?:app|routes|openapi)\.ts|http\/(?:api|pages)\/|report\/traces\/(?:tracer|collector)\.ts)|^(?:@opentelemetry|hono|otpauth|uqr|uplot|@clack)/.test(
      name,
    ),
  );
  expect(late.map(([name, way]) => `${name}:${way}`)).toEqual([]);
});
