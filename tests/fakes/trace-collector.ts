/** An OpenTelemetry collector: keeps the spans that are posted to it (OTLP over HTTP, JSON), and answers as it is told to. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type CollectedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
  readonly failure: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of who told of it. */
  readonly resource: Readonly<Record<string, unknown>>;
};

export type TraceCollector = AsyncDisposable & {
  readonly url: string;
  readonly spans: CollectedSpan[];
  /** Header fields of each post, those that were not taken too. */
  readonly posts: Readonly<Record<string, unknown>>[];
  /** What was posted, as it came. */
  text: string;
  /** What it answers from now on; `cut`: it hangs up; `silent`: nothing. */
  answer: number | 'cut' | 'silent';
  readonly named: (name: string) => readonly CollectedSpan[];
};

export async function startTraceCollector(): Promise<TraceCollector> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { answer } = collector;
      collector.posts.push({ ...request.headers, path: request.url });
      if (answer === 'cut') return void request.socket.destroy();
      if (answer === 'silent') return;
      const text = Buffer.concat(chunks).toString();
      if (answer < 300) {
        collector.text += text;
        collector.spans.push(...spansIn(JSON.parse(text) as Posted));
      }
      response.writeHead(answer, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const spans: CollectedSpan[] = [];
  const collector: TraceCollector = {
    url: `http://127.0.0.1:${port}/v1/traces`,
    spans,
    posts: [],
    text: '',
    answer: 200,
    named: (name) => spans.filter((span) => span.name === name),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
  return collector;
}

type Value = {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values: readonly Value[] };
};
type Named = { readonly key: string; readonly value: Value };
type PostedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number; readonly message?: string };
  readonly attributes: readonly Named[];
};
type Posted = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Named[] };
    readonly scopeSpans: readonly { readonly spans: readonly PostedSpan[] }[];
  }[];
};

function spansIn({ resourceSpans }: Posted): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => spanOf(span, attributesOf(resource.attributes)))),
  );
}

function spanOf(span: PostedSpan, resource: CollectedSpan['resource']): CollectedSpan {
  const { traceId, spanId, parentSpanId, name, kind, status } = span;
  return {
    traceId,
    spanId,
    parentSpanId: parentSpanId === '' ? undefined : parentSpanId,
    name,
    kind,
    startMs: msOf(span.startTimeUnixNano),
    endMs: msOf(span.endTimeUnixNano),
    isError: status.code === 2,
    failure: status.message,
    attributes: attributesOf(span.attributes),
    resource,
  };
}

function msOf(nanos: string): number {
  return Number(BigInt(nanos) / 1_000_000n);
}

function attributesOf(named: readonly Named[]): Record<string, unknown> {
  return Object.fromEntries(named.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf({ stringValue, intValue, boolValue, arrayValue }: Value): unknown {
  return (
    stringValue ??
    (intValue === undefined ? undefined : Number(intValue)) ??
    boolValue ??
    arrayValue?.values.map(valueOf)
  );
}
