/** What a browser says that it is, in words. Pure. */

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bCriOS\/|Chrome\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\bAndroid\b/, 'Android'],
  [/\biPhone\b|\biPad\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMacintosh\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];
const LONGEST = 40;

/** Such as `Firefox, Linux`; of what is none of them the beginning of its own words. */
export function browserName(agent: string): string {
  const named = (table: typeof BROWSERS): readonly string[] => {
    const found = table.find(([pattern]) => pattern.test(agent));
    return found === undefined ? [] : [found[1]];
  };
  const [browser] = named(BROWSERS);
  return browser === undefined ? agent.slice(0, LONGEST) : [browser, ...named(SYSTEMS)].join(', ');
}
