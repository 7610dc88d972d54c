/** Signs in as people do, with a user made by the API. */
import type { Browser, BrowserContext } from 'playwright-core';

/** Cookies. */
export type StorageState = Awaited<ReturnType<BrowserContext['storageState']>>;

export type SignInAs = {
  /** A call of the API that may make users. */
  readonly api: (
    method: string,
    path: string,
    body: unknown,
  ) => Promise<{ readonly status: number; readonly value: unknown }>;
  readonly browser: Browser;
  readonly base: string;
  readonly role: 'admin' | 'operator' | 'viewer';
};

/** Of every user of the rig. */
export const PASSWORD = 'correct horse battery staple';

/** @returns the cookies of the session */
export async function signIn({ api, browser, base, role }: SignInAs): Promise<StorageState> {
  const added = await api('POST', '/api/v1/users', { name: role, role, password: PASSWORD });
  if (added.status >= 300) throw new Error(`making ${role}: ${JSON.stringify(added.value)}`);
  const context = await browser.newContext({ baseURL: base });
  try {
    const response = await context.request.post('/api/v1/sign-in', { data: { name: role, password: PASSWORD } });
    if (!response.ok()) throw new Error(`sign-in as ${role}: ${response.status()} ${await response.text()}`);
    return await context.storageState();
  } finally {
    await context.close();
  }
}
