/** The example policy: complete, commented, and working as it stands. */
import { marksOfKey } from './reference.ts';

/** A hash that no known password has: the example lets nobody in. */
export const NOBODYS_HASH = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

const WIDTH = 120;
const COMMENT_COLUMN = 40;

/**
 * `config/relevo.example.yaml`. `<- key` is the schema's description of that key, `= key` before it its default, so that
 * neither can drift from what the relay does.
 */
export function examplePolicy(): string {
  return TEMPLATE.replaceAll('{hash}', NOBODYS_HASH)
    .split('\n')
    .flatMap((line) => lineOf(line.replaceAll(/\{= ([\w/]+)\}/g, (_, key: string) => fallbackOf(key))))
    .join('\n');
}

function lineOf(line: string): string[] {
  const match = /^(.*?)\s*<- ([\w/]+)$/.exec(line);
  if (match === null) return [line];
  const [, text = '', key = ''] = match;
  const { description, isLater } = marksOfKey(key);
  const column = Math.max(COMMENT_COLUMN, text.length + 2);
  const rows = wrapped(isLater ? `${description} No effect yet.` : description, WIDTH - column - 2);
  return rows.map((row, index) => `${(index === 0 ? text : '').padEnd(column)}# ${row}`);
}

function wrapped(text: string, width: number): string[] {
  const rows = [''];
  for (const word of text.split(' ')) {
    const row = rows.at(-1) ?? '';
    if (row === '') rows[rows.length - 1] = word;
    else if (row.length + 1 + word.length <= width) rows[rows.length - 1] = `${row} ${word}`;
    else rows.push(word);
  }
  return rows;
}

/** As YAML in one line. */
function fallbackOf(key: string): string {
  const { fallback } = marksOfKey(key);
  if (fallback === undefined) throw new Error(`${key} has no default`);
  if (Array.isArray(fallback)) return `[${fallback.join(', ')}]`;
  return typeof fallback === 'string' ? fallback : JSON.stringify(fallback);
}

const TEMPLATE = `# yaml-language-server: $schema=../relevo.schema.json
#
# What this relay does. Edit it while the relay runs: a good edit is in force within a second, a bad one changes nothing
# and is told with its line. \`relevo check\` tells beforehand. Every key, with its type and default: docs/policy.md.
#
# To send as your own domain:
#   1. put your domain wherever this file says example.com, and the relay's own name at hostname;
#   2. make its keys: relevo dkim keygen DOMAIN (those of example.com are only for trying);
#   3. publish the records that relevo dns DOMAIN prints;
#   4. put a certificate of a known authority at tls (the self-signed one is only for trying).
#
# Values    durations 30s 5m 2h 3d, sizes 64KB 25MB, rates 1000/h 5/10m. Paths are relative to this file.
# Secrets   \${NAME} is an environment variable, \${file:/run/secrets/x} the content of a file. In { } and [ ] in quotes.

hostname: relay.example.com             <- hostname
# postmaster: postmaster@example.com    <- postmaster

# --- Who may send ---

listen:                                 <- listen
  - port: 587                           # submission (RFC 6409)
    tls: starttls                       <- listen/tls
    auth: required                      <- listen/auth
    # address: 127.0.0.1                <- listen/address
    # bareNewline: normalize            <- listen/bareNewline
  - port: 465                           # submissions (RFC 8314)
    tls: implicit
    auth: required
  - port: 25                            # trusted networks (see networks of a client), and bounces to a returnPath
    tls: opportunistic
    auth: none

tls:                                    <- tls
  cert: {= tls/cert}                    <- tls/cert
  key: {= tls/key}                      <- tls/key
  minVersion: {= tls/minVersion}        <- tls/minVersion
  ciphers: {= tls/ciphers}              <- tls/ciphers

limits:                                 <- limits
  messageSize: {= limits/messageSize}   <- limits/messageSize
  memory: {= limits/memory}             <- limits/memory
  recipients: {= limits/recipients}     <- limits/recipients
  connections: {= limits/connections}   <- limits/connections
  perAddress: {= limits/perAddress}     <- limits/perAddress
  loginAttempts: {= limits/loginAttempts} <- limits/loginAttempts
  deny: []                              <- limits/deny
  lineLength: {= limits/lineLength}     <- limits/lineLength
  headerSize: {= limits/headerSize}     <- limits/headerSize
  receivedFields: {= limits/receivedFields} <- limits/receivedFields
  commandTime: {= limits/commandTime}   <- limits/commandTime
  dataRate: {= limits/dataRate}         <- limits/dataRate
  futureRelease: {= limits/futureRelease} <- limits/futureRelease
  deliverBy: {= limits/deliverBy}       <- limits/deliverBy

clients:                                <- clients
  app:
    # The hash of the password. \`relevo client password app\` makes a new one; the one below fits no password.
    password: '{hash}'
    senders: ['*@example.com']          <- clients/senders
    # stream: transactional             <- clients/stream
    # priority: high                    <- clients/priority
    # maxPriority: high                 <- clients/maxPriority
    # quota: 5000/d                     <- clients/quota
    # messageSize: 10MB                 <- clients/messageSize
  # hosts:                              # a host that relays through here without a password
  #   networks: [10.0.0.0/24]           <- clients/networks
  #   senders: ['*']

# --- What is done to a message ---

domains:                                <- domains
  example.com:
    dkim:                               <- domains/dkim
      - selector: rsa                   <- domains/dkim/selector
        key: ../certs/dkim/example.com.rsa.pem # RSA (2048 bits), which every receiver checks
      - selector: ed
        key: ../certs/dkim/example.com.ed.pem # Ed25519, which some check
    # returnPath: bounce.example.com    <- domains/returnPath
# returnPathKeys: {= returnPathKeys}    <- returnPathKeys

streams:                                <- streams
  transactional:
    priority: high                      <- streams/priority
    onDoubt: {= streams/onDoubt}        <- streams/onDoubt
    # expires: 2h                       <- streams/expires
    # onLate: return                    <- streams/onLate
  marketing:
    priority: low
    # unsubscribe: warn                 <- streams/unsubscribe
    # bulk: true                        <- streams/bulk
    # onBlock: hold                     <- streams/onBlock

# --- Where it leaves ---

# \`relevo preset list\` shows the ready-made sets, \`relevo preset use NAME\` puts one in force: its exits, pools and
# routes join those below, and take all mail that no route with conditions takes.
preset: {= preset}                      <- preset
# custom: { servers: 8, dailyLimit: 600 } <- custom

egress:                                 <- egress
  direct:
    type: mx                            <- egress/mx/type
    enabled: true                       <- egress/mx/enabled
    bind: {= egress/mx/bind}            <- egress/mx/bind
    helo: {= egress/mx/helo}            <- egress/mx/helo
    port: {= egress/mx/port}            <- egress/mx/port
    connections: {= egress/mx/connections} <- egress/mx/connections
    privateAddresses: {= egress/mx/privateAddresses} <- egress/mx/privateAddresses
    streams: {= egress/mx/streams}      <- egress/mx/streams
    address: {= egress/mx/address}      <- egress/mx/address
    timeouts:                           <- egress/mx/timeouts
      connect: {= egress/mx/timeouts/connect} <- egress/mx/timeouts/connect
      reply: {= egress/mx/timeouts/reply} <- egress/mx/timeouts/reply
      data: {= egress/mx/timeouts/data} <- egress/mx/timeouts/data
    # dailyLimit: 500                   <- egress/mx/dailyLimit
    # hourlyLimit: 50                   <- egress/mx/hourlyLimit
    # rate: 10/m                        <- egress/mx/rate
    # delay: 1s                         <- egress/mx/delay
    # warmup: { start: 2026-12-01 }     <- egress/mx/warmup
    # cost: 25 USD/month                <- egress/mx/cost
    # billing: recipient                <- egress/mx/billing
    # budget: 25 USD/month              <- egress/mx/budget
    # region: eu                        <- egress/mx/region
    # node: m1                          <- egress/mx/node
  upstream:
    type: smtp                          <- egress/smtp/type
    enabled: false
    host: \${SMTP_HOST_1}                <- egress/smtp/host
    port: {= egress/smtp/port}          <- egress/smtp/port
    tls: {= egress/smtp/tls}            <- egress/smtp/tls
    ca: {= egress/smtp/ca}              <- egress/smtp/ca
    username: \${SMTP_USER_1}            <- egress/smtp/username
    password: \${SMTP_PASSWORD_1}        <- egress/smtp/password
    connections: {= egress/smtp/connections} <- egress/smtp/connections
  sandbox:
    type: sandbox                       <- egress/sandbox/type
    path: {= egress/sandbox/path}       <- egress/sandbox/path

# pools:                                <- pools
#   out:
#     members: [direct, upstream]       <- pools/members
#     strategy: {= pools/strategy}      <- pools/strategy

routes:                                 <- routes
  - name: trial                         # mail to domains that cannot exist (RFC 2606) stays here, to be looked at
    match:                              # also stream, priority, client, senderDomain, tld, tag, size, header
      recipientDomain: ['*.test', '*.example']
    use: [sandbox]                      <- routes/use
  - name: default
    use: [direct]

# timeZone: {= timeZone}                       <- timeZone

# --- How hard it tries ---

retry:                                  <- retry
  delays: {= retry/delays}              <- retry/delays
  expire: {= retry/expire}              <- retry/expire
  warnAfter: {= retry/warnAfter}        <- retry/warnAfter

shaping:                                <- shaping
  default:
    connections: {= shaping/connections} <- shaping/connections
    perConnection: {= shaping/perConnection} <- shaping/perConnection
  # google: { connections: 40, perConnection: 100, rate: 1200/m }   # instead of what config/shaping.yaml says
  # '*.mail.example': { connections: 2, perConnection: 20, provider: mail-example }

health:                                 <- health
  every: {= health/every}               <- health/every
  timeout: {= health/timeout}           <- health/timeout
  downAfter: {= health/downAfter}       <- health/downAfter
blocklists:                             <- blocklists
  every: {= blocklists/every}           <- blocklists/every
  zones: {= blocklists/zones}           <- blocklists/zones
  quorum: {= blocklists/quorum}         <- blocklists/quorum

reputation:                             <- reputation
  slowBelow: {= reputation/slowBelow}   <- reputation/slowBelow
  pauseBelow: {= reputation/pauseBelow} <- reputation/pauseBelow

suppression:                            <- suppression
  onSubmit: {= suppression/onSubmit}    <- suppression/onSubmit
  # hardBounces: { scope: global, keep: 365d } <- suppression/hardBounces
  # complaints: { scope: client }       <- suppression/complaints
  # unsubscribes: { scope: stream }     <- suppression/unsubscribes

# --- Where it is kept ---

spool:                                  <- spool
  engine: embedded                      <- spool/embedded/engine
  path: {= spool/embedded/path}         <- spool/embedded/path
  durability: {= spool/embedded/durability} <- spool/embedded/durability
history: {= history}                    <- history

# --- Who is told ---

http:                                   <- http
  listen: {= http/listen}               <- http/listen
log:                                    <- log
  level: {= log/level}                  <- log/level
  subjects: {= log/subjects}            <- log/subjects
dns:                                    <- dns
  servers: {= dns/servers}              <- dns/servers
# webhooks:                             <- webhooks
#   - url: https://app.example.com/mail-events <- webhooks/url
#     secret: \${HOOK_SECRET}           <- webhooks/secret
#     events: [delivered, bounced, complained] <- webhooks/events

# alerts:                               <- alerts
#   to: [oncall@example.com, "https://hooks.example.com/relevo"] <- alerts/to
# reports: [{ every: week, to: [boss@example.com] }] <- reports
# guard: { volume: 5, newRecipients: 60% } <- guard
# audit: { keep: 365d }                 <- audit
# traces: { url: "http://127.0.0.1:4318/v1/traces" } <- traces

# --- What must stay true ---

tests:                                  <- tests
  - name: mail to trial domains stays here
    message: { client: app, to: someone@demo.test } # from, stream, priority, tag and size may be given too
    expect: { egress: [sandbox] }       # route, egress, priority, stream, or refused: true
  - name: mail of the application goes before newsletters
    message: { client: app, from: shop@example.com, to: someone@example.net }
    expect: { stream: transactional, priority: high }
  - name: the application cannot send as somebody else
    message: { client: app, from: boss@example.org, to: someone@example.net }
    expect: { refused: true }
`;
