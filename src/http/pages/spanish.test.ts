import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { ALERT_KIND_NAMES, ALERT_KINDS } from '../../message/alert-kind.ts';
import { overQuotaText } from '../../message/over-quota.ts';
import { adviceFrom } from '../../routing/advice.ts';
import type { Html } from '../page.ts';
import { said, saidTodo, spanish } from './spanish.ts';
import { ALERT_SENTENCES } from './spanish-alerts.ts';
import { REASON_SENTENCES } from './spanish-reasons.ts';

const SENTENCES = [...ALERT_SENTENCES, ...REASON_SENTENCES];
const SOURCES = resolve(import.meta.dirname, '../..');

/** All code that is not about pages, with what templates and strings hold side by side. */
function code(): string {
  const names = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' });
  const ours = names.filter((name) => name.endsWith('.ts') && !/\.test\.ts$|http\/pages/.test(name));
  return ours
    .map((name) => readFileSync(join(SOURCES, name), 'utf8'))
    .join('\n')
    .replaceAll("\\'", "'")
    .replaceAll('\\`', '`');
}

test('every sentence is one that the relay says: whoever changes it there changes it here', () => {
  const wordsOf = (text: string): string => text.replaceAll(/[^\p{L}\p{N}%]+/gu, ' ').trim();
  const all = wordsOf(code());
  const gone = SENTENCES.flatMap(([english]) => {
    const pieces = english.split(/\{\w+\*?\}/).map(wordsOf);
    // Two words each: what is made of several templates is cut where they meet.
    const pairs = pieces.flatMap((piece) => {
      const words = piece.split(' ');
      return words.slice(1).map((word, at) => `${words[at]} ${word}`);
    });
    const there = pairs.filter((pair) => all.includes(pair));
    return pairs.length > 0 && there.length < 0.7 * pairs.length ? [english] : [];
  });
  expect(gone).toEqual([]);
});

test('a translation has all that differs, and no more', () => {
  const names = (text: string): string[] => [...text.matchAll(/\{\w+\*?\}/g)].map(([name]) => name).toSorted();
  for (const [english, words] of SENTENCES) expect([english, names(words)]).toEqual([english, names(english)]);
  expect(new Set(SENTENCES.map(([english]) => english)).size).toBe(SENTENCES.length);
});

test('what somebody wrote into a sentence stays as it is, however it reads', () => {
  const text =
    'one is paused by an operator ($& is down: {reason} (x): `y`): no new mail goes out by it until `relevo egress resume one`';
  expect(spanish(text)).toBe(
    'one está en pausa por un operador ($& is down: {reason} (x): `y`): no sale correo nuevo por ella hasta `relevo egress resume one`',
  );
  expect(spanish('a reply of a server')).toBeNull();
});

test('sentences within sentences, and several in a row, are all translated', () => {
  expect(
    spanish(
      'shop: 12 recipients in this hour, where 1 are usual and 2 were the most in weeks. Its bulk mail is held, all other mail of it goes on. relevo client release shop lets it go',
    ),
  ).toBe(
    'shop: 12 destinatarios en esta hora, donde lo habitual son 1 y el máximo en semanas fueron 2. Su correo masivo está retenido, el resto de su correo sigue. relevo client release shop lo deja salir',
  );
  expect(spanish('one is down: 2 checks failed: 421 busy; try again, looked at again in 30 s')).toContain(
    'fallaron 2 comprobaciones: 421 busy',
  );
  expect(spanish('waits for its next try, in 30 s; what a server said')).toBe(
    'espera su próximo intento, en 30 s; what a server said',
  );
});

test('mail that waits for the quota of its client says so', () => {
  expect(spanish(`held: ${overQuotaText('5/m')}; \`relevo queue release X\` lets it go`)).toBe(
    'retenido: supera la cuota de 5/m: sale por sí solo, en su turno, en cuanto haya sitio; `relevo queue release X` lo libera',
  );
});

test('advice as it is made from figures has its translation', () => {
  const exits = [{ egress: 'a', score: 12, gates: ['down'], warmup: { day: 2, days: 30 } }] as const;
  const small = { name: 'small', perDay: 1_000, usdPerMonth: 25 };
  const big = { name: 'big', perDay: 5_000, usdPerMonth: null };
  const budgets = [
    { egress: 'a', currency: 'USD', amount: 90, used: 80, forecast: 120, usedUpAtMs: 1_795_000_000_000 },
  ];
  const figures = { exits, slowBelow: 60, todayLimit: 100, todayUsed: 90, budgets, presets: [small, big] };
  const texts = [
    ...adviceFrom({ ...figures, preset: small, days: [900, 900, 900, 10, 10, 10, 10] }),
    ...adviceFrom({ ...figures, preset: big, days: [1, 2, 3, 4, 5, 6, 7] }),
  ].map(({ text }) => text);
  expect(texts.length).toBeGreaterThan(8);
  for (const text of texts) expect([text, spanish(text)]).not.toEqual([text, null]);
  expect(texts.map((text) => spanish(text)).join('\n')).not.toMatch(/ messages | servers? |budget of|reputation/);
});

const shown = async (part: Html): Promise<string> => (await part).toString();

test('what is to be done is told of every kind, with commands as such; what is not known is marked as English', async () => {
  for (const name of ALERT_KIND_NAMES) {
    const { todo } = ALERT_KINDS[name];
    expect(await shown(saidTodo({ name: `${name}:x`, todo }, 'es'))).not.toContain('lang="en"');
  }
  expect(await shown(saidTodo({ name: 'no-exit', todo: '`relevo egress list` <b>' }, 'en'))).toBe(
    '<code>relevo egress list</code> &lt;b&gt;',
  );
  expect(await shown(said('<i>anything</i> else', 'es'))).toBe(
    '<span lang="en">&lt;i&gt;anything&lt;/i&gt; else</span>',
  );
  expect(await shown(said('<i>anything</i> else', 'en'))).toBe('&lt;i&gt;anything&lt;/i&gt; else');
});
