/** A report on mail that was taken and came no further (RFC 3464), sent to its envelope sender by SMTP. */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { Endpoint } from './description.ts';
import type { TakenMail } from './session.ts';

type Late = { readonly provider: string; readonly mail: TakenMail; readonly recipient: string; readonly nowMs: number };

/** Hands the report to `via`; rejects where it is not taken. */
export async function sendLateBounce(late: Late, { host, port }: Endpoint): Promise<void> {
  const { mail, provider } = late;
  const socket = connect({ host, port });
  socket.setTimeout(30_000, () => socket.destroy(new Error('no answer for 30 s')));
  const replies = repliesOf(socket);
  const expect = async (command: string | null): Promise<void> => {
    if (command !== null) socket.write(command);
    const { value: reply = '' } = await replies.next();
    if (!/^[23]/.test(reply))
      throw new Error(`${command?.split('\r\n', 1)[0] ?? 'greeting'}: ${reply || 'connection closed'}`);
  };
  try {
    await expect(null);
    await expect(`EHLO ${provider}\r\n`);
    await expect('MAIL FROM:<>\r\n');
    await expect(`RCPT TO:<${mail.sender}>\r\n`);
    await expect('DATA\r\n');
    await expect(`${reportText(late).replaceAll('\r\n.', '\r\n..')}.\r\n`);
    socket.end('QUIT\r\n');
  } finally {
    socket.destroySoon();
  }
}

async function* repliesOf(socket: AsyncIterable<Buffer>): AsyncGenerator<string, string | undefined> {
  let text = '';
  for await (const chunk of socket) {
    text += chunk.toString('latin1');
    for (;;) {
      const reply = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(text)?.[0];
      if (reply === undefined) break;
      text = text.slice(reply.length);
      yield reply.trim();
    }
  }
  return undefined;
}

function reportText({ provider, mail, recipient, nowMs }: Late): string {
  const boundary = `report-${randomUUID()}`;
  const content = mail.content.toString('latin1');
  const end = content.indexOf('\r\n\r\n');
  const header = end === -1 ? content : content.slice(0, end);
  return [
    `From: <postmaster@${provider}>`,
    `To: <${mail.sender}>`,
    'Subject: Mail could not be delivered',
    `Date: ${new Date(nowMs).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${randomUUID()}@${provider}>`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    `The mailbox of ${recipient} was closed after your message had been taken.`,
    `--${boundary}`,
    'Content-Type: message/delivery-status',
    '',
    `Reporting-MTA: dns; ${provider}`,
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    'Action: failed',
    'Status: 5.2.1',
    'Diagnostic-Code: smtp; 550 5.2.1 mailbox disabled',
    `--${boundary}`,
    'Content-Type: text/rfc822-headers',
    '',
    header,
    `--${boundary}--`,
    '',
  ].join('\r\n');
}
