/** The API of a running relay: what it reads, whom it lets in, and how often somebody may fail. */
import { accessKeysKey } from './access-keys.ts';
import type { ExitOperations } from './operations/exit-operations.ts';
import { plainMessage } from './operations/message-json.ts';
import { suppressOperations } from './operations/suppress-operations.ts';
import { withoutSubject } from './operations/without-subject.ts';
import { type TokenOperations, tokenOperations } from './operations/token-operations.ts';
import { type Api, createApi } from './http/api.ts';
import { suppressionsPlace } from './http/suppressions.ts';
import { TokenBook } from './http/token-book.ts';
import { addressKey } from './ingress/address-key.ts';
import { SignInLimits } from './ingress/sign-in-limits.ts';
import { messageIdOf, parseDeliveryId, parseMessageId } from './message/ids.ts';
import type { Policy } from './policy/schema.ts';
import type { Emit, Ports } from './ports.ts';
import type { Marks } from './spool/marks.ts';
import type { MessageStory, Spool } from './spool/spool.ts';
import type { Suppressions } from './spool/suppressions.ts';

export type AccessNeeds = {
  readonly policy: () => Policy;
  readonly ports: Pick<Ports, 'clock' | 'random'>;
  readonly marks: Marks;
  readonly emit: Emit;
  readonly exits: Pick<ExitOperations, 'stats' | 'exits'>;
  readonly spool: Pick<Spool, 'story' | 'byProviderId'> & { readonly suppressions: Suppressions };
};

export type Access = { readonly api: Api; readonly tokens: TokenOperations };

/** Those who fail are limited by `limits.loginAttempts`, as those of SMTP are, and are counted apart from them. */
export function openAccess({ policy, ports, marks, emit, exits, spool }: AccessNeeds): Access {
  const { clock, random } = ports;
  const book = new TokenBook({ marks, clock });
  const limit = () => policy().limits.loginAttempts;
  const failures = new SignInLimits(limit);
  const api = createApi({
    clock,
    emit,
    check: (hash) => book.check(hash),
    attempts: {
      isBarred: (peer) => failures.isBarred(addressKey(peer), clock.monotonicMs()),
      failed: (peer) => failures.failed(addressKey(peer), clock.monotonicMs()),
      barredSeconds: () => Math.ceil(limit().windowMs / 1_000),
    },
    stats: () => exits.stats(),
    egress: async () => ({ exits: await exits.exits() }),
    message: async (text) => {
      const story = await storyOf(spool, text);
      if (story === null) return null;
      return plainMessage(policy().log.subjects ? story : withoutSubject(story));
    },
    suppressions: suppressionsPlace({ operations: suppressOperations(spool.suppressions), clock }),
  });
  const makingKey = () => accessKeysKey(policy().http.accessKeys, random);
  const changed = (): void => book.forget();
  return { api, tokens: tokenOperations({ marks, clock, random, changed, accessKeysKey: makingKey }) };
}

/** By an id of a message or a delivery, or by what a provider calls it: the newest of those. */
async function storyOf(spool: AccessNeeds['spool'], text: string): Promise<MessageStory | null> {
  const deliveryId = parseDeliveryId(text);
  const id = deliveryId === null ? parseMessageId(text) : messageIdOf(deliveryId);
  const [found] = id === null ? await spool.byProviderId(text) : [id];
  return found === undefined ? null : spool.story(found);
}
