import { expect, test } from 'vitest';
import { mail, story } from '../../../tests/fakes/hostile-records.ts';
import type { SearchAsk } from '../../spool/search.ts';
import { type RecordNeeds, recordOperations } from './record-operations.ts';

const { id } = story.message;

function world({ showsSubjects = true, providerIds = {} as Record<string, string> } = {}) {
  const asked: SearchAsk[] = [];
  const spool: RecordNeeds['spool'] = {
    story: async (wanted) => (wanted === id ? story : null),
    byProviderId: async (text) => (providerIds[text] === undefined ? [] : [providerIds[text] as never]),
    search: async (ask) => {
      asked.push(ask);
      return { messages: [mail], next: null, isWhole: true };
    },
  };
  return { asked, records: recordOperations({ spool, showsSubjects: () => showsSubjects }) };
}
const page = { limit: 10, cursor: null };

test('an id of a message, of a delivery or of a provider is one look, and what else is asked must hold too', async () => {
  const { records, asked } = world({ providerIds: { 'xyz-1': id } });
  for (const text of [id, `${id}.1`, id.toLowerCase(), 'xyz-1'])
    expect((await records.search({ ...page, filter: {}, text })).messages.map((one) => one.id)).toEqual([id]);
  expect((await records.search({ ...page, filter: { client: 'nobody' }, text: id })).messages).toEqual([]);
  expect((await records.search({ ...page, filter: {}, text: '0'.repeat(26) })).messages).toEqual([]);
  expect((await records.search({ ...page, filter: {}, text: 'no-such-id' })).messages).toEqual([]);
  expect(asked).toEqual([]);
});

test('a Message-ID has no index: it is searched for, within bounds', async () => {
  const { records, asked } = world();
  await records.search({ ...page, filter: { client: 'shop' }, text: ' <a@b> ' });
  expect(asked).toEqual([{ ...page, filter: { client: 'shop', messageIdHeader: '<a@b>' } }]);
});

test('subjects are there only where the policy lets them be shown', async () => {
  const { records } = world({ showsSubjects: false });
  for (const text of [undefined, id]) {
    const ask = { ...page, filter: {}, ...(text === undefined ? {} : { text }) };
    expect((await records.search(ask)).messages.map(({ subject }) => subject)).toEqual([null]);
  }
});

test('a store that cannot search says so', async () => {
  const records = recordOperations({
    spool: { story: async () => null, byProviderId: async () => [] },
    showsSubjects: () => true,
  });
  await expect(records.search({ ...page, filter: {} })).rejects.toThrow('cannot be searched');
  await expect(records.preview({ filter: {} })).rejects.toThrow('cannot be looked at');
  expect(await records.transcripts({ id })).toEqual([]);
});
