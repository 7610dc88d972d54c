import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Why this process cannot replace the file, for operators; null: it can, as far as one can tell before. */
export async function whyNotWritable(file: string): Promise<string | null> {
  try {
    const target = await realpath(file);
    await access(target, constants.W_OK);
    await access(dirname(target), constants.W_OK);
    return null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const why = WORDS[code] ?? code;
    return `the policy file ${file} cannot be changed from here: ${why}; change it where it comes from`;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EROFS: 'it is on a file system that is read-only',
  EACCES: 'the relay’s user may not write the file or its folder',
  EPERM: 'the relay’s user may not write the file or its folder',
  ENOENT: 'there is no such file',
};
