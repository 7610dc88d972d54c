/** The words of the wizard's page, and those that its script says. */
import type { Words } from '../page.ts';

type WizardWords = {
  readonly title: string;
  readonly lead: string;
  readonly back: string;
  readonly steps: readonly [string, string, string, string, string];
  readonly stepsName: string;
  readonly providersLead: string;
  readonly add: string;
  readonly addLabel: string;
  readonly remove: string;
  readonly mx: string;
  readonly hostname: string;
  readonly domain: string;
  readonly postmaster: string;
  readonly client: string;
  readonly networks: string;
  readonly first: string;
  readonly own: string;
  readonly cloud: string;
  readonly warmup: string;
  readonly marketing: string;
  readonly timeZone: string;
  readonly alertsTo: string;
  readonly testLead: string;
  readonly testTo: string;
  readonly test: string;
  readonly doneLead: string;
  readonly diff: string;
  readonly comment: string;
  readonly apply: string;
  readonly after: string;
  readonly login: string;
  readonly records: string;
  readonly swaks: string;
  readonly next: string;
  readonly previous: string;
  readonly wrong: string;
};

export const WIZARD_WORDS: Words<WizardWords> = {
  en: {
    title: 'Policy: wizard',
    lead: 'Five steps from what you have to a policy that sends. Nothing changes before the last one; what the answers are not about stays as it is.',
    back: 'The whole policy',
    steps: ['Providers', 'Basics', 'Advanced', 'Test', 'Done'],
    stepsName: 'Steps',
    providersLead:
      'By what mail leaves. Without any it goes straight to the servers of its recipients. They become the only way out.',
    add: 'Add',
    addLabel: 'Provider',
    remove: 'Remove',
    mx: 'Straight to the recipients’ servers',
    hostname: 'Name of this relay in DNS',
    domain: 'Domain that mail is sent as',
    postmaster: 'Who gets double bounces (an address; empty: postmaster of this relay)',
    client: 'User that the application signs in as',
    networks: 'Networks from which it needs no password, one a line',
    first: 'Who is first',
    own: 'own servers, then clouds',
    cloud: 'clouds, then own servers',
    warmup: 'the sending addresses are new: begin slowly',
    marketing: 'there are newsletters, too',
    timeZone: 'Time zone, where days begin',
    alertsTo: 'Who gets alerts, one address a line',
    testLead:
      'Connects to each exit and signs in, and asks DNS. DKIM keys of the domain are made where there are none.',
    testTo: 'Send a test message to (empty: none)',
    test: 'Test now',
    doneLead: 'This is what changes.',
    diff: 'Changes of the policy file',
    comment: 'Comment',
    apply: 'Put it in force',
    after: 'In force. What is next:',
    login: 'User and password of the application; shown only now:',
    records: 'Publish these records:',
    swaks: 'Send a message; mail to *.test and *.example stays here:',
    next: 'Next',
    previous: 'Back',
    wrong: 'To be put right:',
  },
  es: {
    title: 'Política: asistente',
    lead: 'Cinco pasos desde lo que tiene hasta una política que envía. Nada cambia antes del último; aquello de lo que no tratan las respuestas queda como está.',
    back: 'La política completa',
    steps: ['Proveedores', 'Lo básico', 'Avanzado', 'Prueba', 'Listo'],
    stepsName: 'Pasos',
    providersLead:
      'Por dónde sale el correo. Sin ninguno va directamente a los servidores de los destinatarios. Pasan a ser la única salida.',
    add: 'Añadir',
    addLabel: 'Proveedor',
    remove: 'Quitar',
    mx: 'Directamente a los servidores de los destinatarios',
    hostname: 'Nombre de este relay en el DNS',
    domain: 'Dominio con el que se envía',
    postmaster: 'Quién recibe los rebotes dobles (una dirección; vacío: postmaster de este relay)',
    client: 'Usuario con el que se identifica la aplicación',
    networks: 'Redes desde las que no necesita contraseña, una por línea',
    first: 'Quién va primero',
    own: 'servidores propios, después la nube',
    cloud: 'la nube, después servidores propios',
    warmup: 'las direcciones de envío son nuevas: empezar despacio',
    marketing: 'también hay boletines',
    timeZone: 'Zona horaria, donde empiezan los días',
    alertsTo: 'Quién recibe las alertas, una dirección por línea',
    testLead:
      'Se conecta a cada salida, se identifica y consulta el DNS. Si el dominio no tiene claves DKIM, se crean.',
    testTo: 'Enviar un mensaje de prueba a (vacío: ninguno)',
    test: 'Probar ahora',
    doneLead: 'Esto es lo que cambia.',
    diff: 'Cambios del archivo de política',
    comment: 'Comentario',
    apply: 'Ponerla en vigor',
    after: 'Vigente. Lo siguiente:',
    login: 'Usuario y contraseña de la aplicación; solo se muestran ahora:',
    records: 'Publique estos registros:',
    swaks: 'Envíe un mensaje; el correo a *.test y *.example se queda aquí:',
    next: 'Siguiente',
    previous: 'Atrás',
    wrong: 'Por corregir:',
  },
};

/** As `wizard.js` looks them up. */
export const WIZARD_SCRIPT_WORDS: Words<Readonly<Record<string, string>>> = {
  en: {
    good: 'works',
    bad: 'look here',
    testing: 'Testing …',
    message: 'test message',
    same: 'Nothing differs.',
    inForce: 'In force.',
    known: 'is there already, its password stays',
    published: 'All are there.',
  },
  es: {
    good: 'funciona',
    bad: 'revíselo',
    testing: 'Probando …',
    message: 'mensaje de prueba',
    same: 'No hay diferencias.',
    inForce: 'Vigente.',
    known: 'ya existe, su contraseña no cambia',
    published: 'Están todos.',
  },
};
