/** The words of the page Messages, and of states wherever they are shown. */
import type { SearchState } from '../../spool/search.ts';
import type { Words } from '../page.ts';

/** How a recipient is called, wherever it is shown. */
export const STATE_WORDS: Words<Readonly<Record<SearchState, string>>> = {
  en: {
    queued: 'queued',
    held: 'held',
    quarantined: 'quarantined',
    delivered: 'delivered',
    bounced: 'bounced',
    expired: 'expired',
    suppressed: 'suppressed',
    discarded: 'discarded',
    'in-doubt': 'in doubt',
  },
  es: {
    queued: 'en cola',
    held: 'retenido',
    quarantined: 'en cuarentena',
    delivered: 'entregado',
    bounced: 'rebotado',
    expired: 'caducado',
    suppressed: 'suprimido',
    discarded: 'descartado',
    'in-doubt': 'en duda',
  },
};

type MessagesWords = {
  readonly title: string;
  readonly search: string;
  readonly find: string;
  readonly clear: string;
  readonly text: string;
  readonly textHint: string;
  readonly address: string;
  readonly domain: string;
  readonly state: string;
  readonly any: string;
  readonly client: string;
  readonly stream: string;
  readonly exit: string;
  readonly tag: string;
  readonly since: string;
  readonly until: string;
  readonly zone: (zone: string) => string;
  readonly message: string;
  readonly received: string;
  readonly sender: string;
  readonly recipients: string;
  readonly subject: string;
  readonly size: string;
  readonly more: (count: string) => string;
  readonly looking: string;
  readonly none: string;
  readonly noneYet: string;
  readonly shown: (count: string) => string;
  readonly older: string;
  readonly newest: string;
  readonly goOn: string;
  readonly notWhole: string;
  readonly wrong: string;
};

export const MESSAGES_WORDS: Words<MessagesWords> = {
  en: {
    title: 'Messages',
    search: 'Search',
    find: 'Search',
    clear: 'Clear',
    text: 'Id',
    textHint: 'Of a message or a delivery, of a provider, or a Message-ID',
    address: 'Sender or recipient',
    domain: 'Recipient domain',
    state: 'State',
    any: 'any',
    client: 'Client',
    stream: 'Stream',
    exit: 'Exit',
    tag: 'Tag',
    since: 'Received from',
    until: 'and before',
    zone: (zone) => `Times are of ${zone}.`,
    message: 'Message',
    received: 'Received',
    sender: 'Sender',
    recipients: 'Recipient',
    subject: 'Subject',
    size: 'Size',
    more: (count) => `and ${count} more`,
    looking: 'Looking through the messages …',
    none: 'No message was found.',
    noneYet: 'Nothing was found so far.',
    shown: (count) => `Messages: ${count}, the newest first`,
    older: 'Older ones',
    newest: 'Back to the newest',
    goOn: 'Look further back',
    notWhole: 'Some ten thousand messages were looked at; further back there may be more.',
    wrong: 'This cannot be searched for:',
  },
  es: {
    title: 'Mensajes',
    search: 'Búsqueda',
    find: 'Buscar',
    clear: 'Limpiar',
    text: 'Identificador',
    textHint: 'De un mensaje o una entrega, de un proveedor, o un Message-ID',
    address: 'Remitente o destinatario',
    domain: 'Dominio del destinatario',
    state: 'Estado',
    any: 'cualquiera',
    client: 'Cliente',
    stream: 'Flujo',
    exit: 'Salida',
    tag: 'Etiqueta',
    since: 'Recibido desde',
    until: 'y antes de',
    zone: (zone) => `Las horas son de ${zone}.`,
    message: 'Mensaje',
    received: 'Recibido',
    sender: 'Remitente',
    recipients: 'Destinatario',
    subject: 'Asunto',
    size: 'Tamaño',
    more: (count) => `y ${count} más`,
    looking: 'Buscando en los mensajes …',
    none: 'No se ha encontrado ningún mensaje.',
    noneYet: 'Hasta ahora no se ha encontrado nada.',
    shown: (count) => `Mensajes: ${count}, primero los más recientes`,
    older: 'Más antiguos',
    newest: 'Volver a los más recientes',
    goOn: 'Seguir buscando hacia atrás',
    notWhole: 'Se han revisado unas decenas de miles de mensajes; más atrás puede haber otros.',
    wrong: 'No se puede buscar así:',
  },
};
