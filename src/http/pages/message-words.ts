/** The words of the page of one message. */
import type { Words } from '../page.ts';
import { STATE_WORDS } from './messages-words.ts';

type MessageWords = {
  readonly title: string;
  readonly gone: string;
  readonly facts: string;
  readonly id: string;
  readonly sender: string;
  readonly nobody: string;
  readonly client: string;
  readonly stream: string;
  readonly priority: string;
  readonly tag: string;
  readonly subject: string;
  readonly size: string;
  readonly received: string;
  readonly sendAt: string;
  readonly recipients: string;
  readonly recipient: string;
  readonly state: string;
  readonly exit: string;
  readonly host: string;
  readonly source: string;
  readonly attempts: string;
  readonly ended: string;
  readonly later: string;
  readonly providerId: string;
  readonly ofAll: (shown: string, all: string) => string;
  readonly asJson: string;
  readonly waits: string;
  readonly looking: string;
  readonly due: string;
  readonly underway: string;
  readonly timeline: string;
  readonly events: Readonly<Record<string, string>>;
  readonly attempt: (number: number) => string;
  readonly clearText: string;
  readonly route: string;
  readonly passedOver: string;
  readonly transcripts: string;
  readonly noTranscripts: string;
  readonly cut: string;
  readonly relay: string;
  readonly server: string;
  readonly note: string;
  readonly actions: Readonly<Record<'retry' | 'hold' | 'release' | 'bounce' | 'discard' | 'cancel', string>>;
  readonly done: string;
  readonly sure: Readonly<Record<'bounce' | 'discard' | 'cancel', string>>;
  readonly reschedule: string;
  readonly newTime: string;
  readonly notifiedBy: string;
  readonly inTime: (took: string) => string;
  readonly until: string;
};

const SAME = ['received', 'attempted', 'deferred', 'warned', 'held', 'released', 'retried', 'rescheduled'];

export const MESSAGE_WORDS: Words<MessageWords> = {
  en: {
    title: 'Message',
    gone: 'No such message is known: it was never accepted, or is older than the history that the policy keeps.',
    facts: 'What it is',
    id: 'Id',
    sender: 'Envelope sender',
    nobody: '<> (null sender)',
    client: 'Client',
    stream: 'Stream',
    priority: 'Priority',
    tag: 'Tag',
    subject: 'Subject',
    size: 'Size',
    received: 'Received',
    sendAt: 'Not to be sent before',
    recipients: 'Recipients',
    recipient: 'Recipient',
    state: 'State',
    exit: 'Exit',
    host: 'Server',
    source: 'Sent from',
    attempts: 'Attempts',
    ended: 'Ended',
    later: 'Reported later',
    providerId: 'Provider id',
    ofAll: (shown, all) => `${shown} of ${all} are shown;`,
    asJson: 'all of it as JSON',
    waits: 'What waits, and why',
    looking: 'Looking into it …',
    due: 'due',
    underway: 'under way',
    timeline: 'What happened',
    events: {
      ...Object.fromEntries(SAME.map((name) => [name, name])),
      ...STATE_WORDS.en,
      'bounced-later': 'bounced later',
      confirmed: 'confirmed',
      'put-off': 'put off by the provider',
      complained: 'complained',
      unsubscribed: 'unsubscribed',
      opened: 'opened',
      clicked: 'clicked',
      answered: 'answered',
    },
    attempt: (number) => `attempt ${number}`,
    clearText: 'clear text',
    route: 'route',
    passedOver: 'not by others:',
    transcripts: 'What was said in the last attempts',
    noTranscripts:
      'No conversation is kept: those of attempts that failed are, for a week, and some of those that delivered.',
    cut: 'It was longer: lines are missing.',
    relay: 'relay',
    server: 'server',
    note: 'note',
    actions: {
      retry: 'Try now',
      hold: 'Hold',
      release: 'Release',
      bounce: 'Bounce',
      discard: 'Discard',
      cancel: 'Do not send',
    },
    done: 'Deliveries changed: {changed}.',
    sure: {
      bounce: 'End this with a report to its sender?',
      discard: 'End this without any report?',
      cancel: 'Cancel this before its time comes, without a report?',
    },
    reschedule: 'Reschedule',
    newTime: 'New time',
    notifiedBy: 'the sender is told by',
    inTime: (took) => `in ${took}`,
    until: 'until',
  },
  es: {
    title: 'Mensaje',
    gone: 'No se conoce ese mensaje: nunca se aceptó, o es más antiguo que el historial que conserva la política.',
    facts: 'Qué es',
    id: 'Identificador',
    sender: 'Remitente del sobre',
    nobody: '<> (remitente nulo)',
    client: 'Cliente',
    stream: 'Flujo',
    priority: 'Prioridad',
    tag: 'Etiqueta',
    subject: 'Asunto',
    size: 'Tamaño',
    received: 'Recibido',
    sendAt: 'No enviar antes de',
    recipients: 'Destinatarios',
    recipient: 'Destinatario',
    state: 'Estado',
    exit: 'Salida',
    host: 'Servidor',
    source: 'Enviado desde',
    attempts: 'Intentos',
    ended: 'Fin',
    later: 'Notificado después',
    providerId: 'Id del proveedor',
    ofAll: (shown, all) => `Se muestran ${shown} de ${all};`,
    asJson: 'todo en JSON',
    waits: 'Qué espera y por qué',
    looking: 'Mirando por qué …',
    due: 'previsto',
    underway: 'en curso',
    timeline: 'Qué ha pasado',
    events: {
      ...STATE_WORDS.es,
      received: 'recibido',
      attempted: 'intentado',
      deferred: 'aplazado',
      warned: 'remitente avisado',
      released: 'liberado',
      retried: 'reintento forzado',
      rescheduled: 'reprogramado',
      'bounced-later': 'rebotado después',
      confirmed: 'confirmado',
      'put-off': 'aplazado por el proveedor',
      complained: 'queja',
      unsubscribed: 'baja',
      opened: 'abierto',
      clicked: 'clic',
      answered: 'respondido',
    },
    attempt: (number) => `intento ${number}`,
    clearText: 'sin cifrar',
    route: 'ruta',
    passedOver: 'no por otras:',
    transcripts: 'Qué se dijo en los últimos intentos',
    noTranscripts:
      'No se conserva ninguna conversación: se conservan las de intentos fallidos, durante una semana, y algunas de las que entregaron.',
    cut: 'Era más larga: faltan líneas.',
    relay: 'relay',
    server: 'servidor',
    note: 'nota',
    actions: {
      retry: 'Intentar ahora',
      hold: 'Retener',
      release: 'Liberar',
      bounce: 'Rebotar',
      discard: 'Descartar',
      cancel: 'No enviar',
    },
    done: 'Entregas cambiadas: {changed}.',
    sure: {
      bounce: '¿Terminarlo con un aviso al remitente?',
      discard: '¿Terminarlo sin ningún aviso?',
      cancel: '¿Cancelarlo antes de su hora, sin aviso?',
    },
    reschedule: 'Reprogramar',
    newTime: 'Nueva hora',
    notifiedBy: 'se avisa al remitente con',
    inTime: (took) => `en ${took}`,
    until: 'hasta',
  },
};
