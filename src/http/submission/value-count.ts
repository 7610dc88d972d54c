/** How many values JSON has, told without reading it: memory is made for each of them, whatever its size. */

const [QUOTE, BACKSLASH, COMMA, LIST, OBJECT] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];

/** Whether it has more values than that, members and elements; for what is no JSON, anything. Takes time by its length alone. */
export function hasMoreValues(json: Uint8Array, most: number): boolean {
  let values = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at);
    else if (byte === COMMA || byte === LIST || byte === OBJECT) values += 1;
    if (values > most) return true;
  }
  return false;
}

/** @returns where its last quote is, or the end */
function endOfString(json: Uint8Array, start: number): number {
  for (let at = json.indexOf(QUOTE, start + 1); at !== -1; at = json.indexOf(QUOTE, at + 1)) {
    if (!isEscaped(json, at)) return at;
  }
  return json.length;
}

function isEscaped(json: Uint8Array, at: number): boolean {
  let first = at;
  while (json[first - 1] === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}
