/** What was said of mail after it had been taken, in words for people: what, by whom. Pure. */
import { bounceKindOf } from '../../message/bounce-kind.ts';
import type { CameBack } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import { formatReply } from '../../message/reply.ts';

/** `gone@example.net: unknown-user, says the webhook of sendgrid: 550 5.1.1 no such user; the sender is told by …`. */
export function cameBackText(event: CameBack): string {
  const who = event.recipients.join(' ');
  if (event.event === 'answered') return `${event.what}${toldBy(event.report)}`;
  if (event.event === 'bounced-later') {
    const { source = 'mail', host, reply, report } = event;
    return `${who}: ${bounceKindOf(reply)}, says ${sourceText(source, host)}: ${formatReply(reply)}${toldBy(report)}`;
  }
  const { source, detail } = event;
  const of = event.event === 'complained' ? complaintText(detail) : WORDS[event.event];
  const by = source === 'one-click' ? 'by one click' : `says ${sourceText(source, null)}`;
  return `${who} ${of}, ${by}${detail === '' ? '' : `: ${detail}`}`;
}

const WORDS = {
  confirmed: 'has it: their server took it',
  'put-off': 'does not have it yet: the provider goes on trying',
  unsubscribed: 'unsubscribed',
  opened: 'opened it',
  clicked: 'clicked a link',
} as const;

/** RFC 5965 §7.3: the type comes first, whoever tells it. */
function complaintText(detail: string): string {
  switch (detail.toLowerCase().replace(/[^a-z-].*$/s, '')) {
    case 'fraud':
      return 'called it fraud';
    case 'virus':
      return 'reported a virus in it';
    case 'auth-failure':
      return 'reported that it did not prove who sent it';
    default:
      return 'called it junk';
  }
}

/** `mail`: a report that came to the return path. */
function sourceText(source: string, host: string | null): string {
  const [, hook] = /^hook:(.*)$/s.exec(source) ?? [];
  if (hook !== undefined) return `the webhook of ${hook}${host === null ? '' : ` (${host})`}`;
  if (source === 'mail') return host === null ? 'a report by mail' : `${host} by mail`;
  return source === 'report' ? 'a complaint report' : source;
}

function toldBy(report: MessageId | null): string {
  return report === null ? '' : `; the sender is told by ${report}`;
}
