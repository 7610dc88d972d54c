/**
 * Read before everything else, in each thread (`scripts/relevo`, `running/thread-flags.ts`): keeps out of memory what comes with
 * something else and nobody needs, for as long as the relay runs. zod brings the words of its errors in some sixty languages,
 * 3 MB in each thread. prom-client reads all of OpenTelemetry's interface for examples beside its metrics, of which the relay
 * keeps none. mailauth's canonicalisation, all that the relay uses of it, lies beside checks of addresses, domains and answers,
 * for which it reads 25 MB in 80 ms. And an `import` of node:http asks for all that it exports, three names of `fetch` among it,
 * for which Node reads that whole: 15 MB. Sources come without their types from where they are kept (`stripped.ts`).
 */
import { getCompileCacheDir, registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { strippedSource } from './stripped.ts';

const OTHER_LANGUAGE = /\/node_modules\/zod\/v4\/locales\/(?!en\.js$|index\.js$)[^/]+\.js$/;
const STAND_IN = 'relevo:stand-in/';
/** By package, what its files read but don't use for what the relay does with them, and what they get in its place. */
const UNUSED: readonly (readonly [user: string, specifiers: ReadonlySet<string>])[] = [
  ['/node_modules/prom-client/', new Set(['@opentelemetry/api'])],
  ['/node_modules/mailauth/lib/', new Set(['joi', 'libmime', 'tldts', 'node:https'])],
];
/** mailauth makes a schema as soon as it is read. Whatever else is asked of a stand-in is an error. */
const stands: Readonly<Record<string, string>> = { joi: '{ string: () => ({ base64: () => ({}) }) }' };
const HTTP = 'relevo:http';
/** Beside what this version of Node keeps, where it may keep anything (`scripts/relevo`). */
const cacheFolder = getCompileCacheDir();
const strippedFolder = cacheFolder === undefined ? null : join(cacheFolder, 'stripped');
const OF_FETCH: ReadonlySet<string> = new Set(['WebSocket', 'CloseEvent', 'MessageEvent']);

function httpWithoutFetch(): string {
  const names = Object.keys(process.getBuiltinModule('node:http')).filter((name) => !OF_FETCH.has(name));
  return `const http = process.getBuiltinModule('node:http');
export default http;
export const { ${names.join(', ')} } = http;`;
}

registerHooks({
  resolve: (specifier, context, next) => {
    if (UNUSED.some(([user, specifiers]) => specifiers.has(specifier) && context.parentURL?.includes(user) === true))
      return { url: `${STAND_IN}${specifier}`, format: 'commonjs', shortCircuit: true };
    // What is required gives its names one by one.
    if ((specifier === 'node:http' || specifier === 'http') && context.conditions.includes('import'))
      return { url: HTTP, format: 'module', shortCircuit: true };
    return next(specifier, context);
  },
  load: (url, context, next) => {
    if (url.startsWith(STAND_IN)) {
      const source = `module.exports = ${stands[url.slice(STAND_IN.length)] ?? '{}'};`;
      return { format: 'commonjs', source, shortCircuit: true };
    }
    if (context.format === 'module-typescript' && strippedFolder !== null) {
      const source = strippedSource(fileURLToPath(url), strippedFolder);
      return { format: 'module', source, shortCircuit: true };
    }
    if (url === HTTP) return { format: 'module', source: httpWithoutFetch(), shortCircuit: true };
    return OTHER_LANGUAGE.test(url)
      ? { format: 'module', source: 'export default () => ({});', shortCircuit: true }
      : next(url, context);
  },
});
