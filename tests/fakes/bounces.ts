/** Bounces as other servers write them, each after the form of that server's own; `gone@dest.test` was not reached. */

function crlf(text: string): string {
  return text.replace(/^\n/, '').replaceAll('\n', '\r\n');
}

/** Exim 4.9x: RFC 3464, with `X-Failed-Recipients`, and no status of the server that refused. */
export const EXIM = crlf(`
X-Failed-Recipients: gone@dest.test
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@exim.dest.test>
Subject: Mail delivery failed: returning message to sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=1763900000-eximdsn-12345

--1763900000-eximdsn-12345
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

--1763900000-eximdsn-12345
Content-type: message/delivery-status

Reporting-MTA: dns; exim.dest.test

Action: failed
Final-Recipient: rfc822;gone@dest.test
Status: 5.0.0

--1763900000-eximdsn-12345
Content-type: message/rfc822

Return-path: <b+x@bounces.app.test>

--1763900000-eximdsn-12345--
`);

/** Exchange: the report inside a multipart of its own, its words in HTML, the address in capitals. */
export const EXCHANGE = crlf(`
From: <postmaster@corp.dest.test>
Subject: Undeliverable: hello
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="_000_x_"

--_000_x_
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="_001_x_"

--_001_x_
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="_002_x_"

--_002_x_
Content-Type: text/html; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

<p>Your message to gone couldn't be delivered.</p>
--_002_x_--

--_001_x_
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01.prod.dest.test
Received-From-MTA: dns;relay.test
Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000

Final-Recipient: rfc822;GONE@DEST.TEST
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
X-Display-Name: gone

--_001_x_
Content-Type: text/rfc822-headers

Subject: hello

--_001_x_--

--_000_x_--
`);

/** qmail: no MIME at all (QSBMF). */
export const QMAIL = crlf(`
From: MAILER-DAEMON@dest.test
Subject: failure notice

Hi. This is the qmail-send program at dest.test.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<gone@dest.test>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.
`);
