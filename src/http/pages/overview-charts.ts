/** What is drawn of the whole relay, and of one exit. */
import type { Words } from '../page.ts';
import type { Chart } from './charts.ts';

type ChartNames = Readonly<
  Record<
    'rate' | 'success' | 'latency' | 'queue' | 'accepted' | 'delivered' | 'deferred' | 'bounced' | 'reached',
    string
  >
> & {
  readonly perMinute: string;
  readonly half: string;
  readonly most: string;
  readonly waiting: string;
  readonly peak: string;
};

const WORDS: Words<ChartNames> = {
  en: {
    rate: 'Recipients a minute',
    success: 'Success',
    latency: 'From acceptance to delivery',
    queue: 'Queue',
    accepted: 'accepted',
    delivered: 'delivered',
    deferred: 'put off',
    bounced: 'bounced',
    reached: 'recipients reached',
    perMinute: '/min',
    half: 'half within',
    most: '95 % within',
    waiting: 'waiting',
    peak: 'at most',
  },
  es: {
    rate: 'Destinatarios por minuto',
    success: 'Éxito',
    latency: 'De la aceptación a la entrega',
    queue: 'Cola',
    accepted: 'aceptados',
    delivered: 'entregados',
    deferred: 'aplazados',
    bounced: 'rebotados',
    reached: 'destinatarios alcanzados',
    perMinute: '/min',
    half: 'la mitad en',
    most: 'el 95 % en',
    waiting: 'en espera',
    peak: 'máximo',
  },
};

type Language = keyof typeof WORDS;

/** Rate, success, latency, queue. */
export function relayCharts(language: Language): readonly Chart[] {
  const words = WORDS[language];
  const queue: Chart = {
    title: words.queue,
    lines: [
      { what: 'queue', label: words.waiting, tone: 'plain' },
      { what: 'queueMax', label: words.peak, tone: 'warn' },
    ],
    unit: '',
  };
  return [rate(words, true), success(words), latency(words), queue];
}

/** Without the queue, which is no exit's. */
export function exitCharts(language: Language): readonly Chart[] {
  const words = WORDS[language];
  return [rate(words, false), success(words), latency(words)];
}

function rate(words: ChartNames, isWhole: boolean): Chart {
  const lines = [
    ...(isWhole ? [{ what: 'recipients' as const, label: words.accepted, tone: 'plain' as const }] : []),
    { what: 'delivered' as const, label: words.delivered, tone: 'good' as const },
    { what: 'bounced' as const, label: words.bounced, tone: 'bad' as const },
    { what: 'deferred' as const, label: words.deferred, tone: 'warn' as const },
  ];
  return { title: words.rate, lines, unit: words.perMinute, per: 'minute' };
}

function success(words: ChartNames): Chart {
  return {
    title: words.success,
    lines: [{ what: 'success', label: words.reached, tone: 'good' }],
    scale: 100,
    unit: '%',
  };
}

function latency(words: ChartNames): Chart {
  const lines = [
    { what: 'p50' as const, label: words.half, tone: 'plain' as const },
    { what: 'p95' as const, label: words.most, tone: 'warn' as const },
  ];
  return { title: words.latency, lines, scale: 0.001, unit: 's' };
}
