/** Messages that old and new applications send, as bytes, and what of them must arrive unchanged. */

/** Everything after the first empty line. */
export function bodyOf(content: Buffer): Buffer {
  const at = content.indexOf('\r\n\r\n');
  return at < 0 ? Buffer.alloc(0) : content.subarray(at + 4);
}

/** A message as a Maildir keeps it (LF line ends), with CR LF again. */
export function withCrLf(content: Buffer): Buffer {
  return Buffer.from(content.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
}

/** Bodies that have been broken by relays before, by what is special about them. */
export function awkwardBodies(): ReadonlyMap<string, Buffer> {
  const eightBit = Buffer.concat([
    Buffer.from('caf'),
    Buffer.from([0xe9, 0x20, 0x80, 0xff]),
    Buffer.from(' latin-1\r\n'),
  ]);
  return new Map([
    ['dot-stuffed lines', Buffer.from('.\r\n..\r\n...\r\n. leading dot\r\n.\r\n\r\nend\r\n')],
    ['8-bit text', eightBit],
    ['UTF-8 text', Buffer.from('Añoranza — 旅行 ✈️\r\n')],
    ['the longest lines that RFC 5322 allows', Buffer.from(`${'y'.repeat(998)}\r\n.${'z'.repeat(997)}\r\n`)],
    ['trailing white space and empty lines', Buffer.from('one  \r\n\t\r\ntwo\t \r\n\r\n\r\n\r\n')],
    ['an attachment', attachment()],
  ]);
}

function attachment(): Buffer {
  const bytes = Buffer.alloc(60_000, 0);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7919) % 256;
  const base64 = bytes.toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(
    [
      '--b1',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      'Siehe Anhang: größe',
      '--b1',
      'Content-Type: application/octet-stream; name="data.bin"',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="data.bin"',
      '',
      base64,
      '--b1--',
      '',
    ].join('\r\n'),
  );
}

/** A whole message around a body. */
export function messageWith(body: Buffer, fields: Readonly<Record<string, string>> = {}): Buffer {
  const head = {
    From: 'App <app@app.test>',
    To: 'Ana <ana@dest.test>',
    Subject: 'awkward',
    Date: 'Mon, 02 Nov 2026 10:00:00 +0000',
    'Message-ID': `<${Math.random().toString(36).slice(2)}@app.test>`,
    'MIME-Version': '1.0',
    'Content-Type': 'multipart/mixed; boundary=b1',
    'Content-Transfer-Encoding': '8bit',
    ...fields,
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${lines.join('')}\r\n`), body]);
}
