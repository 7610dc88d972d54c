import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/**
 * Gives a database whose header or schema is destroyed the first page of a fresh one. Both were made by the same
 * statements in the same order, so every table starts on the same page in both (https://www.sqlite.org/fileformat2.html).
 */
export function restoreFirstPage(damaged: string, fresh: string): void {
  const from = openSync(fresh, 'r');
  const to = openSync(damaged, 'r+');
  try {
    const header = Buffer.alloc(100);
    readSync(from, header, 0, header.length, 0);
    const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
    const page = Buffer.alloc(pageBytes);
    readSync(from, page, 0, page.length, 0);
    const pages = Math.ceil(fstatSync(to).size / pageBytes);
    page.writeUInt32BE(pages, 28);
    // No free pages: nothing will be written to it, and the true list may be damaged too.
    page.writeUInt32BE(0, 32);
    page.writeUInt32BE(0, 36);
    writeSync(to, page, 0, page.length, 0);
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/**
 * Gives it all pages of its schema from a fresh one: what else was there, in a database that has grown through several versions,
 * is lost. Where every other way to read it has failed.
 */
export function restoreSchema(damaged: string, fresh: string): void {
  restoreFirstPage(damaged, fresh);
  const database = new DatabaseSync(fresh, { readOnly: true });
  const pages = database.prepare("SELECT pageno, pgsize FROM dbstat WHERE name = 'sqlite_schema' AND pageno > 1").all();
  database.close();
  const from = openSync(fresh, 'r');
  const to = openSync(damaged, 'r+');
  try {
    for (const { pageno, pgsize } of pages) {
      const page = Buffer.alloc(Number(pgsize));
      const offset = (Number(pageno) - 1) * page.length;
      readSync(from, page, 0, page.length, offset);
      writeSync(to, page, 0, page.length, offset);
    }
  } finally {
    closeSync(from);
    closeSync(to);
  }
}
