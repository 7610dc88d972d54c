/** Complaint reports as providers write them, about mail whose header they enclose. */

export type ComplaintOptions = {
  /** Fields of the enclosed original, each a line. */
  readonly original: readonly string[];
  readonly type?: string;
  /** More fields of the report part. */
  readonly fields?: readonly string[];
};

/** RFC 5965 Appendix B. */
export function complaintOf({ original, type = 'abuse', fields = [] }: ComplaintOptions): Buffer {
  return lines(
    'From: <feedback@mailbox.test>',
    'Subject: FW: your booking',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary="arf"',
    '',
    '--arf',
    'Content-Type: text/plain',
    '',
    'This is an abuse report.',
    '--arf',
    'Content-Type: message/feedback-report',
    '',
    `Feedback-Type: ${type}`,
    'User-Agent: MailboxLoop/1.0',
    'Version: 1',
    ...fields,
    '',
    '--arf',
    'Content-Type: message/rfc822',
    'Content-Disposition: inline',
    '',
    ...original,
    '',
    'hello',
    '--arf--',
  );
}

/** Microsoft's programme (JMRP) before it used RFC 5965: the message as an attachment, its recipient in a field of theirs. */
export function microsoftComplaint(original: readonly string[], recipient: string): Buffer {
  return lines(
    'From: staff@hotmail.test',
    'Subject: complaint about message from 192.0.2.1',
    'Content-Type: multipart/mixed; boundary="ms"',
    '',
    '--ms',
    'Content-Type: message/rfc822',
    '',
    `X-HmXmrOriginalRecipient: <${recipient}>`,
    ...original,
    '',
    'hello',
    '--ms--',
  );
}

function lines(...text: readonly string[]): Buffer {
  return Buffer.from(text.map((line) => `${line}\r\n`).join(''), 'latin1');
}
