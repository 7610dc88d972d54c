import type { Wishes } from './mail.ts';

/** They travel as the fields that clients of SMTP write; they never leave the relay. */
export function wishFields({ stream, priority, tag, sendAt, expires }: Wishes): Buffer {
  const fields = [
    ['Stream', stream],
    ['Priority', priority],
    ['Tag', tag],
    ['Send-At', sendAt],
    ['Expires', expires],
  ].flatMap(([name, value]) => (value === null ? [] : [`X-Relevo-${name}: ${value}\r\n`]));
  return Buffer.from(fields.join(''));
}
