import { createHmac } from 'node:crypto';

type SignIn = {
  /** Names and passwords. */
  readonly users: Readonly<Record<string, string>>;
  /** Sends a 334 with this text and resolves to the line that comes back. */
  readonly challenge: (text: string) => Promise<string>;
};

/** The server's side of AUTH PLAIN, LOGIN and CRAM-MD5. @returns the user; null: wrong user, password or mechanism */
export async function signedInUser(line: string, { users, challenge }: SignIn): Promise<string | null> {
  const [, mechanism = '', initial] = line.split(' ');
  switch (mechanism.toUpperCase()) {
    case 'PLAIN': {
      const [, user = '', password = ''] = decoded(initial ?? (await challenge(''))).split('\0');
      return users[user] === password ? user : null;
    }
    case 'LOGIN': {
      const user = decoded(initial ?? (await challenge('Username:')));
      return users[user] === decoded(await challenge('Password:')) ? user : null;
    }
    case 'CRAM-MD5': {
      const text = '<1896.697170952@sink.test>';
      const [user = '', digest = ''] = decoded(await challenge(text)).split(' ');
      const secret = users[user];
      if (secret === undefined) return null;
      return createHmac('md5', secret).update(text).digest('hex') === digest ? user : null;
    }
    default:
      return null;
  }
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
