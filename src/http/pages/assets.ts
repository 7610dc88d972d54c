/** What pages are made of beside themselves: style, scripts, the sign of relevo; read once, compressed once. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from '../answer.ts';

export type Assets = {
  /** Another one for other content, so that a browser may keep what it has for ever. @throws where there is no such asset */
  readonly url: (name: string) => string;
  /**
   * What is below `/assets/`, by its name or as `url` has it; null: there is no such asset. A browser keeps what it asked for by `url`,
   * and asks again for the rest.
   */
  readonly answer: (path: string, headers: IncomingHttpHeaders) => Promise<Answer | null>;
};

type Asset = {
  readonly contentType: string;
  readonly content: Buffer;
  readonly version: string;
  readonly packed: Map<Coding, Promise<Buffer>>;
};

type Coding = 'br' | 'gzip';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const FOLDER = new URL('../assets/', import.meta.url);
/** Charts are somebody else's, and come as they are. */
const PACKAGED: Readonly<Record<string, string>> = {
  'uplot.js': import.meta.resolve('uplot/dist/uPlot.iife.min.js'),
  'uplot.css': import.meta.resolve('uplot/dist/uPlot.min.css'),
};

/** Reads all of them. */
export function openAssets(): Assets {
  const own = readdirSync(FOLDER).filter((name) => TYPES[extname(name)] !== undefined);
  const files = [...own.map((name) => [name, new URL(name, FOLDER).href] as const), ...Object.entries(PACKAGED)];
  const assets = new Map(files.map(([name, url]) => [name, assetOf(name, readFileSync(new URL(url)))]));
  return {
    url: (name) => {
      const asset = assets.get(name);
      if (asset === undefined) throw new Error(`there is no asset ${name}`);
      return `/assets/${asset.version}/${name}`;
    },
    answer: async (path, headers) => {
      const [name = '', version] = path.split('/').toReversed();
      const asset = assets.get(name);
      if (asset === undefined || !/^(?:[\w-]{16}\/)?[^/]+$/.test(path)) return null;
      return answerOf(asset, headers, version === asset.version);
    },
  };
}

function assetOf(name: string, content: Buffer): Asset {
  const version = createHash('sha256').update(content).digest('base64url').slice(0, 16);
  return { contentType: TYPES[extname(name)] ?? '', content, version, packed: new Map() };
}

async function answerOf(asset: Asset, asked: IncomingHttpHeaders, isKept: boolean): Promise<Answer> {
  const { contentType, content, version } = asset;
  const etag = `"${version}"`;
  const headers = {
    etag,
    vary: 'accept-encoding',
    'cache-control': isKept ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  const known = asked['if-none-match']?.split(',') ?? [];
  if (known.some((one) => one.trim().replace(/^W\//, '') === etag))
    return { status: 304, contentType, text: '', headers };
  const coding = codingOf(asked['accept-encoding']);
  if (coding === null) return { status: 200, contentType, text: '', bytes: content, headers };
  const packed = asset.packed.get(coding) ?? pack(content, coding);
  asset.packed.set(coding, packed);
  return {
    status: 200,
    contentType,
    text: '',
    bytes: await packed,
    headers: { ...headers, 'content-encoding': coding },
  };
}

/** The first of these that a reader takes; null: none. @param accepted its field `Accept-Encoding` */
export function codingOf(accepted: string | undefined, among: readonly Coding[] = ['br', 'gzip']): Coding | null {
  const taken = (accepted ?? '').split(',').flatMap((one) => {
    const [name = '', ...rest] = one.split(';').map((part) => part.trim().toLowerCase());
    return rest.some((part) => /^q=0(?:\.0*)?$/.test(part)) ? [] : [name];
  });
  return among.find((coding) => taken.includes(coding)) ?? null;
}

/** Off this thread. */
function pack(content: Buffer, coding: Coding): Promise<Buffer> {
  if (coding === 'gzip') return promisify(gzip)(content, { level: 9 });
  return promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 7 } });
}
