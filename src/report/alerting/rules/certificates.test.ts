import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../../tests/fakes/clock.ts';
import { makeSelfSignedCertificate } from '../../../sign/certificate.ts';
import type { Event } from '../../../message/event.ts';
import { watchCertificates } from './certificates.ts';

const DAY = 86_400_000;

test('a certificate that is about to end is told at 14, 7 and 1 days, and no more once there is another', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'relevo-cert-')), 'relay.crt');
  const madeMs = Date.UTC(2026, 0, 1);
  const make = async (nowMs: number) => (await makeSelfSignedCertificate({ hostname: 'relay.test', nowMs })).certPem;
  const cert = await make(madeMs);
  writeFileSync(path, cert);
  const endsMs = new X509Certificate(cert).validToDate.getTime();
  const clock = new FakeClock(endsMs - 15 * DAY);
  const told: string[] = [];
  const emit = (event: Event): void => {
    if (event.event === 'alert') told.push(`${event.name} ${event.raised} ${event.severity ?? ''}`);
  };
  const files = () => [
    { what: 'smtp', path },
    { what: 'http', path: `${path}.none` },
  ];
  await using _ = watchCertificates({ files, clock, emit });
  const until = (count: number) =>
    clock.advanceUntil(() => told.length >= count, { stepMs: 3_600_000, withinMs: 20 * DAY });
  await until(1);
  expect(told).toEqual(['certificate-ends:smtp true info']);
  await until(2);
  await until(3);
  expect(told.slice(1)).toEqual(['certificate-ends:smtp true warning', 'certificate-ends:smtp true critical']);
  writeFileSync(path, await make(clock.nowMs()));
  await until(4);
  expect(told.at(-1)).toBe('certificate-ends:smtp false ');
});
