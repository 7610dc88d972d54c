import type { Transcript } from '../../message/transcript.ts';
import { isoTime } from '../../report/log-fields.ts';
import { printable } from '../output.ts';

const MARKS = { relay: '>', server: '<', note: '*' } as const;

/** What was said, as people read it: `>` the relay, `<` the server, `*` what happened; seconds from the beginning. Pure. */
export function transcriptsText(transcripts: readonly Transcript[]): string {
  if (transcripts.length === 0)
    return 'No conversation is kept: those of attempts that did not deliver are, for a week, and some of those that did.\n';
  return transcripts.map(transcriptText).join('\n');
}

function transcriptText({ deliveryId, number, egress, atMs, lines, isWhole }: Transcript): string {
  const head = `${deliveryId}, attempt ${number} by ${egress}, ended ${isoTime(atMs)}${isWhole ? '' : ' (lines are missing)'}\n`;
  const said = lines.map(
    (line) => `  ${(line.atMs / 1_000).toFixed(3).padStart(8)} ${MARKS[line.from]} ${printable(line.text)}\n`,
  );
  return head + said.join('');
}
