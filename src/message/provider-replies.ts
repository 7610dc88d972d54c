/** Rows of the table of replies: refusals in the words and codes of the large mailbox providers. */
import { row, type ReplyPattern } from './reply-pattern.ts';

/** In the order of trying: what is special comes before what is general. */
export const PROVIDER_REPLIES: readonly ReplyPattern[] = [
  row(
    'reputation',
    {
      by: 'Yahoo',
      code: '',
      text: /\[(?:TS03|TSS11)\]|permanently deferred/i,
      means: 'a block of this address, whatever the code',
    },
    '421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.',
    '553 5.7.2 [TSS11] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.',
  ),
  row(
    'rate-limited',
    {
      by: 'Gmail, Yahoo, Postfix',
      code: '421',
      detail: /^7\.(?:0|28)$/,
      means: 'too much from this address, or from its network',
    },
    '421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited.',
    '421 4.7.0 [192.0.2.1 15] Our system has detected an unusual rate of unsolicited mail originating from your IP address.',
    '421 4.7.0 Try again later, closing connection.',
    '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes',
    '421 4.7.0 mx1.example.org Error: too many connections from 192.0.2.1',
  ),
  row(
    'rate-limited',
    {
      by: 'Gmail',
      code: '',
      text: /daily (?:user sending|smtp relay|sending) (?:limit|quota)/i,
      means: 'an account for sending has a limit of its own',
    },
    '550 5.4.5 Daily user sending limit exceeded.',
  ),
  row(
    'listed',
    { by: 'Yahoo', code: '553', text: /\[BL2[13]\]/, means: 'the address is in a public list that it uses' },
    "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list; see https://postmaster.yahooinc.com",
  ),
  row(
    'rate-limited',
    { by: 'Yahoo', code: '4', text: /\[TS[S]?\d\d\]/, means: 'too much from this address' },
    '451 4.7.1 [TSS09] Messages from 192.0.2.1 temporarily deferred',
    '421 [TS01] Messages from 192.0.2.1 temporarily deferred due to user complaints',
  ),
  row(
    'unknown-user',
    {
      by: 'Yahoo',
      code: '55',
      text: /\bdd (?:this user|requested mail action aborted|sorry)|doesn't have a \S+ account/i,
      means: 'no such mailbox, or none in use',
    },
    "554 delivery error: dd This user doesn't have a yahoo.com account (a@yahoo.com) [0] - mta1.mail.bf1.yahoo.com",
    '554 delivery error: dd Requested mail action aborted - mailbox disabled',
  ),
  row(
    'reputation',
    {
      by: 'Microsoft',
      code: '5',
      text: /\(S31[45]\d\)|part of their network is on our block ?list/i,
      means: 'its own list of networks',
    },
    "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors.",
  ),
  row(
    'rate-limited',
    {
      by: 'Microsoft',
      code: '4',
      text: /temporarily rate ?-?limited|\((?:S77\d+|S311\d)\)|\bRP-00\d\b/i,
      means: 'slowed down for its reputation',
    },
    '451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S775)',
    '451 4.7.651 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. (S3114)',
    "421 RP-001 Unfortunately, some messages from 192.0.2.1 weren't sent. Please try again.",
  ),
  row(
    'rate-limited',
    { by: 'Microsoft', code: '4', detail: /^7\.[56]\d\d$/, means: 'not now, from this address' },
    '451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS77714)',
  ),
  row(
    'rate-limited',
    { by: 'Microsoft', code: '5', detail: /^7\.508$/, means: 'more than an address may send to one tenant' },
    '550 5.7.508 Service unavailable, [2001:db8::1] has exceeded permitted limits within 3600 range.',
  ),
  row(
    'reputation',
    { by: 'Microsoft', code: '5', detail: /^7\.(?:60[6-9]|6[1-4]\d|708)$/, means: 'a banned address' },
    '550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit https://sender.office.com/ (AS16012609)',
  ),
  row(
    'reputation',
    {
      by: 'Microsoft',
      code: '5',
      text: /\b(?:SC|OU|DY)-00\d\b/,
      means: 'blocked for its reputation, or as a dynamic address',
    },
    "550 SC-001 (BAY004-MC1F1) Unfortunately, messages from 192.0.2.1 weren't sent.",
  ),
  row(
    'unknown-user',
    { by: 'Microsoft', code: '550', detail: /^(?:4\.1|1\.10)$/, means: 'no such mailbox at this tenant' },
    '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)',
    '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
  ),
  row(
    'unknown-user',
    { by: 'Microsoft', code: '550', detail: /^5\.0$/, text: /mailbox unavailable/i, means: 'no such mailbox' },
    '550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).',
  ),
  row(
    'policy',
    { by: 'Apple', code: '5', text: /\[(?:CS|HM|PM)\d\d\]/, means: 'a filter of content' },
    '550 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137',
  ),
  row(
    'rate-limited',
    {
      by: 'Apple',
      code: '451',
      detail: /^7\.1$/,
      text: /service unavailable - try again later/i,
      means: 'too much at once',
    },
    '451 4.7.1 Service unavailable - try again later',
  ),
  row(
    'reputation',
    {
      by: 'Proofpoint, Apple',
      code: '',
      text: /proofpoint\.com\/dnsbl|ipcheck\.proofpoint/i,
      means: 'its list of addresses',
    },
    '550 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1',
  ),
  row(
    'reputation',
    {
      by: 'GMX, web.de, IONOS',
      code: '5',
      text: /IP address is b(?:lack|lock) ?-?listed|bad dns ptr/i,
      means: 'its own list, or no name for the address',
    },
    '554 gmx.net (mxgmx104) Nemesis ESMTP Service not available No SMTP service IP address is block listed. For explanation visit https://postmaster.gmx.net/en/case?c=r0201&i=ip&v=192.0.2.1',
    '554 web.de (mxweb011) Nemesis ESMTP Service not available No SMTP service Bad DNS PTR resource record.',
  ),
  row(
    'rate-limited',
    {
      by: 'GMX, web.de, IONOS',
      code: '4',
      text: /reject due to policy restrictions|mail rate limit/i,
      means: 'more in an hour than it takes from this address',
    },
    '421 gmx.net (mxgmx016) Nemesis ESMTP Service not available Service unavailable Reject due to policy restrictions. For explanation visit https://postmaster.gmx.net/en/case?c=r0103',
  ),
  row(
    'rate-limited',
    {
      by: 'Orange',
      code: '4',
      text: /\bOFR_?(?:004_10\d|999)\b|trop de connexions/i,
      means: 'too many connections, or a pause of two hours after that',
    },
    '421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR004_104 [104]',
    '421 mwinf5c11 ME Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR_999 [999]',
  ),
  row(
    'listed',
    { by: 'Orange', code: '5', text: /\bOFR_?006_10\d\b/, means: 'the address is in a public list that it uses' },
    '550 5.7.1 Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR006_102 Ask for delisting at Spamhaus [102]',
  ),
  row(
    'policy',
    { by: 'Orange', code: '5', text: /\bOFR_?506\b/i, means: 'taken for spam' },
    '550 5.2.0 Mail rejete. Mail rejected. ofr_506 [506]',
    '550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]',
  ),
  row(
    'unknown-user',
    { by: 'Orange', code: '550', text: /\bOFR_?416\b/, means: 'no such mailbox' },
    '550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]',
  ),
  row(
    'reputation',
    { by: 'T-Online', code: '554', text: /^IP=\S+ - .*(?:a problem occurred|dialup|tosa@)/i, means: 'its own list' },
    '554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.)',
  ),
  row(
    'reputation',
    {
      by: 'AT&T, Comcast, Charter, Cox',
      code: '',
      text: /\bATTRBL\b|att\.net\/blocks|\bBL00000\d\b|\bAUP#\S+|\bCXBL\b/i,
      means: 'its own list',
    },
    '553 5.3.0 flpd575 DNSBL:ATTRBL 521< 192.0.2.1 >_is_blocked.__For information see http://att.net/blocks',
    '554 5.7.1 resimta-a1p BL000001 Comcast block for spam. Please see http://postmaster.comcast.net',
  ),
  row(
    'rate-limited',
    { by: 'Comcast, Cox', code: '4', text: /\bRL00000\d\b|\bCXC(?:NCT|OMM)\b/, means: 'too much from this address' },
    '421 4.1.0 192.0.2.1 Throttled - try again later. Please see http://postmaster.comcast.net RL000003',
  ),
  row(
    'rate-limited',
    {
      by: 'QQ, NetEase',
      code: '',
      text: /frequency limited|\b(?:RP:(?:QRC|TRC|CEL)|HL:REP|MI:(?:DMC|SFQ))\b/i,
      means: 'too much from this address',
    },
    '550 Ip frequency limited [192.0.2.1: 3600]. https://service.mail.qq.com',
    '450 RP:QRC 163 smtp1 too much mail from this address in a moment',
  ),
];
