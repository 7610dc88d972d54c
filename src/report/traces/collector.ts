/** Posts spans to an OpenTelemetry collector (OTLP over HTTP, JSON). Loaded only where traces are on: the library takes some 20 MB. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { TracesPolicy } from '../../policy/schema.ts';
import type { Attributes, SpanSketch } from './span-of.ts';
import type { TracedEvent } from './trace-book.ts';

/** A span with its place in a trace. `parentId` null: it begins it. */
export type PlacedSpan = SpanSketch & {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  /** Whether the parent is somebody else's. */
  readonly isParentRemote: boolean;
};

/** Who tells of the spans: the resource that all of them are of. */
export type Teller = { readonly version: string; readonly node: string; readonly hostname: string };

export type Collector = {
  /** @returns why it did not take them, in words without secrets; null: it did. Never rejects. */
  post(spans: readonly PlacedSpan[]): Promise<string | null>;
  /** Gives up what is being posted. */
  cut(): void;
  /** Once what is being posted is. Never rejects. */
  end(): Promise<void>;
};

type ExportedSpan = Parameters<OTLPTraceExporter['export']>[0][number];

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;
const SCOPE = { name: 'relevo' } as const;
const NO_TIME: ExportedSpan['duration'] = [0, 0];

/** @param timeoutMs of one post, tries anew included */
export function openCollector(
  { url, headers }: Pick<TracesPolicy, 'url' | 'headers'>,
  { version, node, hostname }: Teller,
  timeoutMs: number,
): Collector {
  const agent = new (url.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 1 });
  const exporter = new OTLPTraceExporter({ url, headers, timeoutMillis: timeoutMs, httpAgentOptions: () => agent });
  const resource = resourceFromAttributes({
    'service.name': 'relevo',
    'service.version': version,
    'service.instance.id': node,
    'host.name': hostname,
  });
  return {
    post: (spans) =>
      new Promise((resolve) => {
        const given = spans.map((span) => exported(span, resource));
        exporter.export(given, ({ code, error }) => resolve(code === 0 ? null : wordsOf(error)));
      }),
    cut: () => agent.destroy(),
    end: async () => {
      await exporter.shutdown().catch(() => undefined);
      agent.destroy();
    },
  };
}

/** A span's parent, as its trace has it: the message's first span is a child of what the client named. */
export function placeOf(
  { event, traceId, rootId, parent }: TracedEvent,
  spanId: string,
): Pick<PlacedSpan, 'traceId' | 'spanId' | 'parentId' | 'isParentRemote'> {
  if (event.event !== 'received') return { traceId, spanId, parentId: rootId, isParentRemote: false };
  return { traceId, spanId: rootId, parentId: parent?.spanId ?? null, isParentRemote: parent !== null };
}

function exported(span: PlacedSpan, resource: ExportedSpan['resource']): ExportedSpan {
  const { traceId, parentId, failure } = span;
  const context = { traceId, spanId: span.spanId, traceFlags: TraceFlags.SAMPLED };
  const status = failure === null ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: failure };
  return {
    name: span.name,
    kind: KINDS[span.kind],
    spanContext: () => context,
    ...(parentId === null
      ? {}
      : { parentSpanContext: { ...context, spanId: parentId, isRemote: span.isParentRemote } }),
    startTime: timeOf(span.startMs),
    endTime: timeOf(span.endMs),
    status,
    attributes: span.attributes satisfies Attributes,
    links: [],
    events: [],
    duration: NO_TIME,
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function timeOf(atMs: number): ExportedSpan['startTime'] {
  return [Math.floor(atMs / 1_000), Math.round((atMs % 1_000) * 1_000_000)];
}

/** The library's own words may have the URL or the answer in them. */
function wordsOf(error: Error | undefined): string {
  const code: unknown = error === undefined ? undefined : Reflect.get(error, 'code');
  if (typeof code === 'number') return `it answered ${code}`;
  if (typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code)) return code;
  return 'it did not answer, or asked to come later';
}
