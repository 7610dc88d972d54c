import type { Words } from '../page.ts';
import type { Verdict } from './verdict.ts';

type OverviewWords = {
  readonly title: string;
  readonly verdicts: Readonly<Record<Verdict, string>>;
  readonly waiting: (count: string) => string;
  readonly counting: string;
  readonly nothingWaits: string;
  readonly oldest: string;
  readonly exitsOpen: (open: number, all: number) => string;
  readonly sent: string;
  readonly failed: string;
  readonly today: string;
  readonly week: string;
  readonly month: string;
  readonly queued: string;
  readonly retrying: string;
  readonly underway: string;
  readonly held: string;
  readonly quarantined: string;
  readonly accepted: string;
  readonly delivered: string;
  readonly deferred: string;
  readonly bounced: string;
  readonly expired: string;
  readonly suppressed: string;
  readonly bouncedExpired: string;
  readonly whatWaits: string;
  readonly destination: string;
  readonly deliveries: string;
  readonly over: (age: string) => string;
  readonly lastReason: string;
  readonly noReason: string;
  readonly wholeQueue: string;
  readonly exits: string;
  readonly exit: string;
  readonly state: string;
  readonly why: string;
  readonly success: string;
  readonly alerts: string;
  readonly noAlerts: string;
  readonly advice: string;
  readonly noAdvice: string;
  readonly nodes: string;
  readonly node: string;
  readonly up: string;
  readonly down: string;
  readonly stopping: string;
  readonly version: string;
  readonly policy: string;
  readonly heard: string;
  readonly ready: string;
  readonly notReady: string;
  readonly running: string;
  readonly since: string;
};

export const OVERVIEW_WORDS: Words<OverviewWords> = {
  en: {
    title: 'Overview',
    verdicts: {
      refusing: 'No mail is taken',
      stuck: 'No mail goes out: every exit is closed',
      slow: 'Mail flows, but some waits long',
      partly: 'Mail flows; something wants a look',
      flows: 'Mail flows',
    },
    waiting: (count) => `${count} waiting`,
    counting: 'Being counted …',
    nothingWaits: 'nothing waits',
    oldest: 'the oldest since',
    exitsOpen: (open, all) => `${open} of ${all} exits open`,
    sent: 'Delivered',
    failed: 'Failed',
    today: 'Today',
    week: '7 days',
    month: '30 days',
    queued: 'Queued now',
    retrying: 'to be tried',
    underway: 'under way',
    held: 'held',
    quarantined: 'quarantined',
    accepted: 'Accepted',
    delivered: 'Delivered',
    deferred: 'Deferrals',
    bounced: 'Bounced',
    expired: 'Expired',
    suppressed: 'Suppressed',
    bouncedExpired: 'bounced or expired',
    whatWaits: 'What waits, and why',
    destination: 'Destination',
    deliveries: 'Deliveries',
    over: (age) => `Older than ${age}`,
    lastReason: 'Put off last because',
    noReason: 'not put off lately',
    wholeQueue: 'The whole queue',
    exits: 'Exits',
    exit: 'Exit',
    state: 'State',
    why: 'Why',
    success: 'Success, 7 days',
    alerts: 'Alerts in force',
    noAlerts: 'None.',
    advice: 'Recommendations',
    noAdvice: 'Nothing to be done.',
    nodes: 'Nodes',
    node: 'Node',
    up: 'up',
    down: 'not heard of',
    stopping: 'stopping',
    version: 'Version',
    policy: 'Policy',
    heard: 'Heard of',
    ready: 'ready to take mail',
    notReady: 'not ready',
    running: 'This relay',
    since: 'started',
  },
  es: {
    title: 'Resumen',
    verdicts: {
      refusing: 'No se acepta correo',
      stuck: 'No sale correo: todas las salidas están cerradas',
      slow: 'El correo fluye, pero hay mensajes que esperan demasiado',
      partly: 'El correo fluye; hay algo que revisar',
      flows: 'El correo fluye',
    },
    waiting: (count) => `${count} en espera`,
    counting: 'Contando …',
    nothingWaits: 'nada en espera',
    oldest: 'el más antiguo,',
    exitsOpen: (open, all) => `${open} de ${all} salidas abiertas`,
    sent: 'Entregados',
    failed: 'Fallidos',
    today: 'Hoy',
    week: '7 días',
    month: '30 días',
    queued: 'En cola ahora',
    retrying: 'por intentar',
    underway: 'en curso',
    held: 'retenidos',
    quarantined: 'en cuarentena',
    accepted: 'Aceptados',
    delivered: 'Entregados',
    deferred: 'Aplazamientos',
    bounced: 'Rebotados',
    expired: 'Caducados',
    suppressed: 'Suprimidos',
    bouncedExpired: 'rebotados o caducados',
    whatWaits: 'Qué espera y por qué',
    destination: 'Destino',
    deliveries: 'Entregas',
    over: (age) => `Más de ${age}`,
    lastReason: 'Último motivo de aplazamiento',
    noReason: 'sin aplazamientos recientes',
    wholeQueue: 'Ver toda la cola',
    exits: 'Salidas',
    exit: 'Salida',
    state: 'Estado',
    why: 'Motivo',
    success: 'Éxito, 7 días',
    alerts: 'Alertas activas',
    noAlerts: 'Ninguna.',
    advice: 'Recomendaciones',
    noAdvice: 'Nada que hacer.',
    nodes: 'Nodos',
    node: 'Nodo',
    up: 'activo',
    down: 'sin noticias',
    stopping: 'deteniéndose',
    version: 'Versión',
    policy: 'Política',
    heard: 'Última señal',
    ready: 'listo para aceptar correo',
    notReady: 'no listo',
    running: 'Este relay',
    since: 'iniciado',
  },
};
