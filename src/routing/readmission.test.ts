import { expect, test } from 'vitest';
import { CLIENTS, EXITS, passed, policyWith, START_MS } from '../../tests/fakes/passed-mail.ts';
import { OWN_CLIENT } from '../message/message.ts';
import { readmitted } from './readmission.ts';

const STREAMS = {
  transactional: { priority: 'high' as const },
  marketing: { priority: 'low' as const, bulk: true },
  alerts: { priority: 'normal' as const },
};
const inForce = policyWith({ egress: EXITS, clients: CLIENTS, streams: STREAMS });

function under(candidate: Parameters<typeof policyWith>[0], given: Parameters<typeof passed>[1] = {}) {
  const policy = policyWith({ egress: EXITS, streams: STREAMS, ...candidate });
  return readmitted(passed(START_MS, given), { inForce, candidate: policy });
}

test('what a message had without a word follows the candidate', () => {
  const clients = { shop: { ...CLIENTS.shop, stream: 'alerts' } };
  expect(under({ clients })).toEqual({ kind: 'taken', stream: 'alerts', priority: 'normal' });
  expect(under({ streams: { ...STREAMS, transactional: { priority: 'low' } } })).toMatchObject({ priority: 'low' });
});

test('its own word is kept, as far as its client may go', () => {
  const alerts = { stream: 'alerts', priority: 'high' } as const;
  const clients = { shop: { ...CLIENTS.shop, stream: 'marketing' } };
  expect(under({ clients }, alerts)).toEqual({ kind: 'taken', stream: 'alerts', priority: 'high' });
  const narrow = { shop: { ...CLIENTS.shop, maxPriority: 'normal' as const } };
  expect(under({ clients: narrow }, alerts)).toMatchObject({ stream: 'alerts', priority: 'normal' });
});

test('bulk mail goes where the candidate has bulk mail go', () => {
  const bulk = { stream: 'marketing', priority: 'low' } as const;
  expect(under({}, bulk)).toEqual({ kind: 'taken', stream: 'marketing', priority: 'low' });
  const streams = {
    ...STREAMS,
    marketing: { priority: 'low' as const, bulk: false },
    alerts: { ...STREAMS.alerts, bulk: true },
  };
  expect(under({ streams }, bulk)).toEqual({ kind: 'taken', stream: 'alerts', priority: 'normal' });
});

test('a stream that the candidate does not know is as none', () => {
  const { transactional, marketing } = STREAMS;
  expect(under({ streams: { transactional, marketing } }, { stream: 'alerts' })).toMatchObject({
    stream: 'transactional',
  });
});

test('it is refused as it would be taken in', () => {
  expect(under({ clients: {} })).toEqual({ kind: 'refused', reason: 'there is no client shop' });
  expect(under({ clients: { shop: { ...CLIENTS.shop, senders: ['*@other.example'] } } })).toEqual({
    kind: 'refused',
    reason: 'shop may not send as shop@example.com',
  });
  expect(under({ limits: { messageSize: '1KB' } })).toEqual({ kind: 'refused', reason: 'larger than 1024 bytes' });
  expect(under({}, { sender: '' })).toMatchObject({ kind: 'taken' });
});

test('mail of the relay itself is taken as it was', () => {
  const own = { client: OWN_CLIENT, stream: 'transactional', priority: 'low', sender: '' } as const;
  expect(under({ clients: {} }, own)).toEqual({ kind: 'taken', stream: 'transactional', priority: 'low' });
});
