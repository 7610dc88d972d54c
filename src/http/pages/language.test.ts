import { expect, test } from 'vitest';
import { languageOf, ownPlace } from './language.ts';

test.each([
  [{}, 'en'],
  [{ 'accept-language': 'es-MX,es;q=0.9,en;q=0.8' }, 'es'],
  [{ 'accept-language': 'de, en;q=0.5, es;q=0.7' }, 'es'],
  [{ 'accept-language': 'es;q=0, en;q=0.1' }, 'en'],
  [{ 'accept-language': 'ES' }, 'es'],
  [{ 'accept-language': ';;q=x,,' }, 'en'],
  [{ 'accept-language': 'en', cookie: 'a=b; relevo-language=es' }, 'es'],
  [{ 'accept-language': 'es', cookie: 'relevo-language=xx' }, 'es'],
])('with %j a page is in %s', (headers, language) => {
  expect(languageOf(headers)).toBe(language);
});

test.each([
  ['/queue?domain=a%20b', '/queue?domain=a%20b'],
  ['//elsewhere.test/', '/'],
  ['/\\elsewhere.test', '/'],
  ['https://elsewhere.test', '/'],
  ['/a\r\nx: y', '/'],
  [null, '/'],
])('after a choice %j leads to %s', (next, place) => {
  expect(ownPlace(next)).toBe(place);
});
