/**
 * Read before everything else (`scripts/relevo`): keeps out of memory what comes with something else and nobody needs, for as long as the
 * relay runs. zod brings the words of its errors in some sixty languages, 3 MB in each thread. prom-client reads all of OpenTelemetry's
 * interface for examples beside its metrics, of which the relay keeps none. And an `import` of node:http asks for all that it exports, three
 * names of `fetch` among it, for which Node reads that whole: 15 MB.
 */
import { registerHooks } from 'node:module';

const OTHER_LANGUAGE = /\/node_modules\/zod\/v4\/locales\/(?!en\.js$|index\.js$)[^/]+\.js$/;
const NOTHING = 'relevo:nothing';
const HTTP = 'relevo:http';
const OF_FETCH: ReadonlySet<string> = new Set(['WebSocket', 'CloseEvent', 'MessageEvent']);

function httpWithoutFetch(): string {
  const names = Object.keys(process.getBuiltinModule('node:http')).filter((name) => !OF_FETCH.has(name));
  return `const http = process.getBuiltinModule('node:http');
export default http;
export const { ${names.join(', ')} } = http;`;
}

registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === '@opentelemetry/api' && context.parentURL?.includes('/node_modules/prom-client/') === true)
      return { url: NOTHING, format: 'commonjs', shortCircuit: true };
    // What is required gives its names one by one.
    if ((specifier === 'node:http' || specifier === 'http') && context.conditions.includes('import'))
      return { url: HTTP, format: 'module', shortCircuit: true };
    return next(specifier, context);
  },
  load: (url, context, next) => {
    if (url === NOTHING) return { format: 'commonjs', source: 'module.exports = {};', shortCircuit: true };
    if (url === HTTP) return { format: 'module', source: httpWithoutFetch(), shortCircuit: true };
    return OTHER_LANGUAGE.test(url)
      ? { format: 'module', source: 'export default () => ({});', shortCircuit: true }
      : next(url, context);
  },
});
