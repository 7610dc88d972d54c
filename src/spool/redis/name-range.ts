/** Names in a sorted set, from one end to the other, as `ZRANGEBYLEX` takes them. */
export type Range = { readonly from: Buffer; readonly to: Buffer };

/** All that begin so; '': all there are. */
export function rangeOf(prefix: string): Range {
  const bytes = Buffer.from(prefix);
  // No byte of UTF-8 is as great.
  return { from: Buffer.concat([Buffer.from('['), bytes]), to: Buffer.concat([Buffer.from('('), bytes, END]) };
}

const END = Buffer.from([0xff]);

/** The rest of a range, with this name. */
export function rangeFrom(name: string, { to }: Range): Range {
  return { from: Buffer.concat([Buffer.from('['), Buffer.from(name)]), to };
}

/** The rest of a range, without this name. */
export function rangeAfter(name: string, { to }: Range): Range {
  return { from: Buffer.concat([Buffer.from('('), Buffer.from(name)]), to };
}
