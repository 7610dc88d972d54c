import type { MessageStory } from '../../spool/spool.ts';

/** A story without the subject, where the policy does not allow it to be shown (`log.subjects`). Pure. */
export function withoutSubject(story: MessageStory): MessageStory {
  const events = story.events.map((event) => (event.event === 'received' ? { ...event, subject: null } : event));
  const { headers, ...message } = story.message;
  const { subject: _, ...others } = headers ?? {};
  return {
    ...story,
    message: { ...message, subject: null, ...(headers === undefined ? {} : { headers: others }) },
    events,
  };
}
