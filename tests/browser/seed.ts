/** The mail that is there when a browser looks, some of it with words that try to be markup. */
import type { AddressInfo } from 'node:net';
import { createTransport } from 'nodemailer';
import { SMTPServer } from 'smtp-server';

const MARKUP = {
  subject: '<script>window.hostile="subject"</script><img src=x onerror=\'window.hostile="subject"\'>',
  reply: '<img src=x onerror=window.hostile="reply"> "&lt;b&gt;" <script>window.hostile="reply"</script>',
  refusal: '<img src=x onerror=window.hostile="reply"> "&lt;b&gt;" <script>window.hostile="reply"</script>',
  address: '"<svg/onload=window.hostile=1>"@dest.test',
  tag: 'x"><i>tag',
};

/** For pictures in the documentation, which are to show what one sees every day. */
const EVERYDAY: typeof MARKUP = {
  subject: 'News of November',
  reply: '4.2.0 Greylisted, please try again later',
  refusal: '5.1.1 No such user here',
  address: 'eve@dest.test',
  tag: 'november',
};

/** Shown as they are, and nothing else: run, they set `window.hostile`. */
export const HOSTILE = process.env['RELEVO_SCREENSHOTS'] === undefined ? MARKUP : EVERYDAY;

/** From the beginning; `hostile` is the sender's own. */
export const SEEDED = {
  sender: 'news@sender.test',
  delivered: 'ann@dest.test',
  refused: 'bob@refused.test',
  later: 'cid@later.test',
  held: 'dan@held.test',
  hostile: HOSTILE.address,
} as const;

export type Mail = { readonly to: string; readonly subject?: string; readonly tag?: string };

/** A message as a destination has it. */
export type Taken = { readonly to: readonly string[]; readonly content: string };

/** Where mail of the rig ends. By domain: `refused.test` 550, `later.test`, `held.test` and those below them 451, all else is taken. */
export async function startDestinations(): Promise<
  AsyncDisposable & { readonly port: number; taken(): readonly Taken[] }
> {
  const taken: Taken[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onRcptTo: ({ address }, _, answer) => answer(refusalOf(address)),
    onData: (stream, { envelope }, answer) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const content = Buffer.concat(chunks).toString('latin1');
        taken.push({ to: envelope.rcptTo.map(({ address }) => address), content });
        answer();
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return { port, taken: () => taken, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(resolve)) };
}

function refusalOf(address: string): (Error & { responseCode?: number }) | null {
  if (address.endsWith('@refused.test')) return Object.assign(new Error(HOSTILE.refusal), { responseCode: 550 });
  if (!/[@.](?:later|held)\.test$/.test(address)) return null;
  return Object.assign(new Error(HOSTILE.reply), { responseCode: 451 });
}

/** By SMTP, as a client does. */
export async function sendMail(port: number, mails: readonly Mail[]): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port, secure: false, ignoreTLS: true, pool: true });
  try {
    for (const { to, subject = 'Hello', tag } of mails)
      await transport.sendMail({
        envelope: { from: SEEDED.sender, to: [to] },
        raw: [
          `From: News <${SEEDED.sender}>`,
          `To: ${to}`,
          `Subject: ${subject}`,
          ...(tag === undefined ? [] : [`X-Relevo-Tag: ${tag}`]),
          '',
          'Hello.',
          '',
        ].join('\r\n'),
      });
  } finally {
    transport.close();
  }
}

export const SEEDS: readonly Mail[] = [
  { to: SEEDED.delivered, subject: 'Your order' },
  { to: SEEDED.delivered, subject: HOSTILE.subject },
  { to: SEEDED.hostile, subject: HOSTILE.subject },
  { to: SEEDED.refused, subject: HOSTILE.subject },
  { to: SEEDED.later, subject: HOSTILE.subject },
  { to: SEEDED.held, subject: 'To be looked at' },
];
