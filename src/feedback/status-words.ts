/** What a status says, for people who have never heard of SMTP, and what they can do. By RFC 3463 subject and detail. */
type Words = { readonly happened: string; readonly advice: string };

const BY_DETAIL: Readonly<Record<string, Words>> = {
  '1.1': {
    happened: 'There is no such mailbox at that domain.',
    advice: 'Check the address for a typing mistake, or ask the recipient for the right one.',
  },
  '1.2': {
    happened: 'The domain does not exist, or has no mail server.',
    advice: 'Check the part after the @ for a typing mistake.',
  },
  '1.3': { happened: 'The server does not understand the address.', advice: 'Check the address.' },
  '1.6': {
    happened: 'The mailbox has moved, and no new address is known.',
    advice: 'Ask the recipient for the new one.',
  },
  '1.10': { happened: 'The domain says that it takes no mail.', advice: 'Check the part after the @.' },
  '2.1': { happened: 'The mailbox is disabled.', advice: 'Reach the recipient in another way.' },
  '2.2': { happened: 'The mailbox is full.', advice: 'Send the message again later.' },
  '2.3': {
    happened: 'The message is too large for that mailbox.',
    advice: 'Send it without attachments, or in parts.',
  },
  '3.4': { happened: 'The message is too large for that server.', advice: 'Send it without attachments, or in parts.' },
  '4.1': {
    happened: 'The server of the recipient does not answer.',
    advice: 'Send the message again later, or tell the recipient that mail does not arrive.',
  },
  '4.4': {
    happened: 'No way to the server of the recipient was found.',
    advice: 'Check the part after the @, or send the message again later.',
  },
  '4.6': {
    happened: 'The mail servers of that domain pass mail round in a circle.',
    advice: 'Tell the postmaster of that domain.',
  },
  '4.7': {
    happened: 'The server of the recipient did not take the message in the time that the relay keeps trying.',
    advice: 'Send the message again later, or tell the recipient that mail does not arrive.',
  },
  '6.7': {
    happened: 'The server of the recipient cannot take international addresses.',
    advice: 'Use an address of plain letters, for sender and recipient.',
  },
};

const BY_SUBJECT: Readonly<Record<string, Words>> = {
  '1': { happened: 'The address was not accepted.', advice: 'Check the address.' },
  '2': { happened: 'The mailbox cannot take the message.', advice: 'Reach the recipient in another way.' },
  '3': { happened: 'The server of the recipient cannot take the message.', advice: 'Send it again later.' },
  '4': { happened: 'The server of the recipient could not be reached.', advice: 'Send the message again later.' },
  '6': {
    happened: 'The server of the recipient does not take messages of this form.',
    advice: 'Send it in a simpler form, for example as plain text.',
  },
  '7': {
    happened: 'The server of the recipient refused the message by its rules, often because it takes it for spam.',
    advice: 'Show its answer to the postmaster of your own domain, or to the recipient.',
  },
};

const UNKNOWN: Words = {
  happened: 'The server of the recipient did not take the message.',
  advice: 'Its answer above may say why; the postmaster of your own domain can help.',
};

/** @param status such as `5.1.1` */
export function wordsFor(status: string): Words {
  const detail = status.slice(2);
  return BY_DETAIL[detail] ?? BY_SUBJECT[detail.split('.')[0] ?? ''] ?? UNKNOWN;
}
