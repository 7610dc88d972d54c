/** The words of the page Alerts. */
import type { Severity } from '../../message/severity.ts';
import type { Words } from '../page.ts';

export type AlertsTexts = {
  readonly title: string;
  readonly lead: string;
  readonly inForce: string;
  readonly none: string;
  readonly severity: string;
  readonly severities: Readonly<Record<Severity, string>>;
  readonly alert: string;
  readonly since: string;
  readonly told: string;
  readonly notTold: string;
  readonly seenBy: (who: string) => string;
  readonly acknowledge: string;
  readonly acknowledged: string;
  readonly onNode: (node: string) => string;
  readonly todo: string;
  readonly over: string;
  readonly noneOver: string;
  readonly until: string;
  readonly test: string;
  readonly testHint: string;
  readonly tested: string;
  readonly clients: string;
  readonly clientsLead: string;
  readonly noClients: string;
  readonly client: string;
  readonly thisHour: string;
  readonly usual: string;
  readonly guard: string;
  readonly held: string;
  readonly guardOff: string;
  readonly guardNew: string;
  readonly guardFrom: string;
  readonly release: string;
  readonly releaseSure: string;
  readonly released: string;
  readonly software: string;
  readonly nothing: string;
  readonly habits: Readonly<Record<string, string>>;
};

export const ALERTS_WORDS: Words<AlertsTexts> = {
  en: {
    title: 'Alerts',
    lead: 'What is wrong now, who was told of it, and what clients do that they never did.',
    inForce: 'In force',
    none: 'No alert is in force.',
    severity: 'Severity',
    severities: { info: 'info', warning: 'warning', critical: 'critical' },
    alert: 'Alert',
    since: 'Since',
    told: 'Told',
    notTold: 'nobody yet',
    seenBy: (who) => `seen by ${who}`,
    acknowledge: 'Acknowledge',
    acknowledged: 'Nobody is told of it any more until it is over.',
    onNode: (node) => `on node ${node}`,
    todo: 'What to do',
    over: 'Over',
    noneOver: 'None is known.',
    until: 'Until',
    test: 'Send a test',
    testHint: 'A test notice goes to everybody whom the policy names.',
    tested: 'Sent to {sent}; not reached: {failed}. See whether it arrived.',
    clients: 'Clients',
    clientsLead: 'The guard holds the bulk mail of a client that is unlike what it was; other mail it never holds.',
    noClients: 'The policy has no clients.',
    client: 'Client',
    thisHour: 'Recipients this hour',
    usual: 'Usual',
    guard: 'Guard',
    held: 'holds its bulk mail',
    guardOff: 'off',
    guardNew: 'has seen nothing yet',
    guardFrom: 'judges from',
    release: 'Let it go',
    releaseSure: 'Let the held mail of this client go out?',
    released: 'The mail goes out now.',
    software: 'Needs attention',
    nothing: 'nothing',
    habits: {
      helo: 'HELO instead of EHLO',
      clear: 'clear text',
      'old-tls': 'TLS 1.2 at best',
      'bare-newline': 'bare line feeds',
      'no-message-id': 'no Message-ID',
      'long-line': 'lines that are too long',
    },
  },
  es: {
    title: 'Alertas',
    lead: 'Qué va mal ahora, a quién se ha avisado y qué hacen los clientes que nunca hacían.',
    inForce: 'Activas',
    none: 'No hay ninguna alerta activa.',
    severity: 'Gravedad',
    severities: { info: 'aviso', warning: 'advertencia', critical: 'crítica' },
    alert: 'Alerta',
    since: 'Desde',
    told: 'Avisado',
    notTold: 'aún a nadie',
    seenBy: (who) => `la vio ${who}`,
    acknowledge: 'Dar por vista',
    acknowledged: 'No se avisará más de ella hasta que termine.',
    onNode: (node) => `en el nodo ${node}`,
    todo: 'Qué hacer',
    over: 'Terminadas',
    noneOver: 'No consta ninguna.',
    until: 'Hasta',
    test: 'Enviar una prueba',
    testHint: 'Se envía un aviso de prueba a todos los destinos de la política.',
    tested: 'Enviado a {sent}; sin respuesta: {failed}. Compruebe que ha llegado.',
    clients: 'Clientes',
    clientsLead:
      'La vigilancia retiene el correo masivo de un cliente que se comporta como nunca; el resto de su correo no se retiene.',
    noClients: 'La política no tiene clientes.',
    client: 'Cliente',
    thisHour: 'Destinatarios en esta hora',
    usual: 'Habitual',
    guard: 'Vigilancia',
    held: 'retiene su correo masivo',
    guardOff: 'desactivada',
    guardNew: 'aún no ha visto nada',
    guardFrom: 'juzga desde',
    release: 'Liberar',
    releaseSure: '¿Dejar salir el correo retenido de este cliente?',
    released: 'El correo sale ahora.',
    software: 'Requiere atención',
    nothing: 'nada',
    habits: {
      helo: 'HELO en vez de EHLO',
      clear: 'sin cifrar',
      'old-tls': 'como mucho TLS 1.2',
      'bare-newline': 'saltos de línea sueltos',
      'no-message-id': 'sin Message-ID',
      'long-line': 'líneas demasiado largas',
    },
  },
};
