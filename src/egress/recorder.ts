/** What is said in one attempt, kept as it comes by reference: it is made into lines only where somebody wants to read it. */
import type { Transcript, TranscriptLine } from '../message/transcript.ts';
import type { Clock } from '../ports.ts';

type Kind = 'sent' | 'heard' | 'note';

/** A reply as it came: its lines without the code. */
export type HeardReply = { readonly code: number; readonly lines: readonly string[] };

/** Of longer conversations the middle is left out: each recipient of a thousand has a line. */
const MOST = 400;
const KEPT_OF_START = 100;
const LONGEST_LINE = 500;

export class Recorder {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #startMs: number;
  /** Kind, time and what was said, one after the other. */
  #said: (number | string | HeardReply)[] = [];
  readonly #secrets: string[] = [];
  #isWhole = true;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  /** Commands, each with its CRLF. */
  sent(commands: string): void {
    this.#add('sent', commands);
  }

  heard(reply: HeardReply): void {
    this.#add('heard', reply);
  }

  /** What nobody said, such as that a connection was lost. */
  note(text: string): void {
    this.#add('note', text);
  }

  /** Is never shown, whoever says it. */
  hide(secret: string): void {
    if (secret !== '') this.#secrets.push(secret);
  }

  lines(): Pick<Transcript, 'lines' | 'isWhole'> {
    const lines: TranscriptLine[] = [];
    for (let at = 0; at < this.#said.length; at += 3) {
      const kind = this.#said[at] as Kind;
      const atMs = Math.round(((this.#said[at + 1] as number) - this.#startMs) * 10) / 10;
      const from = kind === 'sent' ? 'relay' : kind === 'heard' ? 'server' : 'note';
      for (const text of textsOf(this.#said[at + 2] as string | HeardReply))
        lines.push({ atMs, from, text: this.#shown(text) });
    }
    return { lines, isWhole: this.#isWhole };
  }

  #add(kind: Kind, what: string | HeardReply): void {
    if (this.#said.length >= MOST * 3) {
      const left = MOST - KEPT_OF_START;
      this.#said.splice(KEPT_OF_START * 3, (left / 2) * 3, 'note', this.#clock.monotonicMs(), '…');
      this.#isWhole = false;
    }
    this.#said.push(kind, this.#clock.monotonicMs(), what);
  }

  #shown(text: string): string {
    let shown = text;
    for (const secret of this.#secrets) shown = shown.replaceAll(secret, '***');
    return shown.length > LONGEST_LINE ? `${shown.slice(0, LONGEST_LINE)}…` : shown;
  }
}

function textsOf(what: string | HeardReply): readonly string[] {
  if (typeof what === 'string') return what.replace(/\r\n$/, '').split('\r\n');
  const { code, lines } = what;
  return lines.map((line, at) => `${code}${at < lines.length - 1 ? '-' : ' '}${line}`);
}
