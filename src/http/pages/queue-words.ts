/** The words of the page Queue. */
import type { QueueAction } from '../../operations/operations.ts';
import type { Words } from '../page.ts';

type QueueWords = {
  readonly title: string;
  readonly shape: string;
  readonly shapeHint: string;
  readonly destination: string;
  readonly all: string;
  readonly under: (age: string) => string;
  readonly older: string;
  readonly why: string;
  readonly moreDomains: (count: string) => string;
  readonly partial: string;
  readonly empty: string;
  readonly counting: string;
  readonly looking: string;
  readonly filter: string;
  readonly domain: string;
  readonly client: string;
  readonly stream: string;
  readonly exit: string;
  readonly sender: string;
  readonly recipient: string;
  readonly state: string;
  readonly any: string;
  readonly id: string;
  readonly scheduled: string;
  readonly onlyScheduled: string;
  readonly apply: string;
  readonly clear: string;
  readonly wrong: string;
  readonly found: string;
  readonly matches: (count: string, isOne: boolean) => string;
  readonly atLeast: (count: string) => string;
  readonly newest: (count: string) => string;
  readonly select: string;
  readonly selectOne: (id: string) => string;
  readonly delivery: string;
  readonly age: string;
  readonly due: string;
  readonly attempts: string;
  readonly recipients: string;
  readonly lastReply: string;
  readonly sendAt: string;
  readonly underway: string;
  readonly more: (count: string) => string;
  readonly older2: string;
  readonly newest2: string;
  readonly withSelected: string;
  readonly withAll: string;
  readonly withAllHint: string;
  readonly actions: Readonly<Record<QueueAction, string>>;
  readonly sureSelected: Readonly<Record<QueueAction, string>>;
  readonly sureAll: Readonly<Record<QueueAction, string>>;
  readonly preview: string;
  readonly done: string;
  readonly reschedule: string;
  readonly newTime: string;
  readonly whyThese: string;
};

export const QUEUE_WORDS: Words<QueueWords> = {
  en: {
    title: 'Queue',
    shape: 'What waits, by destination and age',
    shapeHint: 'Deliveries; the darker, the more. Ages count from when the mail came.',
    destination: 'Destination',
    all: 'all',
    under: (age) => `< ${age}`,
    older: 'older',
    why: 'Put off last',
    moreDomains: (count) => `and ${count} more destinations`,
    partial: 'The newest 200,000 deliveries only.',
    empty: 'Nothing waits.',
    counting: 'Being counted …',
    looking: 'Looking through the queue …',
    filter: 'Filter',
    domain: 'Destination',
    client: 'Client',
    stream: 'Stream',
    exit: 'Last exit',
    sender: 'Sender',
    recipient: 'Recipient',
    state: 'State',
    any: 'any',
    id: 'Id',
    scheduled: 'Scheduled',
    onlyScheduled: 'only mail with a time to come',
    apply: 'Filter',
    clear: 'Clear',
    wrong: 'There cannot be such mail:',
    found: 'Deliveries',
    matches: (count, isOne) => `${count} ${isOne ? 'delivery' : 'deliveries'}`,
    atLeast: (count) => `at least ${count} deliveries (the newest 20,000 of the queue were looked at)`,
    newest: (count) => `the newest ${count} are shown`,
    select: 'Select',
    selectOne: (id) => `Select ${id}`,
    delivery: 'Delivery',
    age: 'Came',
    due: 'Due',
    attempts: 'Attempts',
    recipients: 'Recipients',
    lastReply: 'Last reply',
    sendAt: 'scheduled for',
    underway: 'under way',
    more: (count) => `and ${count} more`,
    older2: 'Older ones',
    newest2: 'Back to the newest',
    withSelected: 'With those selected:',
    withAll: 'With all that the filter names:',
    withAllHint: 'Also those that are not shown. How many it would be is said before anything is done.',
    actions: {
      retry: 'Try now',
      hold: 'Hold',
      release: 'Release',
      bounce: 'Bounce',
      discard: 'Discard',
      cancel: 'Do not send scheduled',
    },
    sureSelected: {
      retry: 'Try those selected now?',
      hold: 'Hold those selected?',
      release: 'Release those selected?',
      bounce: 'End those selected with a report to their senders?',
      discard: 'End those selected without any report?',
      cancel: 'Cancel those selected before their time comes, without a report?',
    },
    sureAll: {
      retry: 'Try now all that the filter names?',
      hold: 'Hold all that the filter names?',
      release: 'Release all that the filter names?',
      bounce: 'End all that the filter names, with reports to their senders?',
      discard: 'End all that the filter names, without any report?',
      cancel: 'Cancel all scheduled mail that the filter names, without a report?',
    },
    preview: 'Deliveries: {changed}; under way and left alone: {busy}.',
    done: 'Deliveries changed: {changed}; under way and left alone: {busy}.',
    reschedule: 'Reschedule those selected',
    newTime: 'New time',
    whyThese: 'Why the newest of them wait',
  },
  es: {
    title: 'Cola',
    shape: 'Qué espera, por destino y antigüedad',
    shapeHint: 'Entregas; cuanto más oscuro, más hay. La antigüedad cuenta desde que llegó el correo.',
    destination: 'Destino',
    all: 'total',
    under: (age) => `< ${age}`,
    older: 'más',
    why: 'Último aplazamiento',
    moreDomains: (count) => `y ${count} destinos más`,
    partial: 'Solo las 200.000 entregas más recientes.',
    empty: 'No espera nada.',
    counting: 'Contando …',
    looking: 'Buscando en la cola …',
    filter: 'Filtro',
    domain: 'Destino',
    client: 'Cliente',
    stream: 'Flujo',
    exit: 'Última salida',
    sender: 'Remitente',
    recipient: 'Destinatario',
    state: 'Estado',
    any: 'cualquiera',
    id: 'Identificador',
    scheduled: 'Programado',
    onlyScheduled: 'solo correo con hora por llegar',
    apply: 'Filtrar',
    clear: 'Limpiar',
    wrong: 'No puede haber correo así:',
    found: 'Entregas',
    matches: (count, isOne) => `${count} ${isOne ? 'entrega' : 'entregas'}`,
    atLeast: (count) => `al menos ${count} entregas (se han revisado las 20.000 más recientes de la cola)`,
    newest: (count) => `se muestran las ${count} más recientes`,
    select: 'Seleccionar',
    selectOne: (id) => `Seleccionar ${id}`,
    delivery: 'Entrega',
    age: 'Llegó',
    due: 'Previsto',
    attempts: 'Intentos',
    recipients: 'Destinatarios',
    lastReply: 'Última respuesta',
    sendAt: 'programado para',
    underway: 'en curso',
    more: (count) => `y ${count} más`,
    older2: 'Más antiguas',
    newest2: 'Volver a las más recientes',
    withSelected: 'Con las seleccionadas:',
    withAll: 'Con todas las del filtro:',
    withAllHint: 'También las que no se muestran. Antes de hacer nada se dice cuántas serían.',
    actions: {
      retry: 'Intentar ahora',
      hold: 'Retener',
      release: 'Liberar',
      bounce: 'Rebotar',
      discard: 'Descartar',
      cancel: 'No enviar programadas',
    },
    sureSelected: {
      retry: '¿Intentar ahora las seleccionadas?',
      hold: '¿Retener las seleccionadas?',
      release: '¿Liberar las seleccionadas?',
      bounce: '¿Terminar las seleccionadas con un aviso a sus remitentes?',
      discard: '¿Terminar las seleccionadas sin ningún aviso?',
      cancel: '¿Cancelar las seleccionadas antes de su hora, sin aviso?',
    },
    sureAll: {
      retry: '¿Intentar ahora todas las del filtro?',
      hold: '¿Retener todas las del filtro?',
      release: '¿Liberar todas las del filtro?',
      bounce: '¿Terminar todas las del filtro con avisos a sus remitentes?',
      discard: '¿Terminar todas las del filtro sin ningún aviso?',
      cancel: '¿Cancelar todo el correo programado del filtro, sin aviso?',
    },
    preview: 'Entregas: {changed}; en curso, sin tocar: {busy}.',
    done: 'Entregas cambiadas: {changed}; en curso, sin tocar: {busy}.',
    reschedule: 'Reprogramar las seleccionadas',
    newTime: 'Nueva hora',
    whyThese: 'Por qué esperan las más recientes',
  },
};
