import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dayOf, hourOf, isTimeZone, nearestTimeZones, startOfDay } from './day.ts';

const HOUR = 3_600_000;

function at(text: string): number {
  return Date.parse(text);
}

function hoursOf({ startsAtMs, endsAtMs }: { readonly startsAtMs: number; readonly endsAtMs: number }): number {
  return (endsAtMs - startsAtMs) / HOUR;
}

describe('a day', () => {
  test.each([
    { zone: 'UTC', when: '2026-11-20T23:59:59.999Z', name: '2026-11-20', from: '2026-11-20T00:00:00Z', hours: 24 },
    { zone: 'UTC', when: '2026-11-21T00:00:00.000Z', name: '2026-11-21', from: '2026-11-21T00:00:00Z', hours: 24 },
    {
      zone: 'Europe/Berlin',
      when: '2026-11-20T22:59:59.999Z',
      name: '2026-11-20',
      from: '2026-11-19T23:00:00Z',
      hours: 24,
    },
    {
      zone: 'Europe/Berlin',
      when: '2026-11-20T23:00:00.000Z',
      name: '2026-11-21',
      from: '2026-11-20T23:00:00Z',
      hours: 24,
    },
    {
      zone: 'Europe/Berlin',
      when: '2026-03-29T12:00:00Z',
      name: '2026-03-29',
      from: '2026-03-28T23:00:00Z',
      hours: 23,
    },
    {
      zone: 'Europe/Berlin',
      when: '2026-10-25T00:30:00Z',
      name: '2026-10-25',
      from: '2026-10-24T22:00:00Z',
      hours: 25,
    },
    {
      zone: 'Asia/Kathmandu',
      when: '2026-05-01T18:15:00Z',
      name: '2026-05-02',
      from: '2026-05-01T18:15:00Z',
      hours: 24,
    },
    {
      zone: 'Pacific/Kiritimati',
      when: '2026-05-01T10:00:00Z',
      name: '2026-05-02',
      from: '2026-05-01T10:00:00Z',
      hours: 24,
    },
    {
      zone: 'Australia/Lord_Howe',
      when: '2026-10-04T01:00:00Z',
      name: '2026-10-04',
      from: '2026-10-03T13:30:00Z',
      hours: 23.5,
    },
  ])('of $zone at $when is $name, $hours hours from $from', ({ zone, when, name, from, hours }) => {
    const day = dayOf(at(when), zone);
    expect({ name: day.name, from: day.startsAtMs, hours: hoursOf(day) }).toEqual({ name, from: at(from), hours });
  });

  test('begins with the first moment after a midnight that is skipped', () => {
    // Beirut goes from 23:59 to 01:00.
    expect(dayOf(at('2021-03-28T10:00:00Z'), 'Asia/Beirut')).toMatchObject({
      startsAtMs: at('2021-03-27T22:00:00Z'),
      endsAtMs: at('2021-03-28T21:00:00Z'),
    });
  });

  test('that a country skipped whole is nobody’s', () => {
    const before = dayOf(at('2011-12-30T09:59:59Z'), 'Pacific/Apia');
    expect(before.name).toBe('2011-12-29');
    expect(dayOf(before.endsAtMs, 'Pacific/Apia').name).toBe('2011-12-31');
  });

  test('is found by its name', () => {
    expect(startOfDay('2026-11-20', 'America/Mexico_City')).toBe(at('2026-11-20T06:00:00Z'));
    expect(startOfDay('2026-11-20', 'UTC')).toBe(at('2026-11-20T00:00:00Z'));
  });

  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'America/St_Johns',
    'Asia/Beirut',
    'America/Havana',
    'Africa/Cairo',
    'Pacific/Apia',
    'Asia/Tehran',
  ];
  test('has every moment in exactly one of them, none longer than 25 hours', () => {
    const moments = fc.integer({ min: at('2000-01-01T00:00:00Z'), max: at('2040-01-01T00:00:00Z') });
    fc.assert(
      fc.property(fc.constantFrom(...zones), moments, (zone, moment) => {
        const day = dayOf(moment, zone);
        expect(day.startsAtMs).toBeLessThanOrEqual(moment);
        expect(day.endsAtMs).toBeGreaterThan(moment);
        expect(hoursOf(day)).toBeGreaterThanOrEqual(22.9);
        expect(hoursOf(day)).toBeLessThanOrEqual(25.1);
        expect(dayOf(day.endsAtMs, zone).startsAtMs).toBe(day.endsAtMs);
        expect(dayOf(day.endsAtMs - 1, zone)).toEqual(day);
        expect(dayOf(day.startsAtMs, zone).name).toBe(day.name);
      }),
      { numRuns: 300 },
    );
  });
});

test('a year of days is found again at no cost, in any order', () => {
  const zone = 'America/Mexico_City';
  const noons = Array.from({ length: 400 }, (_, day) => at('2026-01-01T18:00:00Z') + day * 24 * HOUR);
  const days = noons.map((noon) => dayOf(noon, zone));
  const beganMs = performance.now();
  // Looked for anew each time, these take half a minute.
  for (let time = 0; time < 500; time++) for (const [place, noon] of noons.entries()) expectSame(noon, days[place]);
  expect(performance.now() - beganMs).toBeLessThan(5_000);

  function expectSame(noon: number, day: ReturnType<typeof dayOf> | undefined): void {
    if (dayOf(noon, zone) !== day) throw new Error(`another day than before: ${day?.name}`);
  }
});

test('an hour is one of UTC', () => {
  expect(hourOf(at('2026-11-20T12:59:59.999Z'))).toEqual({
    startsAtMs: at('2026-11-20T12:00:00Z'),
    endsAtMs: at('2026-11-20T13:00:00Z'),
  });
});

describe('a time zone', () => {
  test.each(['UTC', 'Europe/Berlin', 'europe/berlin', 'Europe/Kyiv', 'America/Argentina/Buenos_Aires'])(
    '%s is known',
    (zone) => expect(isTimeZone(zone)).toBe(true),
  );
  test.each(['', 'Berlin', 'Europe/Berln', '+02:00', 'CEST2', 'local'])('%s is not', (zone) =>
    expect(isTimeZone(zone)).toBe(false),
  );
  test.each([
    { misspelt: 'Europe/Berln', meant: 'Europe/Berlin' },
    { misspelt: 'Berlin', meant: 'Europe/Berlin' },
    { misspelt: 'Mexico City', meant: 'America/Mexico_City' },
    { misspelt: 'America/NewYork', meant: 'America/New_York' },
    { misspelt: 'utc+1', meant: 'UTC' },
  ])('$misspelt most likely means $meant', ({ misspelt, meant }) => {
    expect(nearestTimeZones(misspelt)[0]).toBe(meant);
  });
});
