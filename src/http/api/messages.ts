/** One message: its story, and why it is where it is. */
import { z } from 'zod';
import { messageIdOf, parseDeliveryId, parseMessageId } from '../../message/ids.ts';
import { plainMessage } from '../../operations/mail/message-json.ts';
import { withoutSubject } from '../../operations/mail/without-subject.ts';
import type { MessageStory } from '../../spool/spool.ts';
import { problem } from '../answer.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiReply, type ApiRoute, defineRoute } from '../route.ts';

type MessageNeeds = Pick<RouteNeeds, 'operations' | 'policy' | 'spool'>;

/** The longest name that is looked up; providers' ids are shorter. */
const LONGEST_NAME = 1_000;

export function messageRoutes(needs: MessageNeeds): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/messages/{id}',
      scope: 'read',
      part: 'messages',
      summary:
        'One message by its id, that of a delivery, or what a provider calls it: its story, and where each recipient is',
      answer: z.looseObject({ message: z.looseObject({}), recipients: z.array(z.looseObject({})) }),
      run: async ({ params }) => {
        const story = await storyOf(needs, params['id'] ?? '');
        if (story === null) return notKnown();
        return { kind: 'json', value: plainMessage(needs.policy().log.subjects ? story : withoutSubject(story)) };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/api/v1/messages/{id}/explain',
      scope: 'read',
      part: 'messages',
      summary: 'Why what is queued of it is not sent yet, and when it will be: `relevo explain ID --json`',
      answer: z.object({ deliveries: z.array(z.looseObject({})) }),
      run: async ({ params }) => {
        const text = params['id'] ?? '';
        const id = parseDeliveryId(text) ?? (await messageIn(needs, text));
        const deliveries = id === null ? null : await needs.operations.explain({ id });
        return deliveries === null ? notKnown() : { kind: 'json', value: { deliveries } };
      },
    }),
  ];
}

function notKnown(): ApiReply {
  const answer = problem(404, 'no such message is known: never accepted, or older than the history');
  return { kind: 'answer', answer };
}

async function storyOf(needs: MessageNeeds, text: string): Promise<MessageStory | null> {
  const found = await messageIn(needs, text);
  return found === null ? null : needs.spool.story(found);
}

/** By an id of a message or a delivery, or by what a provider calls it: the newest of those. */
async function messageIn({ spool }: Pick<MessageNeeds, 'spool'>, text: string) {
  if (text.length > LONGEST_NAME) return null;
  const deliveryId = parseDeliveryId(text);
  const id = deliveryId === null ? parseMessageId(text) : messageIdOf(deliveryId);
  return id ?? (await spool.byProviderId(text))[0] ?? null;
}
