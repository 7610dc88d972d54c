/**
 * Read before everything else (`scripts/relevo`): zod brings the words of its errors in some sixty languages and reads all of them. The
 * relay speaks one; the others are 3 MB in each thread, for as long as it runs.
 */
import { registerHooks } from 'node:module';

const OTHER_LANGUAGE = /\/node_modules\/zod\/v4\/locales\/(?!en\.js$|index\.js$)[^/]+\.js$/;

registerHooks({
  load: (url, context, next) =>
    OTHER_LANGUAGE.test(url)
      ? { format: 'module', source: 'export default () => ({});', shortCircuit: true }
      : next(url, context),
});
