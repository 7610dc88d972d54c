import { html } from 'hono/html';
import { expect, test } from 'vitest';
import { regionsOf } from './regions.ts';

test('a region is its element, whole, with elements of its kind within', () => {
  const page =
    '<div><div data-live="a" id="x"><div>1</div><br><img src="i"><div>2</div></div><p data-live="b">3</p></div>';
  expect([...regionsOf(page)]).toEqual([
    ['a', '<div data-live="a" id="x"><div>1</div><br><img src="i"><div>2</div></div>'],
    ['b', '<p data-live="b">3</p>'],
  ]);
});

test('of a region in a region only the outer is there', () => {
  expect([...regionsOf('<div data-live="a"><p data-live="b">x</p></div>').keys()]).toEqual(['a']);
});

test('what mail says ends none and begins none', async () => {
  const hostile = '</div><div data-live="evil">" data-live="evil2" >';
  const page = String(await html`<div data-live="a" title="${hostile}">${hostile}</div>`);
  expect([...regionsOf(page)]).toEqual([['a', page]]);
});

test('an element without an end is no region', () => {
  expect(regionsOf('<input data-live="a"><div data-live="b">').size).toBe(0);
});
