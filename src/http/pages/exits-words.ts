import type { ReportKind } from '../../routing/report-figures.ts';
import type { Words } from '../page.ts';

type ExitsWords = {
  readonly title: string;
  readonly exit: string;
  readonly state: string;
  readonly today: string;
  readonly hour: string;
  readonly rate: string;
  readonly connections: string;
  readonly noLimit: string;
  readonly of: (used: string, limit: string) => string;
  readonly warmup: string;
  readonly warmupDay: (day: number, days: number) => string;
  readonly warmupFrom: (day: string) => string;
  readonly warmupOver: string;
  readonly reputation: string;
  readonly levels: Readonly<Record<string, string>>;
  readonly success: string;
  readonly cost: string;
  readonly month: string;
  readonly forecast: string;
  readonly budget: string;
  readonly usedUp: string;
  readonly lasts: string;
  readonly free: string;
  readonly errors: string;
  readonly errorsKept: string;
  readonly noErrors: string;
  readonly times: (count: number) => string;
  readonly actions: string;
  readonly pause: string;
  readonly pauseTitle: (egress: string) => string;
  readonly pauseHint: string;
  readonly reason: string;
  readonly paused: string;
  readonly resume: string;
  readonly resumeAsk: (egress: string) => string;
  readonly resumed: string;
  readonly forget: string;
  readonly test: string;
  readonly testing: string;
  readonly works: string;
  readonly fails: string;
  readonly close: string;
  readonly cancel: string;
  readonly history: string;
  readonly period: string;
  readonly periods: { readonly today: string; readonly week: string; readonly month: string };
  readonly delivered: string;
  readonly deferred: string;
  readonly bounced: string;
  readonly blocked: string;
  readonly complained: string;
  readonly reported: string;
  readonly recipients: string;
  readonly ofDelivered: string;
  readonly reports: Readonly<Record<Exclude<ReportKind, 'put-off'>, string>>;
  readonly provider: string;
  readonly target: string;
  readonly type: string;
  readonly resets: string;
  readonly next: string;
  readonly noExits: string;
  readonly unknown: string;
  readonly unknownText: string;
  readonly said: string;
  readonly all: string;
};

export const EXITS_WORDS: Words<ExitsWords> = {
  en: {
    title: 'Exits',
    exit: 'Exit',
    state: 'State',
    today: 'Today',
    hour: 'This hour',
    rate: 'Rate',
    connections: 'Connections',
    noLimit: 'no limit',
    of: (used, limit) => `${used} of ${limit}`,
    warmup: 'Warm-up',
    warmupDay: (day, days) => `day ${day} of ${days}`,
    warmupFrom: (day) => `from ${day}`,
    warmupOver: 'over',
    reputation: 'Reputation',
    levels: { good: 'good', slowed: 'slowed', paused: 'paused' },
    success: 'Success, 7 days',
    cost: 'Cost',
    month: 'this month',
    forecast: 'comes to',
    budget: 'Budget',
    usedUp: 'used up',
    lasts: 'lasts the month',
    free: 'no cost given',
    errors: 'Last errors',
    errorsKept: 'As all nodes heard them, over restarts too.',
    noErrors: 'None since the relay started.',
    times: (count) => (count === 1 ? 'once' : `${count} times`),
    actions: 'Actions',
    pause: 'Pause',
    pauseTitle: (egress) => `Pause ${egress}`,
    pauseHint: 'No new mail goes out by it, on any node, until it is resumed. What is under way is finished.',
    reason: 'Reason',
    paused: 'Paused: no new mail goes out by it.',
    resume: 'Resume',
    resumeAsk: (egress) => `Let mail go out by ${egress} again?`,
    resumed: 'Resumed.',
    forget: 'Forget what came of its mail so far',
    test: 'Test',
    testing: 'Tested {egress}; no mail was sent.',
    works: 'works',
    fails: 'does not work',
    close: 'Close',
    cancel: 'Cancel',
    history: 'What came of its mail',
    period: 'Time',
    periods: { today: 'Today', week: '7 days', month: '30 days' },
    delivered: 'Delivered',
    deferred: 'Put off',
    bounced: 'Bounced',
    blocked: 'Blocked',
    complained: 'Complaints',
    reported: 'Reported by the provider, 30 days',
    recipients: 'Recipients',
    ofDelivered: 'Of delivered',
    reports: {
      confirmed: 'delivered by it',
      opened: 'opened',
      clicked: 'clicked',
      'bounced-later': 'bounced later',
      complained: 'complained',
      unsubscribed: 'unsubscribed',
    },
    provider: 'Provider',
    target: 'Server',
    type: 'Type',
    resets: 'begins anew',
    next: 'the next message',
    noExits: 'The policy has no exit.',
    unknown: 'No such exit',
    unknownText: 'The policy in force has no exit of that name.',
    said: 'Reply',
    all: 'All exits',
  },
  es: {
    title: 'Salidas',
    exit: 'Salida',
    state: 'Estado',
    today: 'Hoy',
    hour: 'Esta hora',
    rate: 'Ritmo',
    connections: 'Conexiones',
    noLimit: 'sin límite',
    of: (used, limit) => `${used} de ${limit}`,
    warmup: 'Calentamiento',
    warmupDay: (day, days) => `día ${day} de ${days}`,
    warmupFrom: (day) => `desde el ${day}`,
    warmupOver: 'terminado',
    reputation: 'Reputación',
    levels: { good: 'buena', slowed: 'reducida', paused: 'en pausa' },
    success: 'Éxito, 7 días',
    cost: 'Coste',
    month: 'este mes',
    forecast: 'previsión',
    budget: 'Presupuesto',
    usedUp: 'agotado',
    lasts: 'alcanza hasta fin de mes',
    free: 'sin coste indicado',
    errors: 'Últimos errores',
    errorsKept: 'Los que han recibido todos los nodos, también antes de un reinicio.',
    noErrors: 'Ninguno desde que se inició el relay.',
    times: (count) => (count === 1 ? 'una vez' : `${count} veces`),
    actions: 'Acciones',
    pause: 'Pausar',
    pauseTitle: (egress) => `Pausar ${egress}`,
    pauseHint:
      'No saldrá correo nuevo por ella, en ningún nodo, hasta que se reanude. Lo que está en curso se termina.',
    reason: 'Motivo',
    paused: 'En pausa: no sale correo nuevo por ella.',
    resume: 'Reanudar',
    resumeAsk: (egress) => `¿Volver a enviar correo por ${egress}?`,
    resumed: 'Reanudada.',
    forget: 'Olvidar los resultados de su correo hasta ahora',
    test: 'Probar',
    testing: '{egress} probada; no se ha enviado correo.',
    works: 'funciona',
    fails: 'no funciona',
    close: 'Cerrar',
    cancel: 'Cancelar',
    history: 'Resultados de su correo',
    period: 'Periodo',
    periods: { today: 'Hoy', week: '7 días', month: '30 días' },
    delivered: 'Entregados',
    deferred: 'Aplazados',
    bounced: 'Rebotados',
    blocked: 'Bloqueados',
    complained: 'Quejas',
    reported: 'Según el proveedor, 30 días',
    recipients: 'Destinatarios',
    ofDelivered: 'De los entregados',
    reports: {
      confirmed: 'entregado por él',
      opened: 'abierto',
      clicked: 'clic',
      'bounced-later': 'rebotado después',
      complained: 'quejas',
      unsubscribed: 'bajas',
    },
    provider: 'Proveedor',
    target: 'Servidor',
    type: 'Tipo',
    resets: 'se renueva',
    next: 'el siguiente mensaje',
    noExits: 'La política no tiene ninguna salida.',
    unknown: 'No existe esa salida',
    unknownText: 'La política vigente no tiene ninguna salida con ese nombre.',
    said: 'Respuesta',
    all: 'Todas las salidas',
  },
};
