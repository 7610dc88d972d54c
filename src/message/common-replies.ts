/** Rows of the table of replies: words that many servers use, and then what a code means anywhere. */
import { row, type ReplyPattern } from './reply-pattern.ts';

/** In the order of trying: words before bare codes. */
export const COMMON_REPLIES: readonly ReplyPattern[] = [
  row(
    'policy',
    {
      by: 'many',
      code: '5',
      text: /(?:message|mail|content|e-?mail)[^.]{0,60}(?:likely unsolicited|(?:classified|identified|detected|considered|rejected|looks) (?:as|to be|like) (?:spam|junk)|contains? (?:spam|a virus|malware)|content (?:denied|rejected|policy))|spam message rejected|under suspicion of spam|high probability of spam/i,
      means: 'the content',
    },
    '550 5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked.',
    '550 spam message rejected. Please visit http://help.mail.ru/notspam-support/id?c=1 or report details to abuse@corp.mail.ru.',
    '554 5.7.1 [1] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc',
    '571 5.7.1 message classified as spam',
  ),
  row(
    'listed',
    {
      by: 'Spamhaus, SpamCop, Barracuda and others',
      code: '',
      text: /spamhaus|spamcop|sorbs|barracudanetworks|barracudacentral|uceprotect|psbl\b|abuseat|backscatterer|mailspike|dronebl|s5h\.net|blocked using \S+\.\S+|(?:is |been )?(?:listed|found) (?:at|in|on|by) \S*(?:rbl|dnsbl|bl\.|block|black)|\b(?:dns ?(?:bl|block ?list|black ?list)|rbl)\b/i,
      means: 'the sending address is in a public blocklist',
    },
    '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1',
    '550 JunkMail rejected - mail.example.com [192.0.2.1]:25 is in an RBL: https://www.spamcop.net/bl.shtml?192.0.2.1',
    '554 Service unavailable; Client host [192.0.2.1] blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.1',
    '550 5.7.1 rejected because 192.0.2.1 is listed at bl.example.org',
  ),
  row(
    'rate-limited',
    {
      by: 'many',
      code: '4',
      text: /too many (?:concurrent |simultaneous |recent )?(?:smtp )?(?:connections?|sessions?|messages?|mails?|e-?mails?|requests?|invalid recipients)|too much mail|too fast|(?:rate|sending|message|connection) (?:rate )?limit|rate-? ?limit|throttl|slow(?:ing)? down|exceeded (?:the |its |your |permitted |allowed )?(?:maximum |max )?(?:rate|number|limit|quota)|unexpected volume|excessive volume|unusual rate/i,
      means: 'too much at once',
    },
    '450 4.7.1 <a@example.com>: Error: too much mail from 192.0.2.1',
    '421 Too many concurrent SMTP connections; please try again later.',
    '451 4.7.1 Try again later: sending rate limit exceeded',
    '452 Too many messages from 192.0.2.1',
  ),
  row(
    'reputation',
    {
      by: 'Postfix, Exim, Gmail',
      code: '',
      text: /cannot find your (?:reverse )?hostname|client host rejected|\b(?:ptr|rdns)\b|reverse (?:dns|lookup|hostname)/i,
      means: 'no name in the reverse DNS, or an access list of the host',
    },
    '450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]',
    '550 5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup.',
    '554 5.7.1 <mail.example.com[192.0.2.1]>: Client host rejected: Access denied',
  ),
  row(
    'reputation',
    {
      by: 'many',
      code: '',
      text: /(?:poor|low|bad) (?:sender |sending |ip )?reputation|reputation (?:of|too) .{0,30}(?:ip|address|low|poor)|(?:your|sending|client|source|this|the|connecting|from) (?:ip|host|server|network|mta|mail server)(?: address)?\b.{0,50}?(?:block(?:ed|list)|black ?-?list|banned|denied|refused)|(?:ip|address|host|server) (?:has been |is |was )?(?:blocked|blacklisted|blocklisted|banned)|sending MTA's poor reputation/i,
      means: 'a block of the sending address',
    },
    "554 mx1.example.org Your access to this mail system has been rejected due to the sending MTA's poor reputation.",
    "550 Your IP address 192.0.2.1 has been blocked by the recipient's provider",
    '550 5.7.1 Connection refused: 192.0.2.1 server is blocked',
  ),
  row(
    'reputation',
    { by: 'RFC 7372 §3.3', code: '', detail: /^7\.25$/, means: 'no name in the reverse DNS' },
    '550 5.7.25 validation failed',
  ),
  row(
    'rate-limited',
    { by: 'RFC 7372, Gmail', code: '4', detail: /^7\.28$/, means: 'a flood of mail' },
    '452 4.7.28 mail flood detected',
  ),
  row(
    'reputation',
    { by: 'Gmail', code: '5', detail: /^7\.28$/, means: 'refused for its volume' },
    '550 5.7.28 There is an unusual rate of unsolicited mail from your network.',
  ),
  row(
    'unknown-user',
    {
      by: 'RFC 3463 §3.2, §3.3',
      code: '5',
      detail: /^(?:1\.[16]|2\.1)$/,
      means: 'the address does not exist, has moved, or is not in use',
    },
    '550 5.1.1 The email account that you tried to reach does not exist. https://support.google.com/mail/?p=NoSuchUser',
    '550 5.2.1 The email account that you tried to reach is inactive.',
    '550 5.1.6 Recipient no longer on server',
  ),
  row(
    'unknown-user',
    {
      by: 'many',
      code: '55',
      text: /(?:user|mailbox|recipient|account|address)(?: address)?[^.;]{0,40}(?:unknown|not found|not exist|doesn't exist|does not exist|invalid|disabled|inactive|no longer|unrouteable)|no such (?:user|mailbox|recipient|account|person|address)|unknown (?:user|recipient|local[ -]part|mailbox|address)|unrouteable address|invalid (?:recipient|mailbox|user)|no mailbox (?:here )?by that name|not our customer/i,
      means: 'no such mailbox',
    },
    '550 Unrouteable address',
    '550 No such user here',
    '553 sorry, no mailbox here by that name. (#5.7.1)',
    '554 Mailbox not found. https://service.mail.qq.com',
    '550 Requested action not taken: mailbox not found',
  ),
  row(
    'policy',
    {
      by: 'many',
      code: '5',
      text: /relay(?:ing)? (?:access )?(?:denied|not permitted|not allowed)|(?:local|security|administrative|content|mail) polic(?:y|ies)|policy (?:reasons?|violation|restrictions?|rejection)|message (?:rejected|blocked|refused|not accepted)|prohibited|unable to relay/i,
      means: 'a rule of theirs',
    },
    '554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes',
    '554 Email rejected due to security policies',
    '550 5.7.1 Unable to relay',
    '554 <a@example.org>: Relay access denied',
    '550 Reject due to policy restrictions. For explanation visit https://postmaster.web.de/en/case?c=hi',
  ),
  row(
    'rate-limited',
    { by: 'RFC 3463 §3.8', code: '421', detail: /^7\./, means: 'a server that hangs up on policy wants less of us' },
    '421 4.7.1 Service not available',
  ),
  row(
    'rate-limited',
    { by: 'RFC 3463 §3.5', code: '4', detail: /^4\.5$/, means: 'the mail system is congested' },
    '451 4.4.5 System is busy',
  ),
  row(
    'greylisted',
    {
      by: 'RFC 6647 §2.1',
      code: '45',
      detail: /^7\.1$/,
      means: 'most often greylisting: keeping the exit does no harm',
    },
    '450 4.7.1 Try again later',
    '451 4.7.1 Please come back later',
  ),
  row(
    'policy',
    { by: 'RFC 3463 §3.8', code: '5', detail: /^7\./, means: 'a rule of theirs' },
    '550 5.7.1 Access denied',
  ),
];
