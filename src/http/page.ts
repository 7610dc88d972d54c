/** What one page is. Pages are rendered on the server; everything that they change goes through the API. */
import type { HtmlEscapedString } from 'hono/utils/html';
import type { Principal } from './principal.ts';
import type { Scope } from './token.ts';

/** Made by hono's `html` template alone, which escapes what it is given. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

export const LANGUAGES = ['en', 'es'] as const;
export type Language = (typeof LANGUAGES)[number];
/** The words of a page, in each language. */
export type Words<Texts> = Readonly<Record<Language, Texts>>;

export type PageAsk = {
  readonly principal: Principal;
  /** What stood in the braces of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly language: Language;
  readonly nowMs: number;
  /** What changes something shows this in `X-Relevo-CSRF`; null: whoever asks has not signed in. */
  readonly csrf: string | null;
  /** For a page that is open already, which waits for nothing. */
  readonly isLive?: true;
};

export type PageBody = {
  /** Default: 200. */
  readonly status?: 200 | 404;
  readonly title: string;
  /**
   * Below the heading. An element with `data-live="NAME"` is replaced by itself as it is rendered later, for as long as the page is open.
   * A form with `data-api="POST /api/v1/…"` sends its fields there as JSON, and says what came of it.
   */
  readonly main: Html;
  /** Names of scripts below `/assets/`, beside the one that all pages have. */
  readonly scripts?: readonly string[];
};

export type Page = {
  /** In OpenAPI's form, such as `/messages/{id}`. */
  readonly path: string;
  /** What whoever asks needs; null: everybody who was admitted. */
  readonly scope: Scope | null;
  /** Whoever comes sees it, unknown: such as the page to sign in. Its principal has no name and no scopes. Default: false. */
  readonly isOpen?: boolean;
  /** Its place in the list of pages; null: it is reached from another page. */
  readonly nav: { readonly order: number; readonly name: Words<string> } | null;
  readonly render: (ask: PageAsk) => Promise<PageBody>;
};
