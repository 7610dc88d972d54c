/** The words of the page Suppression. */
import type { SuppressionReason } from '../../spool/suppressions.ts';
import type { Words } from '../page.ts';

type SuppressionWords = {
  readonly title: string;
  readonly lead: string;
  readonly filter: string;
  readonly address: string;
  readonly domain: string;
  readonly client: string;
  readonly stream: string;
  readonly any: string;
  readonly reason: string;
  readonly reasons: Readonly<Record<SuppressionReason, string>>;
  readonly evidence: string;
  readonly source: string;
  readonly since: string;
  readonly until: string;
  readonly stays: string;
  readonly over: string;
  readonly holdsFor: string;
  readonly allMail: string;
  readonly apply: string;
  readonly clear: string;
  readonly wrong: string;
  readonly looking: string;
  readonly none: string;
  readonly noneHere: string;
  readonly shown: (count: string) => string;
  readonly next: string;
  readonly first: string;
  readonly remove: string;
  readonly removeSure: string;
  readonly removed: string;
  readonly add: string;
  readonly addHint: string;
  readonly added: string;
  readonly transfer: string;
  readonly export: (format: string) => string;
  readonly import: string;
  readonly importHint: string;
  readonly list: string;
  readonly asListed: string;
  readonly imported: string;
  readonly mail: string;
};

export const SUPPRESSION_WORDS: Words<SuppressionWords> = {
  en: {
    title: 'Suppression',
    lead: 'Addresses that are not written to any more, and why.',
    filter: 'Filter',
    address: 'Address',
    domain: 'Domain',
    client: 'Client',
    stream: 'Stream',
    any: 'any',
    reason: 'Reason',
    reasons: {
      'hard-bounce': 'hard bounce',
      'soft-bounces': 'soft bounces',
      complaint: 'complaint',
      unsubscribe: 'unsubscribed',
      manual: 'by hand',
    },
    evidence: 'What was said',
    source: 'Told by',
    since: 'Since',
    until: 'Until',
    stays: 'until it is taken back',
    over: 'over',
    holdsFor: 'Holds for',
    allMail: 'all mail',
    apply: 'Filter',
    clear: 'Clear',
    wrong: 'This cannot be filtered for:',
    looking: 'Looking through the addresses …',
    none: 'Nobody is suppressed.',
    noneHere: 'Nobody here; there may be more on the next page.',
    shown: (count) => `Entries: ${count}, by address`,
    next: 'Next page',
    first: 'First page',
    remove: 'Remove',
    removeSure: 'Write to {address} again?',
    removed: '{address} is written to again.',
    add: 'Add an address',
    addHint: 'Every process knows within a second or two. Empty: for all clients, all streams, until it is taken back.',
    added: '{address} is not written to any more.',
    transfer: 'Export and import',
    export: (format) => `Export as ${format}`,
    import: 'Import',
    importHint:
      'CSV or JSON as exported here, lists of SendGrid, Mailgun or Amazon SES, or one address a line; at most 2 MB at once.',
    list: 'List',
    asListed: 'as the list says',
    imported: 'Imported: {made}. Left out: {skipped}.',
    mail: 'its mail',
  },
  es: {
    title: 'Supresión',
    lead: 'Direcciones a las que ya no se escribe, y por qué.',
    filter: 'Filtro',
    address: 'Dirección',
    domain: 'Dominio',
    client: 'Cliente',
    stream: 'Flujo',
    any: 'cualquiera',
    reason: 'Motivo',
    reasons: {
      'hard-bounce': 'rebote definitivo',
      'soft-bounces': 'rebotes temporales',
      complaint: 'queja',
      unsubscribe: 'baja',
      manual: 'a mano',
    },
    evidence: 'Qué se dijo',
    source: 'Origen',
    since: 'Desde',
    until: 'Hasta',
    stays: 'hasta que se retire',
    over: 'terminada',
    holdsFor: 'Se aplica a',
    allMail: 'todo el correo',
    apply: 'Filtrar',
    clear: 'Limpiar',
    wrong: 'No se puede filtrar así:',
    looking: 'Buscando en las direcciones …',
    none: 'No hay ninguna dirección suprimida.',
    noneHere: 'Ninguna aquí; puede haber más en la página siguiente.',
    shown: (count) => `Entradas: ${count}, por dirección`,
    next: 'Página siguiente',
    first: 'Primera página',
    remove: 'Retirar',
    removeSure: '¿Volver a escribir a {address}?',
    removed: 'Se vuelve a escribir a {address}.',
    add: 'Añadir una dirección',
    addHint:
      'Todos los procesos lo saben en uno o dos segundos. Vacío: todos los clientes y flujos, hasta que se retire.',
    added: 'Ya no se escribe a {address}.',
    transfer: 'Exportar e importar',
    export: (format) => `Exportar en ${format}`,
    import: 'Importar',
    importHint:
      'CSV o JSON como se exporta aquí, listas de SendGrid, Mailgun o Amazon SES, o una dirección por línea; 2 MB como máximo.',
    list: 'Lista',
    asListed: 'el que diga la lista',
    imported: 'Importadas: {made}. Omitidas: {skipped}.',
    mail: 'su correo',
  },
};
