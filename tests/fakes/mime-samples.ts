/** Messages part by part, as applications and mail programs put them together. */

export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const HEAD = [
  'From: =?utf-8?q?J=C3=BCrgen?= <a@example.com>',
  'To: "Muster, =?utf-8?b?w4RubmU=?=" <b@example.net>, c@example.net',
  'Cc: d@example.net',
  'Reply-To: Help <help@example.com>, other@example.com',
  'Subject: =?utf-8?b?R3LDvMOfZSDinIjvuI8=?= =?iso-8859-1?q?_aus_K=F6ln?=',
  'Message-ID: <1@example.com>',
  'Date: Sun, 22 Nov 2026 10:00:00 +0000',
  `References: ${Array.from({ length: 30 }, (_, at) => `<${at}.of.a.long.thread@mail.example.com>`).join('\r\n ')}`,
  'In-Reply-To: <29.of.a.long.thread@mail.example.com>',
  'List-Unsubscribe: <https://example.com/u?id=1>, <mailto:u@example.com>',
  'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
  'X-Campaign: spring =?utf-8?q?f=C3=BCr?= all',
  'MIME-Version: 1.0',
];
export const PLAIN =
  'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n.\r\nend\r\n';
export const LATIN =
  `Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe, =\r\nKöln`.replace(
    'ö',
    '=F6',
  );
export const HTML =
  'Content-Type: text/html; charset="UTF-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Gr=C3=BC=C3=9Fe</p>=\r\n<img src=3D"cid:logo@x">\r\n';
export const IMAGE = `Content-Type: image/png; name="logo.png"\r\nContent-ID: <logo@x>\r\nContent-Disposition: inline\r\nContent-Transfer-Encoding: base64\r\n\r\n${PIXEL}`;
export const ODD_NAME = `Content-Type: application/pdf\r\nContent-Disposition: attachment;\r\n filename*0*=utf-8''R%C3%A4tsel;\r\n filename*1*=%20%E2%82%AC;\r\n filename*2=" 1;2.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n${PIXEL}`;
export const INVITE =
  'Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n';

let boundaries = 0;
/** A multipart of that kind, from its Content-Type on. */
export function multi(kind: string, ...parts: readonly string[]): string {
  const boundary = `b${(boundaries += 1)}`;
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\r\n\r\n${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`;
}

/** The header, then the body with its own fields. */
export function message(body: string, head: readonly string[] = HEAD): Buffer {
  return Buffer.from(`${head.join('\r\n')}\r\n${body}`);
}
