import { userInfo } from 'node:os';

/** Who runs this command: `alice (uid 1000)`, `root (uid 0) for alice` by sudo. */
export function localUser(): string {
  const { username, uid } = known();
  const who = uid < 0 ? username : `${username} (uid ${uid})`;
  // architecture: as its user, only the process knows who is behind it.
  const behind = process.env['SUDO_USER'] ?? '';
  return behind === '' || behind === username ? who : `${who} for ${behind}`;
}

/** One that no account has is known by its number alone. */
function known(): { readonly username: string; readonly uid: number } {
  try {
    return userInfo();
  } catch {
    return { username: 'unknown', uid: process.getuid?.() ?? -1 };
  }
}
