/** The words of the reports. */
import type { BOUNCE_FIGURES } from '../../report/rollups/figures.ts';
import type { ReportDimension } from '../../operations/figures/reports.ts';
import type { Words } from '../page.ts';

type BounceKind = (typeof BOUNCE_FIGURES)[number];

type ReportWords = {
  readonly title: string;
  readonly bounces: string;
  readonly costs: string;
  readonly reports: string;
  readonly stretch: string;
  readonly show: string;
  readonly stretches: Readonly<Record<'24h' | '7d' | '30d' | '90d', string>>;
  readonly month: string;
  readonly exportAs: (format: string) => string;
  readonly bounced: string;
  readonly later: string;
  readonly rate: string;
  readonly delivered: string;
  readonly complained: string;
  readonly kind: string;
  readonly means: string;
  readonly kinds: Readonly<Record<BounceKind, readonly [name: string, means: string]>>;
  readonly by: Readonly<Record<ReportDimension, string>>;
  readonly others: string;
  readonly reasons: string;
  readonly said: string;
  readonly recipients: string;
  readonly none: string;
  readonly trend: string;
  readonly cost: string;
  readonly count: string;
  readonly toDate: string;
  readonly forecast: string;
  readonly budget: string;
  readonly saved: string;
  readonly savedBy: (count: string, cloud: string) => string;
  readonly dearer: string;
  readonly noCosts: string;
  readonly total: string;
};

export const REPORT_WORDS: Words<ReportWords> = {
  en: {
    title: 'Reports',
    bounces: 'Bounces',
    costs: 'Costs',
    reports: 'Reports',
    stretch: 'Stretch of time',
    show: 'Show',
    stretches: { '24h': 'last 24 hours', '7d': 'last 7 days', '30d': 'last 30 days', '90d': 'last 90 days' },
    month: 'Month',
    exportAs: (format) => `Export as ${format}`,
    bounced: 'Bounced',
    later: 'Bounced later',
    rate: 'Bounce rate',
    delivered: 'Delivered',
    complained: 'Complaints',
    kind: 'Kind',
    means: 'What it means',
    kinds: {
      unknownUser: ['Unknown user', 'No such mailbox, or none in use'],
      hard: ['Hard', 'The address cannot be reached, for good'],
      mailboxFull: ['Mailbox full', 'The recipient has no room'],
      block: ['Block', 'Our sending address is refused: see the exit'],
      policy: ['Policy', 'The content, its size or a rule of theirs'],
      soft: ['Soft', 'May pass'],
    },
    by: { exit: 'Exit', stream: 'Stream', client: 'Client', destination: 'Destination', tag: 'Tag' },
    others: 'others',
    reasons: 'What servers said',
    said: 'Reply',
    recipients: 'Recipients',
    none: 'Nothing bounced.',
    trend: 'Recipients that bounced',
    cost: 'Cost',
    count: 'Count',
    toDate: 'Month to date',
    forecast: 'Forecast',
    budget: 'Budget',
    saved: 'Saved by own servers',
    savedBy: (count, cloud) => `${count} went by own servers, at the price of ${cloud}`,
    dearer: 'Own servers were dearer by',
    noCosts: 'Nothing in this month has a price.',
    total: 'All',
  },
  es: {
    title: 'Informes',
    bounces: 'Rebotes',
    costs: 'Costes',
    reports: 'Informes',
    stretch: 'Periodo',
    show: 'Mostrar',
    stretches: {
      '24h': 'últimas 24 horas',
      '7d': 'últimos 7 días',
      '30d': 'últimos 30 días',
      '90d': 'últimos 90 días',
    },
    month: 'Mes',
    exportAs: (format) => `Exportar como ${format}`,
    bounced: 'Rebotados',
    later: 'Rebotados después',
    rate: 'Tasa de rebote',
    delivered: 'Entregados',
    complained: 'Quejas',
    kind: 'Tipo',
    means: 'Qué significa',
    kinds: {
      unknownUser: ['Usuario desconocido', 'El buzón no existe o no se usa'],
      hard: ['Permanente', 'No se puede llegar a la dirección'],
      mailboxFull: ['Buzón lleno', 'El destinatario no tiene espacio'],
      block: ['Bloqueo', 'Rechazan nuestra dirección de envío: véase la salida'],
      policy: ['Política', 'El contenido, su tamaño o una norma suya'],
      soft: ['Temporal', 'Puede pasar'],
    },
    by: { exit: 'Salida', stream: 'Flujo', client: 'Cliente', destination: 'Destino', tag: 'Etiqueta' },
    others: 'otros',
    reasons: 'Qué dijeron los servidores',
    said: 'Respuesta',
    recipients: 'Destinatarios',
    none: 'No hubo rebotes.',
    trend: 'Destinatarios rebotados',
    cost: 'Coste',
    count: 'Cantidad',
    toDate: 'En lo que va de mes',
    forecast: 'Previsión',
    budget: 'Presupuesto',
    saved: 'Ahorro con servidores propios',
    savedBy: (count, cloud) => `${count} salieron por servidores propios, al precio de ${cloud}`,
    dearer: 'Los servidores propios costaron de más',
    noCosts: 'Nada en este mes tiene precio.',
    total: 'Todo',
  },
};
