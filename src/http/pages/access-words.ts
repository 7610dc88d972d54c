/** The words of the page Access. */
import type { Words } from '../page.ts';

export type AccessWords = {
  readonly title: string;
  readonly account: string;
  readonly youAre: (name: string) => string;
  readonly byToken: (name: string) => string;
  readonly may: string;
  readonly roles: Readonly<Record<'viewer' | 'operator' | 'admin', string>>;
  readonly role: string;
  readonly password: string;
  readonly passwordSince: string;
  readonly changePassword: string;
  readonly current: string;
  readonly newPassword: string;
  readonly passwordHint: string;
  readonly change: string;
  readonly secondFactor: string;
  readonly factorOn: string;
  readonly factorOff: string;
  readonly factorDue: string;
  readonly setUp: string;
  readonly setUpHint: string;
  readonly scan: string;
  readonly seed: string;
  readonly codeNow: string;
  readonly confirm: string;
  readonly recovery: string;
  readonly recoveryLeft: (count: number) => string;
  readonly recoveryHint: string;
  readonly kept: string;
  readonly renew: string;
  readonly remove: string;
  readonly removeFactorAsk: string;
  readonly code: string;
  readonly sessions: string;
  readonly sessionsHint: string;
  readonly who: string;
  readonly from: string;
  readonly since: string;
  readonly used: string;
  readonly browser: string;
  readonly thisOne: string;
  readonly end: string;
  readonly endAsk: string;
  readonly actions: string;
  readonly users: string;
  readonly noUsers: string;
  readonly name: string;
  readonly state: string;
  readonly disabled: string;
  readonly active: string;
  readonly lastSignIn: string;
  readonly never: string;
  readonly yes: string;
  readonly no: string;
  readonly addUser: string;
  readonly passwordMade: string;
  readonly passwordIs: string;
  readonly onceOnly: string;
  readonly resetPassword: string;
  readonly resetAsk: (name: string) => string;
  readonly disable: string;
  readonly enable: string;
  readonly setRole: string;
  readonly removeFactor: string;
  readonly removeFactorOfAsk: (name: string) => string;
  readonly removeUser: string;
  readonly removeUserAsk: (name: string) => string;
  readonly manage: (name: string) => string;
  readonly close: string;
  readonly tokens: string;
  readonly tokensHint: string;
  readonly noTokens: string;
  readonly scopes: string;
  readonly created: string;
  readonly expires: string;
  readonly expired: string;
  readonly beforeEnds: string;
  readonly addToken: string;
  readonly days: string;
  readonly daysHint: string;
  readonly networks: string;
  readonly networksHint: string;
  readonly rate: string;
  readonly client: string;
  readonly clientHint: string;
  readonly tokenIs: string;
  readonly rotate: string;
  readonly rotateAsk: (name: string) => string;
  readonly revoke: string;
  readonly revokeAsk: (name: string) => string;
  readonly audit: string;
  readonly auditHint: string;
  readonly when: string;
  readonly what: string;
  readonly on: string;
  readonly before: string;
  readonly after: string;
  readonly filter: string;
  readonly apply: string;
  readonly clear: string;
  readonly older: string;
  readonly newest: string;
  readonly nothing: string;
  readonly fromTime: string;
  readonly toTime: string;
  readonly kinds: Readonly<Record<'token' | 'user' | 'operator' | 'file' | 'nobody', string>>;
};

export const ACCESS_WORDS: Words<AccessWords> = {
  en: {
    title: 'Access',
    account: 'Your account',
    youAre: (name) => `You are signed in as ${name}.`,
    byToken: (name) => `You are signed in by the token ${name}, and may do what it may.`,
    may: 'May',
    roles: {
      viewer: 'viewer: sees all, changes nothing',
      operator: 'operator: also holds, releases, retries and pauses',
      admin: 'admin: also changes policy, tokens and users',
    },
    role: 'Role',
    password: 'Password',
    passwordSince: 'Password since',
    changePassword: 'Change password',
    current: 'Current password',
    newPassword: 'New password',
    passwordHint: 'At least 10 characters. All your sign-ins end, this one too.',
    change: 'Change',
    secondFactor: 'Second factor',
    factorOn: 'on',
    factorOff: 'off',
    factorDue:
      'The policy asks for a second factor of every admin: until you set one up here, nothing else is open to you.',
    setUp: 'Set up a second factor',
    setUpHint: 'A program on your phone shows codes that are asked for beside the password.',
    scan: 'Let the program read this square, or type the seed into it. Both are shown only now.',
    seed: 'Seed',
    codeNow: 'The code that it shows now',
    confirm: 'Confirm',
    recovery: 'Recovery codes',
    recoveryLeft: (count) => (count === 1 ? '1 recovery code left' : `${count} recovery codes left`),
    recoveryHint:
      'For when the phone is gone: each is good once. They are shown only now; keep them away from the phone.',
    kept: 'I have kept them',
    renew: 'New recovery codes',
    remove: 'Remove the second factor',
    removeFactorAsk: 'Sign in by password alone from now on? All your sign-ins end.',
    code: 'Code',
    sessions: 'Sign-ins in force',
    sessionsHint: 'One that is ended is turned away within seconds, on all nodes.',
    who: 'Who',
    from: 'From',
    since: 'Since',
    used: 'Used',
    browser: 'Browser',
    thisOne: 'this one',
    end: 'End',
    endAsk: 'End this sign-in?',
    actions: 'Actions',
    users: 'Users',
    noUsers: 'There are no users yet: add one below.',
    name: 'Name',
    state: 'State',
    disabled: 'disabled',
    active: 'active',
    lastSignIn: 'Last sign-in',
    never: 'never',
    yes: 'yes',
    no: 'no',
    addUser: 'Add a user',
    passwordMade: 'A password is made and shown once; the user can change it here.',
    passwordIs: 'Password',
    onceOnly: 'Shown once: it is kept nowhere else.',
    resetPassword: 'New password',
    resetAsk: (name) => `Make a new password for ${name}? All sign-ins of ${name} end.`,
    disable: 'Disable',
    enable: 'Enable',
    setRole: 'Set role',
    removeFactor: 'Remove second factor',
    removeFactorOfAsk: (name) => `Let ${name} sign in by password alone? Make sure that it is really ${name} who asks.`,
    removeUser: 'Remove',
    removeUserAsk: (name) => `Remove ${name}? All sign-ins of ${name} end.`,
    manage: (name) => `Manage ${name}`,
    close: 'Close',
    tokens: 'Tokens',
    tokensHint: 'For programs: each with its own, so that one can be revoked.',
    noTokens: 'There are no tokens.',
    scopes: 'Scopes',
    created: 'Created',
    expires: 'Expires',
    expired: 'expired',
    beforeEnds: 'the one before',
    addToken: 'Make a token',
    days: 'Good for so many days',
    daysHint: 'Empty: until it is revoked.',
    networks: 'Only from these networks',
    networksHint: 'One a line, such as 192.0.2.0/24. Empty: from everywhere.',
    rate: 'At most so many requests',
    client: 'Submits mail as the client',
    clientHint: 'Empty: as the request says.',
    tokenIs: 'Token',
    rotate: 'Rotate',
    rotateAsk: (name) => `Make the token ${name} another? The one before is good for one hour more.`,
    revoke: 'Revoke',
    revokeAsk: (name) => `Revoke the token ${name}? Programs that use it are refused within seconds.`,
    audit: 'Audit log',
    auditHint: 'Who changed what, who signed in, and who was not let.',
    when: 'When',
    what: 'What',
    on: 'On',
    before: 'Before',
    after: 'After',
    filter: 'Search the audit log',
    apply: 'Search',
    clear: 'All',
    older: 'Older',
    newest: 'Newest',
    nothing: 'Nothing was found.',
    fromTime: 'From',
    toTime: 'Until',
    kinds: { token: 'token', user: 'user', operator: 'command line', file: 'policy file', nobody: 'unknown' },
  },
  es: {
    title: 'Acceso',
    account: 'Su cuenta',
    youAre: (name) => `Ha iniciado sesión como ${name}.`,
    byToken: (name) => `Ha iniciado sesión con el token ${name} y puede hacer lo mismo que él.`,
    may: 'Puede',
    roles: {
      viewer: 'viewer: lo ve todo, no cambia nada',
      operator: 'operator: además retiene, libera, reintenta y pausa',
      admin: 'admin: además cambia la política, los tokens y los usuarios',
    },
    role: 'Rol',
    password: 'Contraseña',
    passwordSince: 'Contraseña desde',
    changePassword: 'Cambiar la contraseña',
    current: 'Contraseña actual',
    newPassword: 'Contraseña nueva',
    passwordHint: 'Al menos 10 caracteres. Se cierran todas sus sesiones, también esta.',
    change: 'Cambiar',
    secondFactor: 'Segundo factor',
    factorOn: 'activado',
    factorOff: 'desactivado',
    factorDue:
      'La política exige un segundo factor a todo administrador: hasta que lo configure aquí no podrá hacer nada más.',
    setUp: 'Configurar un segundo factor',
    setUpHint: 'Una aplicación de su teléfono muestra códigos que se piden además de la contraseña.',
    scan: 'Escanee este código con la aplicación o escriba en ella la semilla. Solo se muestran ahora.',
    seed: 'Semilla',
    codeNow: 'El código que muestra ahora',
    confirm: 'Confirmar',
    recovery: 'Códigos de recuperación',
    recoveryLeft: (count) =>
      count === 1 ? 'queda 1 código de recuperación' : `quedan ${count} códigos de recuperación`,
    recoveryHint:
      'Para cuando no tenga el teléfono: cada uno vale una vez. Solo se muestran ahora; guárdelos lejos del teléfono.',
    kept: 'Ya los he guardado',
    renew: 'Nuevos códigos de recuperación',
    remove: 'Quitar el segundo factor',
    removeFactorAsk: '¿Entrar solo con la contraseña a partir de ahora? Se cierran todas sus sesiones.',
    code: 'Código',
    sessions: 'Sesiones abiertas',
    sessionsHint: 'La que se cierra deja de valer en segundos, en todos los nodos.',
    who: 'Quién',
    from: 'Desde',
    since: 'Abierta',
    used: 'Usada',
    browser: 'Navegador',
    thisOne: 'esta',
    end: 'Cerrar',
    endAsk: '¿Cerrar esta sesión?',
    actions: 'Acciones',
    users: 'Usuarios',
    noUsers: 'Aún no hay usuarios: añada uno abajo.',
    name: 'Nombre',
    state: 'Estado',
    disabled: 'desactivado',
    active: 'activo',
    lastSignIn: 'Última sesión',
    never: 'nunca',
    yes: 'sí',
    no: 'no',
    addUser: 'Añadir un usuario',
    passwordMade: 'Se genera una contraseña que se muestra una sola vez; el usuario puede cambiarla aquí.',
    passwordIs: 'Contraseña',
    onceOnly: 'Se muestra una sola vez: no se guarda en ningún otro sitio.',
    resetPassword: 'Nueva contraseña',
    resetAsk: (name) => `¿Generar una contraseña nueva para ${name}? Se cierran todas sus sesiones.`,
    disable: 'Desactivar',
    enable: 'Activar',
    setRole: 'Asignar rol',
    removeFactor: 'Quitar el segundo factor',
    removeFactorOfAsk: (name) =>
      `¿Permitir que ${name} entre solo con la contraseña? Asegúrese de que es ${name} quien lo pide.`,
    removeUser: 'Eliminar',
    removeUserAsk: (name) => `¿Eliminar a ${name}? Se cierran todas sus sesiones.`,
    manage: (name) => `Gestionar ${name}`,
    close: 'Cerrar',
    tokens: 'Tokens',
    tokensHint: 'Para programas: uno para cada uno, y así se puede revocar por separado.',
    noTokens: 'No hay tokens.',
    scopes: 'Permisos',
    created: 'Creado',
    expires: 'Caduca',
    expired: 'caducado',
    beforeEnds: 'el anterior',
    addToken: 'Crear un token',
    days: 'Válido durante (días)',
    daysHint: 'Vacío: hasta que se revoque.',
    networks: 'Solo desde estas redes',
    networksHint: 'Una por línea, como 192.0.2.0/24. Vacío: desde cualquier sitio.',
    rate: 'Peticiones como máximo',
    client: 'Envía correo como el cliente',
    clientHint: 'Vacío: el que indique la petición.',
    tokenIs: 'Token',
    rotate: 'Renovar',
    rotateAsk: (name) => `¿Renovar el token ${name}? El anterior vale una hora más.`,
    revoke: 'Revocar',
    revokeAsk: (name) => `¿Revocar el token ${name}? Los programas que lo usan serán rechazados en segundos.`,
    audit: 'Registro de auditoría',
    auditHint: 'Quién cambió qué, quién inició sesión y a quién se le denegó.',
    when: 'Cuándo',
    what: 'Qué',
    on: 'Sobre',
    before: 'Antes',
    after: 'Después',
    filter: 'Buscar en el registro de auditoría',
    apply: 'Buscar',
    clear: 'Todo',
    older: 'Anteriores',
    newest: 'Más recientes',
    nothing: 'No se ha encontrado nada.',
    fromTime: 'Desde',
    toTime: 'Hasta',
    kinds: {
      token: 'token',
      user: 'usuario',
      operator: 'línea de comandos',
      file: 'archivo de política',
      nobody: 'desconocido',
    },
  },
};
