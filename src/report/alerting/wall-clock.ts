/** What a clock on the wall of a time zone shows. Pure. */

/** `minute`: since midnight. `weekday`: 0 is Monday. `text`: `2026-11-22 07:00`. */
export type WallClock = { readonly minute: number; readonly weekday: number; readonly text: string };

const formats = new Map<string, Intl.DateTimeFormat>();

/** @param zone a known one */
export function wallClockOf(atMs: number, zone: string): WallClock {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '00';
  const date = `${part('year')}-${part('month')}-${part('day')}`;
  // 1970-01-01 was a Thursday.
  const weekday = (Math.floor(Date.parse(`${date}T00:00:00Z`) / 86_400_000) + 3) % 7;
  return {
    minute: Number(part('hour')) * 60 + Number(part('minute')),
    weekday: (weekday + 7) % 7,
    text: `${date} ${part('hour')}:${part('minute')}`,
  };
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  formats.set(zone, made);
  return made;
}
