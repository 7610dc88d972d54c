/** A relay as a process, with mail in every state, and a browser that is signed in; see README.md. */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';
import { type Deed, deedOf } from './deeds.ts';
import { type Mail, SEEDED, SEEDS, sendMail, startDestinations, type Taken } from './seed.ts';
import { signIn, type StorageState } from './sign-in.ts';

export const ROLES = ['admin', 'operator', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

export type OpenOptions = {
  /** Default: admin; null: nobody. */
  readonly as?: Role | null;
  readonly language?: 'en' | 'es';
  readonly isDark?: boolean;
  /** Default: 1200. */
  readonly width?: number;
};

export type OpenedPage = AsyncDisposable & {
  readonly page: Page;
  /** Violations of the Content-Security-Policy, what the console has to complain about, requests to elsewhere. */
  readonly troubles: string[];
  /** Bytes that came for it, heads and all. */
  transferred(): Promise<number>;
};

export type BrowserRig = AsyncDisposable & {
  readonly relay: RelayProcess;
  readonly base: string;
  /** Opens a path in a window of its own. */
  open(path: string, options?: OpenOptions): Promise<OpenedPage>;
  /** Sends one more mail. */
  send(mail: Mail): Promise<void>;
  /** A call of the API as the admin, by a token. */
  api(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly value: unknown }>;
  /** Messages that destinations took. */
  taken(): readonly Taken[];
  /** What pages asked of the relay, and what was clicked on them, over all windows. */
  readonly deeds: readonly Deed[];
};

export type RigOptions = {
  /** Further keys of the policy, at the top. */
  readonly policy?: string;
  /** As of which links in mail are. Default: there are none. */
  readonly publicUrl?: string | null;
};

const IN_PAGE = join(import.meta.dirname, 'in-page.js');

/** Small and quiet, and nothing asked of anybody else. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--force-color-profile=srgb',
];

function policyOf(
  ports: { readonly smtp: number; readonly http: number; readonly sink: number },
  { policy = '', publicUrl = null }: RigOptions,
): string {
  const exit = `type: smtp, host: 127.0.0.1, port: ${ports.sink}, tls: none`;
  return `
hostname: relay.test
listen: [{ port: ${ports.smtp}, address: 127.0.0.1, tls: none, auth: none }]
http: { listen: 127.0.0.1:${ports.http}, publicUrl: ${publicUrl} }
clients: { shop: { networks: [127.0.0.0/8], senders: ["*"] } }
streams: { transactional: {}, marketing: {} }
log: { subjects: true }
egress:
  one: { ${exit}, dailyLimit: 5000, cost: 0.5 USD/1000, budget: 90 USD/month }
  two: { ${exit}, hourlyLimit: 200, warmup: { start: 2026-11-01 } }
pools: { owned: { members: [one, two] } }
routes: [{ name: all, use: [owned] }]
${policy}`;
}

export async function openBrowserRig(options: RigOptions = {}): Promise<BrowserRig> {
  await using stack = new AsyncDisposableStack();
  const destinations = stack.use(await startDestinations());
  const [smtp, http] = [await freePort(), await freePort()];
  const policy = policyOf({ smtp, http, sink: destinations.port }, options);
  const relay = stack.use(new RelayProcess(policy));
  const executablePath = process.env['RELEVO_CHROMIUM'] ?? '/usr/bin/chromium';
  const [browser] = await Promise.all([chromium.launch({ executablePath, args: ARGUMENTS }), relay.start()]);
  stack.defer(() => browser.close());
  const base = `http://127.0.0.1:${http}`;
  const token = (await command(relay, ['token', 'create', 'rig', '--scopes', 'submit,read,operate,admin'])).trim();
  const api: BrowserRig['api'] = async (method, path, body) => {
    const response = await fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, value: text === '' ? null : (JSON.parse(text) as unknown) };
  };
  await seed(relay, smtp);
  const deeds: Deed[] = [];
  const signedIn = new Map<Role, Promise<StorageState>>();
  const stateOf = (role: Role): Promise<StorageState> => {
    const known = signedIn.get(role) ?? signIn({ api, browser, base, role });
    signedIn.set(role, known);
    return known;
  };
  const kept = stack.move();
  return {
    relay,
    base,
    open: async (path, of = {}) => {
      const role = of.as === undefined ? 'admin' : of.as;
      const state = role === null ? undefined : await stateOf(role);
      return openPage(browser, { url: base + path, base, of, state, deeds });
    },
    send: (mail) => sendMail(smtp, [mail]),
    api,
    taken: () => destinations.taken(),
    deeds,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function seed(relay: RelayProcess, smtp: number): Promise<void> {
  await sendMail(smtp, SEEDS);
  const isSettled = ({ event, domain }: Readonly<Record<string, unknown>>): boolean =>
    event === 'deferred' && domain === SEEDED.held.split('@')[1];
  await relay.waitFor(isSettled);
  await command(relay, ['queue', 'hold', '--domain', 'held.test']);
}

async function command(relay: RelayProcess, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await relay.cli(args);
  if (code !== 0) throw new Error(`relevo ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

type Opening = {
  readonly url: string;
  readonly base: string;
  readonly of: OpenOptions;
  readonly state: StorageState | undefined;
  readonly deeds: Deed[];
};

async function openPage(browser: Browser, { url, base, of, state, deeds }: Opening): Promise<OpenedPage> {
  const { language = 'en', isDark = false, width = 1200 } = of;
  const settings: BrowserContextOptions = {
    locale: language === 'es' ? 'es-ES' : 'en-GB',
    timezoneId: 'UTC',
    colorScheme: isDark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    viewport: { width, height: 800 },
    ...(state === undefined ? {} : { storageState: state }),
  };
  const context = await browser.newContext(settings);
  await context.exposeBinding('rigClicked', ({ page: at }, what: string) => {
    deeds.push({ at: new URL(at.url()).pathname, what: `click ${what}`, fields: [] });
  });
  const troubles: string[] = [];
  const sizes: Promise<number>[] = [];
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('console', (message) => {
    // That something is refused is what some tests are about; the page has to tell of it itself.
    if (message.type() === 'error' && !/status of (?:4\d\d|503)/.test(message.text())) troubles.push(message.text());
  });
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(base) && !request.url().startsWith('data:')) troubles.push(`asked ${request.url()}`);
    deeds.push(...deedOf(request, new URL(page.url()).pathname));
  });
  page.on('requestfinished', (request) => {
    if (request.url().includes('/live?')) return;
    const size = request.sizes().then((one) => one.responseBodySize + one.responseHeadersSize);
    sizes.push(size.catch(() => 0));
  });
  page.on('download', (file) => {
    const { pathname, searchParams } = new URL(file.url());
    deeds.push({ at: new URL(page.url()).pathname, what: `GET ${pathname}`, fields: [...searchParams.keys()] });
  });
  await page.addInitScript({ path: IN_PAGE });
  const response = await page.goto(url, { waitUntil: 'load' });
  if (response === null) throw new Error(`nothing came from ${url}`);
  return {
    page,
    troubles,
    transferred: async () => (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0),
    [Symbol.asyncDispose]: () => closeWindow(page),
  };
}

const CLOSE_MS = 10_000;

/**
 * Leaves the page first: Chromium may never say that a window is closed that was on its way to another page, as one is after an
 * action. One that is still not closed after 10 s goes with the browser.
 */
async function closeWindow(page: Page): Promise<void> {
  const left = page.goto('about:blank').catch(() => null);
  const closed = left.then(() => page.context().close()).catch(() => undefined);
  await Promise.race([closed, setTimeout(CLOSE_MS, undefined, { ref: false })]);
}
