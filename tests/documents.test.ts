import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { filesUnder, readText, ROOT } from './architecture/source-tree.ts';
import { CliRig } from './fakes/cli-rig.ts';

const pages = [
  'README.md',
  'certs/README.md',
  ...[...filesUnder('docs'), ...filesUnder('src')].filter((path) => path.endsWith('.md')),
];

test('link only to files that exist', () => {
  const broken = pages.flatMap((page) =>
    [...readText(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test('link only to headings that exist', () => {
  const broken = pages.flatMap((page) =>
    [...readText(page).matchAll(/\]\(([^)#\s:]*)#([^)\s]+)\)/g)]
      .filter(([, target = '', anchor = '']) => {
        const linked = target === '' ? page : join(dirname(page), target);
        return !existsSync(join(ROOT, linked)) || !anchorsOf(readText(linked)).includes(anchor);
      })
      .map(([link]) => `${page}: ${link}`),
  );
  expect(broken).toEqual([]);
});

test('are all to be found from README.md', () => {
  const listed = readText('README.md');
  const lost = filesUnder('docs').filter((path) => /^docs\/[^/]+\.md$/.test(path) && !listed.includes(`](${path})`));
  expect(lost).toEqual([]);
});

/** As the usual renderers make them of headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** `relevo queue list` wherever it stands as code: between backticks, or at the start of a line of a code block. */
const COMMAND = /(?:`|^|-u relevo |exec relevo )(?:\.\/scripts\/)?relevo ([a-z-]+)(?: ([a-z]+))?/gm;

test('speak only of commands that there are', async () => {
  using rig = new CliRig();
  const spokenOf = [...pages, 'config/relevo.example.yaml'].flatMap((page) =>
    [...codeOf(readText(page)).matchAll(COMMAND)].map((match) => ({ page, words: [match[1] ?? '', match[2] ?? ''] })),
  );
  expect(spokenOf.length).toBeGreaterThan(30);
  for (const { page, words } of spokenOf) {
    const [first = '', second = ''] = words;
    const help = (await rig.run([first, '--help'])).stdout;
    const place = `${page}: relevo ${first} ${second}`;
    expect(help, place).toMatch(new RegExp(`^Usage: relevo ${first}\\b`));
    if (!help.includes('[command]') || second === '') continue;
    const helpOfSecond = (await rig.run([first, second, '--help'])).stdout;
    expect(helpOfSecond, place).toMatch(new RegExp(`^Usage: relevo ${first} ${second}\\b`));
  }
});

test('have every command in docs/cli.md', async () => {
  using rig = new CliRig();
  const help = (await rig.run(['--help'])).stdout;
  const commands = [...help.slice(help.indexOf('Commands:')).matchAll(/^ {2}([a-z-]+)/gm)].map(
    (match) => match[1] ?? '',
  );
  expect(commands.length).toBeGreaterThan(20);
  const rows = readText('docs/cli.md').match(/^\| `.*$/gm) ?? [];
  const untold = commands.filter((name) => name !== 'help' && !rows.some((row) => row.includes(`\`${name}`)));
  expect(untold).toEqual([]);
});

/** Only what is code: the inside of backticks and of fences. */
function codeOf(text: string): string {
  const fenced = [...text.matchAll(/^```(?:sh)?\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? '');
  const inline = text.replaceAll(/^```[\s\S]*?^```/gm, '').match(/`[^`\n]+`/g) ?? [];
  return [...fenced, ...inline].join('\n');
}
