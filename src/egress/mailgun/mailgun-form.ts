/** The form that `messages.mime` takes (multipart/form-data, RFC 7578): fields, and the message byte for byte. */

export type Form = { readonly contentType: string; readonly body: Buffer };

/**
 * @param boundary in none of the values: random
 * @param content in the field `message`
 */
export function mailgunForm(
  fields: readonly (readonly [name: string, value: string])[],
  { content, boundary }: { readonly content: Buffer; readonly boundary: string },
): Form {
  const parts = fields.map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const file =
    `--${boundary}\r\nContent-Disposition: form-data; name="message"; filename="message.eml"\r\n` +
    'Content-Type: message/rfc822\r\n\r\n';
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([Buffer.from(parts.join('') + file), content, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  };
}
