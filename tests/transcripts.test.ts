/**
 * Conversations as text, in tests/transcripts/*.txt: `C:` is sent, `S:` is expected (`*` stands for anything). Before the
 * first line, `!` lines set the scene: `! port 25`, `! from 127.0.0.5`, `! tls`. `C~` sends a line without CR LF, with
 * \r \n \0 \xHH written out; `C: <TLS>` makes the handshake, `C: <end>` closes the client's side; `S: <closed>` expects the end.
 * `M:` is to be found in the last message accepted, `N:` is not.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IngressFixture } from './fakes/ingress.ts';
import { SmtpDialogue } from './fakes/smtp-dialogue.ts';

const folder = join(import.meta.dirname, 'transcripts');
const files = (await readdir(folder)).filter((name) => name.endsWith('.txt'));

describe.each(files)('%s', async (file) => {
  const text = await readFile(join(folder, file), 'utf8');
  const scenes = text.split(/^## /m).slice(1);
  test.each(scenes.map((scene) => [scene.slice(0, scene.indexOf('\n')), scene] as const))(
    '%s',
    async (_name, scene) => {
      expect(await play(scene)).toEqual([]);
    },
  );
});

/** What went otherwise than the scene says. */
async function play(scene: string): Promise<string[]> {
  const lines = scene.split('\n').slice(1);
  const setting = (name: string) => lines.find((line) => line.startsWith(`! ${name}`))?.slice(name.length + 3);
  await using fixture = await IngressFixture.open({ policy: { limits: { recipients: 3, messageSize: '1MB' } } });
  const tls = setting('tls') !== undefined;
  const port = fixture.port(
    setting('port') === '25' ? { tls: 'opportunistic' } : { tls: tls ? 'implicit' : 'starttls' },
  );
  const from = setting('from');
  await using dialogue = await SmtpDialogue.open(port, { tls, ...(from === undefined ? {} : { localAddress: from }) });
  const problems: string[] = [];
  const differs = (at: number, heard: string) => problems.push(`line ${at}: ${lines[at]}\n  but: ${heard}`);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const text = line.slice(3);
    if (line === 'C: <TLS>') await dialogue.handshake();
    else if (line === 'C: <end>') dialogue.end();
    else if (line.startsWith('C~ ')) dialogue.write(unescape(text));
    else if (line.startsWith('C:')) dialogue.write(Buffer.from(`${text}\r\n`));
    else if (line.startsWith('S: ')) {
      const expected = [text === '<closed>' ? '' : text];
      // A reply of several lines is one reply.
      while (/^\d{3}-/.test(expected.at(-1) ?? '')) expected.push((lines[++at] ?? '').slice(3));
      const heard = await dialogue.reply();
      if (!patternOf(expected.join('\n')).test(heard)) differs(at, heard);
    } else if (/^[MN]: /.test(line)) {
      const found = patternOf(unescape(text), false).test(fixture.spool.text);
      if (found !== line.startsWith('M')) differs(at, fixture.spool.text);
    } else if (!/^(?:!.*|#.*|)$/.test(line)) differs(at, 'no such instruction');
  }
  return problems;
}

/** `*` stands for anything within a line. */
function patternOf(text: string, whole = true): RegExp {
  const source = text.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(whole ? `^${source.join('.*')}$` : source.join('.*'));
}

function unescape(text: string): string {
  return text
    .replace(/\\x([0-9a-f]{2})/gi, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll('\\r', '\r')
    .replaceAll('\\n', '\n')
    .replaceAll('\\0', '\0');
}
