import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { formatReply, type Reply } from '../message/reply.ts';

/** Of the few replies that the library still gives itself (XCLIENT, XFORWARD). */
const REPLY_DETAILS: Readonly<Record<number, string>> = { 250: '0.0', 421: '3.0', 501: '5.4', 503: '5.1', 550: '7.0' };

/**
 * The library's connection with another way of writing: replies are collected, and written once the client's input is
 * worked off, so that a pipelined transaction is answered in one packet. Its enhanced codes and timeouts are not used.
 */
export abstract class WireConnection extends SMTPConnection {
  /** The socket nearest to the client's SMTP: during a handshake the TLS socket that is not in use yet. */
  protected topSocket: Socket | null = null;
  /** Code of the last reply. */
  protected lastCode = 0;
  #out = '';

  /** Of every reply; 421 ends the connection. */
  say(reply: Reply): void {
    this.#out += `${formatReply(reply)}\r\n`;
    this.lastCode = reply.code;
    if (reply.code === 421) this.close();
  }

  /** A reply of several lines without enhanced codes (RFC 2034 §3). */
  sayLines(code: number, lines: readonly string[]): void {
    this.lastCode = code;
    this.#out += lines.map((line, at) => `${code}${at === lines.length - 1 ? ' ' : '-'}${line}\r\n`).join('');
  }

  hangUp(reply: Reply): void {
    this.say(reply);
    this.close();
  }

  /** Writes the replies out; `then` runs once the client has room for more: who does not read gets no more answers. */
  flush(then: () => void): void {
    this.write();
    const socket = this._socket;
    if (socket.writableNeedDrain && !socket.destroyed) socket.once('drain', then);
    else then();
  }

  /** What the connection is encrypted with, for the trace field; null: nothing. */
  protected get cipher(): string | null {
    if (!(this._socket instanceof TLSSocket)) return null;
    return `${this._socket.getProtocol() ?? 'TLS'} with cipher ${this._socket.getCipher().standardName}`;
  }

  protected write(): void {
    if (this.#out === '') return;
    const text = this.#out;
    this.#out = '';
    const socket = this._socket;
    // During a handshake the socket is the clear one below it.
    if (!this._upgrading && !socket.destroyed && socket.writable) socket.write(text, 'latin1');
  }

  /** @param data text of ours or of the library; never the client's */
  override send(code: number, data?: string | string[] | null): void {
    // oxlint-disable-next-line no-control-regex -- they are what must not go out
    const lines = [data ?? ''].flat().map((line) => line.replace(/[\x00-\x1f\x7f]/g, ' '));
    if (Array.isArray(data)) this.sayLines(code, lines);
    else this.say({ code, detail: REPLY_DETAILS[code] ?? null, text: lines[0] ?? '' });
  }

  /** Deadlines are absolute and ours; but only here does the library show the TLS socket of a handshake. */
  override _armTimeout(socket: Socket = this._socket): void {
    if (!(socket instanceof TLSSocket)) return;
    this.topSocket = socket;
    // Half-open sockets are for those who wait for replies; half a handshake is nothing.
    socket.once('end', () => {
      if (this._upgrading) socket.destroy();
    });
  }

  override close(): void {
    this.write();
    super.close();
  }

  /** A client that goes away is nothing to report. */
  override _onError(_error: Error): void {
    this.close();
  }
}
