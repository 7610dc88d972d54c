/** Who may send, and on which terms: `listen`, `tls`, `limits`, `clients`, `domains`, `streams`. */
import { z } from 'zod';
import { clientGuard } from './guard.ts';
import { isPasswordHash } from '../password.ts';
import {
  domainName,
  duration,
  ipAddress,
  name,
  network,
  port,
  positive,
  priority,
  rate,
  SECRET,
  senderGlob,
  size,
} from './values.ts';

const listener = z
  .strictObject({
    port: port.meta({ description: 'TCP port.' }),
    address: ipAddress.nullable().prefault(null).meta({ description: 'Local address; null: every one.' }),
    tls: z.enum(['starttls', 'implicit', 'opportunistic', 'none']).prefault('starttls').meta({
      description:
        'starttls: offered, and needed for AUTH. implicit: TLS from the first byte. opportunistic: offered. none: clear text only.',
    }),
    auth: z.enum(['required', 'none']).prefault('required').meta({
      description:
        'required: AUTH, or a network of a client. none: only networks of clients (and return-path domains); AUTH is not offered.',
    }),
    bareNewline: z.enum(['normalize', 'reject']).optional().meta({
      description:
        'A CR or LF that is not part of CR LF. Default: normalize where AUTH is required, reject elsewhere. Never forwarded as it is.',
    }),
  })
  .transform((listener) => ({
    ...listener,
    bareNewline: listener.bareNewline ?? (listener.auth === 'required' ? ('normalize' as const) : ('reject' as const)),
  }));

export const listen = z
  .array(listener)
  .min(1, 'expected at least one listener')
  .prefault([
    { port: 587, tls: 'starttls', auth: 'required' },
    { port: 465, tls: 'implicit', auth: 'required' },
    { port: 25, tls: 'opportunistic', auth: 'none' },
  ])
  .meta({ description: 'Where SMTP is spoken.' });

export const tls = z
  .strictObject({
    cert: z.string().prefault('../certs/relay.crt').meta({ description: 'PEM chain; read again when it changes.' }),
    key: z.string().prefault('../certs/relay.key').meta({ description: 'PEM private key.' }),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).prefault('TLSv1.2').meta({ description: 'The oldest that is spoken.' }),
    ciphers: z
      .string()
      .nullable()
      .prefault(null)
      .meta({ description: 'An OpenSSL list; null: the runtime’s default.' }),
  })
  .prefault({})
  .meta({ description: 'The certificate of the listeners. A self-signed pair is made if there is none.' });

export const limits = z
  .strictObject({
    messageSize: size.prefault('25MB').meta({ description: 'Of one message; advertised as SIZE.' }),
    memory: size
      .prefault('128MB')
      .meta({ description: 'Content of all messages being received at once; beyond it clients get 452.' }),
    recipients: positive.prefault(1000).meta({ description: 'Per message; beyond it 452 4.5.3.' }),
    connections: positive.prefault(1000).meta({ description: 'At once; beyond it 421.' }),
    perAddress: positive.prefault(50).meta({ description: 'Connections at once from one address (one /64 of IPv6).' }),
    loginAttempts: rate
      .prefault('5/10m')
      .meta({ description: 'Failed sign-ins per address and per user; then 421 for that long.' }),
    deny: z.array(network).prefault([]).meta({ description: 'Networks turned away at connect.' }),
    lineLength: positive.min(998, 'expected a number from 998').prefault(998).meta({
      description:
        'Octets in one line of a message without CR LF (RFC 5322 §2.1.1). Longer lines are refused; raise it for applications that send such lines.',
    }),
    headerSize: size.prefault('256KB').meta({ description: 'Of the header block.' }),
    receivedFields: positive
      .prefault(50)
      .meta({ description: 'More Received fields than this is a loop (RFC 5321 §6.3).' }),
    commandTime: duration.prefault('5m').meta({
      description: 'For one whole command line, from its first byte or the last reply (RFC 5321 §4.5.3.2.7).',
    }),
    dataRate: positive.prefault(500).meta({ description: 'Least bytes a second over a whole message.' }),
    futureRelease: duration.prefault('30d').meta({
      description:
        'How far ahead mail may be scheduled (FUTURERELEASE, X-Relevo-Send-At); advertised. 0s: mail is not scheduled.',
    }),
    deliverBy: z
      .enum(['strict', 'handover'])
      .prefault('strict')
      .meta({
        description:
          'Mail that is to be returned when late (DELIVERBY, mode R). strict: goes only to servers that promise the same, ' +
          'else it is returned, as RFC 2852 says. handover: a server without DELIVERBY may have it while there is time left.',
      }),
  })
  .prefault({})
  .transform(({ messageSize, memory, headerSize, commandTime, dataRate, futureRelease, ...rest }) => ({
    ...rest,
    messageSizeBytes: messageSize,
    memoryBytes: memory,
    headerSizeBytes: headerSize,
    commandTimeMs: commandTime,
    dataRateBytesPerS: dataRate,
    futureReleaseMs: futureRelease,
  }))
  .meta({ description: 'What one client, address or message may take of the relay.' });

const client = z
  .strictObject({
    password: z
      .string()
      .refine(isPasswordHash, 'expected a hash made by `relevo client add`; clear text is refused')
      .optional()
      .meta({ description: 'PHC string, `$scrypt$ln=15,r=8,p=1$SALT$HASH`; made by `relevo client add`.', ...SECRET }),
    networks: z
      .array(network)
      .prefault([])
      .meta({
        description:
          'No AUTH needed from here. XCLIENT and XFORWARD are believed: a host in here may pass for another address, and, ' +
          'where senders is *, for any other client without its password; name only proxies so. At widest a /8, of IPv6 a /16.',
      }),
    senders: z
      .array(senderGlob)
      .min(1, 'expected at least one address or pattern')
      .meta({ description: 'Globs of addresses that envelope sender and the header fields From and Sender may use.' }),
    stream: name.optional().meta({
      description:
        'Of its messages, unless they say otherwise. Default: transactional, and bulk mail goes to the stream that takes it.',
    }),
    priority: priority.optional().meta({ description: 'Default: the stream’s.' }),
    maxPriority: priority
      .prefault('high')
      .meta({ description: 'The most urgent that its messages may ask to be; what asks for more gets this.' }),
    quota: rate.optional().meta({ description: 'Recipients in a window; what is beyond it: overQuota.' }),
    overQuota: z
      .enum(['refuse', 'hold'])
      .prefault('refuse')
      .meta({
        description:
          'What becomes of mail beyond its quota. refuse: 452 4.7.1, the client comes again. hold: it is taken, waits held, and goes by ' +
          'itself, the oldest first, as the quota has room again; for software that does not come again.',
      }),
    overQuotaMost: positive
      .max(10_000, 'expected a number up to 10000')
      .prefault(10_000)
      .meta({ description: 'About so many of its messages may wait for its quota; beyond it 452 4.7.1.' }),
    bounceMail: z.boolean().prefault(true).meta({
      description:
        'Whether its senders get mail about what was not delivered, or is late. false: they hear of it by webhooks, or not at all; what NOTIFY=SUCCESS asked for is sent all the same.',
    }),
    messageSize: size.optional().meta({ description: 'Of one message; default and maximum: limits.messageSize.' }),
    guard: clientGuard,
  })
  .refine((client) => client.password !== undefined || client.networks.length > 0, 'needs a password or networks')
  .transform(({ messageSize, stream, ...rest }) => ({
    ...rest,
    messageSizeBytes: messageSize,
    stream: stream ?? 'transactional',
    /** Whether the file names it: such a client's bulk mail stays in it. */
    hasOwnStream: stream !== undefined,
  }));

export const clients = z.record(name, client).prefault({}).meta({ description: 'Who may send, by AUTH user name.' });

const dkimKey = z.strictObject({
  selector: z
    .string()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/, 'expected a DNS label')
    .meta({ description: 'The public key is at SELECTOR._domainkey.DOMAIN.' }),
  key: z.string().meta({ description: 'PEM private key: RSA (2048 bits) or Ed25519.' }),
});

export const domains = z
  .record(
    domainName.pipe(z.string()),
    z.strictObject({
      dkim: z.array(dkimKey).prefault([]).meta({ description: 'Every key adds a signature.' }),
      returnPath: domainName
        .refine(isHostName, 'expected a host name such as bounce.example.com')
        .optional()
        .meta({
          description:
            'The envelope sender becomes an address at this domain that names the message (VERP); its MX points here. What ' +
            'comes back is told to the envelope sender that the client gave.',
        }),
      verp: z
        .enum(['delivery', 'recipient'])
        .prefault('recipient')
        .meta({
          description:
            'What a return path names. recipient: each has a transaction and a return path of its own, so that a bounce that names nobody is clear, ' +
            'and nobody can report one for another. delivery: the message to the recipients of one domain, who share a transaction; reports name the recipient.',
        }),
      complaints: z
        .array(
          z
            .string()
            .regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/, 'expected a local part such as fbl, in lower case'),
        )
        .prefault([])
        .meta({
          description:
            'Local parts at the returnPath domain where complaint reports (RFC 5965) are taken from anybody, such as fbl; the first is ' +
            'named in outgoing mail (RFC 9477).',
        }),
    }),
  )
  .prefault({})
  .meta({ description: 'Domains that mail is signed for: each with every From domain under it.' });

const stream = z.strictObject({
  priority: priority
    .prefault('normal')
    .meta({ description: 'Of its messages, unless client or message say otherwise.' }),
  unsubscribe: z
    .enum(['required', 'warn', 'add', 'off'])
    .prefault('off')
    .meta({
      description:
        'Header fields for unsubscribing by one click (RFC 8058): List-Unsubscribe with an https address, and List-Unsubscribe-Post. ' +
        'required: mail without them is refused. warn: it is taken, and reply and log say so. add: the relay puts in its own ' +
        '(http.publicUrl) where a message has one recipient, else as warn.',
    }),
  bulk: z
    .boolean()
    .optional()
    .meta({
      description:
        'Takes mail with List-Unsubscribe or Precedence: bulk, where neither message nor client names a stream. ' +
        'Default: true of the stream called marketing, false of all others. Of several the first.',
    }),
  expires: duration.optional().meta({
    description: 'Mail older than this is not sent any more. Default: it is tried for as long as retry.expire says.',
  }),
  onLate: z.enum(['return', 'drop']).prefault('return').meta({
    description: 'When mail has expired (expires, X-Relevo-Expires). return: its sender is told. drop: nobody is.',
  }),
  onBlock: z
    .enum(['hold', 'move'])
    .optional()
    .meta({
      description:
        'When a receiving site refuses the address of an exit (reputation, blocklist). move: the message goes by another exit, ' +
        'each once. hold: it waits for an operator. Default: hold where the stream takes bulk mail, else move.',
    }),
  onDoubt: z.enum(['retry', 'hold']).prefault('retry').meta({
    description:
      'When the reply to the final dot was lost: try again, or wait for an operator. What is left of the delivery is held whole, those too whom the server put off.',
  }),
});

export const streams = z
  .record(name, stream)
  .prefault({
    transactional: { priority: 'high' },
    marketing: { priority: 'low', unsubscribe: 'warn', onBlock: 'hold' },
  })
  .transform((all) =>
    Object.fromEntries(
      Object.entries(all).map(([kind, { bulk = kind === 'marketing', onBlock, expires, ...rest }]) => [
        kind,
        { ...rest, bulk, onBlock: onBlock ?? (bulk ? 'hold' : 'move'), expiresMs: expires ?? null },
      ]),
    ),
  )
  .meta({ description: 'Kinds of mail, by name.' });

/** What mail can be sent to by its MX: letters, digits and hyphens, below some domain (RFC 5321 §2.3.5). */
function isHostName(domain: string): boolean {
  return /^(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+(?!-)[a-z0-9-]{1,63}(?<!-)$/i.test(domain);
}
