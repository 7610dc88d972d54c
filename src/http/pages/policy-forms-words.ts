/** The words of the simple form of the policy. */
import type { Words } from '../page.ts';

type FormWords = {
  readonly title: string;
  readonly lead: string;
  readonly back: string;
  readonly unreadable: string;
  readonly preset: string;
  readonly presetHint: string;
  readonly none: string;
  readonly perDay: string;
  readonly exits: string;
  readonly noExits: string;
  readonly isEnabled: string;
  readonly host: string;
  readonly port: string;
  readonly username: string;
  readonly dailyLimit: string;
  readonly secret: string;
  readonly secretKept: string;
  readonly secretHint: string;
  readonly limits: string;
  readonly limit: Readonly<
    Record<'messageSize' | 'recipients' | 'connections' | 'perAddress' | 'loginAttempts', string>
  >;
  readonly limitsHint: string;
  readonly alerts: string;
  readonly alertsTo: string;
  readonly alertsElsewhere: string;
  readonly failureRate: string;
  readonly queueAge: string;
  readonly comment: string;
  readonly save: string;
  readonly done: string;
  readonly add: string;
  readonly addHint: string;
  readonly name: string;
  readonly tls: string;
  readonly apiKey: string;
  readonly domain: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly addOne: (what: string) => string;
};

export const FORM_WORDS: Words<FormWords> = {
  en: {
    title: 'Policy: simple form',
    lead: 'The few things that are changed most. Each changes its own value in the policy file; all else in it stays as it is.',
    back: 'The whole policy',
    unreadable: 'The policy file cannot be read as YAML: put it right in the editor first.',
    preset: 'Preset',
    presetHint: 'A ready-made set of servers, limits and routes, filled from the environment.',
    none: 'none',
    perDay: 'messages a day',
    exits: 'Providers',
    noExits: 'The file names no exit: those of the preset, or of the default, hold.',
    isEnabled: 'in use',
    host: 'Host',
    port: 'Port',
    username: 'User',
    dailyLimit: 'Messages a day',
    secret: 'New password or key',
    secretKept: 'it has one',
    secretHint:
      'Passwords and keys are kept in files of their own, and not shown again. Empty: as it is. ${NAME} names a variable of the environment.',
    limits: 'Limits',
    limit: {
      messageSize: 'Size of a message',
      recipients: 'Recipients of a message',
      connections: 'Connections at once',
      perAddress: 'Connections from one address',
      loginAttempts: 'Failed sign-ins',
    },
    limitsHint: 'Empty: the default.',
    alerts: 'Alerts',
    alertsTo: 'Who is told, one address a line',
    alertsElsewhere: 'Some of those who are told have more to them than an address: they are edited in the text.',
    failureRate: 'Share of failures',
    queueAge: 'Age of what waits',
    comment: 'Comment',
    save: 'Save and put in force',
    done: 'Saved, and in force.',
    add: 'Another provider',
    addHint: 'It takes mail once a route or a pool names it; without routes every exit takes part.',
    name: 'Its name here',
    tls: 'TLS',
    apiKey: 'API key',
    domain: 'Sending domain there',
    region: 'Region',
    accessKeyId: 'Access key id',
    secretAccessKey: 'Secret access key',
    addOne: (what) => `Add ${what}`,
  },
  es: {
    title: 'Política: formulario sencillo',
    lead: 'Lo que más se cambia. Cada campo cambia su propio valor en el archivo de política; el resto queda como está.',
    back: 'La política completa',
    unreadable: 'El archivo de política no es YAML legible: corríjalo antes en el editor.',
    preset: 'Preajuste',
    presetHint: 'Un conjunto ya hecho de servidores, límites y rutas, que se rellena con el entorno.',
    none: 'ninguno',
    perDay: 'mensajes al día',
    exits: 'Proveedores',
    noExits: 'El archivo no nombra ninguna salida: rigen las del preajuste o las predeterminadas.',
    isEnabled: 'en uso',
    host: 'Servidor',
    port: 'Puerto',
    username: 'Usuario',
    dailyLimit: 'Mensajes al día',
    secret: 'Nueva contraseña o clave',
    secretKept: 'ya tiene una',
    secretHint:
      'Las contraseñas y claves se guardan en archivos propios y no se vuelven a mostrar. Vacío: queda como está. ${NOMBRE} nombra una variable del entorno.',
    limits: 'Límites',
    limit: {
      messageSize: 'Tamaño de un mensaje',
      recipients: 'Destinatarios de un mensaje',
      connections: 'Conexiones simultáneas',
      perAddress: 'Conexiones desde una dirección',
      loginAttempts: 'Inicios de sesión fallidos',
    },
    limitsHint: 'Vacío: el valor predeterminado.',
    alerts: 'Alertas',
    alertsTo: 'A quién se avisa, una dirección por línea',
    alertsElsewhere: 'Algunos destinos de las alertas son más que una dirección: se editan en el texto.',
    failureRate: 'Proporción de fallos',
    queueAge: 'Antigüedad de lo que espera',
    comment: 'Comentario',
    save: 'Guardar y poner en vigor',
    done: 'Guardado y vigente.',
    add: 'Otro proveedor',
    addHint: 'Recibe correo cuando una ruta o un grupo lo nombra; sin rutas participan todas las salidas.',
    name: 'Su nombre aquí',
    tls: 'TLS',
    apiKey: 'Clave de API',
    domain: 'Dominio de envío allí',
    region: 'Región',
    accessKeyId: 'ID de clave de acceso',
    secretAccessKey: 'Clave de acceso secreta',
    addOne: (what) => `Añadir ${what}`,
  },
};
