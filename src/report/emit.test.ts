import { expect, test } from 'vitest';
import type { Event } from '../message/event.ts';
import { createEmit } from './emit.ts';

const started: Event = { event: 'started', atMs: 1, text: 'here' };

test('every sink gets every event, in the order of the sinks', () => {
  const got: string[] = [];
  const emit = createEmit([(event) => got.push(`a ${event.event}`), (event) => got.push(`b ${event.event}`)]);
  emit(started);
  emit({ ...started, event: 'stopped' });
  expect(got).toEqual(['a started', 'b started', 'a stopped', 'b stopped']);
});

test('an event that a sink emits waits until every sink has had the present one', () => {
  const got: string[] = [];
  const emit = createEmit([
    (event) => {
      if (event.event === 'started') emit({ event: 'alert', atMs: 2, name: 'x', text: '', raised: true });
    },
    (event) => got.push(event.event),
  ]);
  emit(started);
  expect(got).toEqual(['started', 'alert']);
});

test('a sink that throws harms neither the caller nor the other sinks, which are told once', () => {
  const got: Event[] = [];
  const emit = createEmit([
    () => {
      throw new Error('disk on fire');
    },
    (event) => got.push(event),
  ]);
  emit(started);
  emit(started);
  expect(got.map((event) => event.event)).toEqual(['started', 'failed', 'started']);
  expect(got[1]).toMatchObject({ where: 'report', cause: expect.stringContaining('disk on fire') });
});
