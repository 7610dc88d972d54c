/** The words of the policy page, and those that its script says. */
import type { Words } from '../page.ts';

type PolicyWords = {
  readonly title: string;
  readonly lead: string;
  readonly settings: string;
  readonly wizard: string;
  readonly text: string;
  readonly keys: string;
  readonly completions: string;
  readonly inForce: (version: string) => string;
  readonly notInForce: string;
  readonly notWritable: string;
  readonly save: string;
  readonly simulate: string;
  readonly hours: string;
  readonly simulation: string;
  readonly versions: string;
  readonly versionsLead: string;
  readonly version: string;
  readonly from: string;
  readonly who: string;
  readonly what: string;
  readonly comment: string;
  /** @param what as it is kept with a version */
  readonly done: (what: string) => string;
  readonly byHand: string;
  readonly user: string;
  readonly token: string;
  readonly cli: string;
  readonly current: string;
  readonly compare: string;
  readonly rollback: string;
  readonly none: string;
  readonly commentHint: string;
  readonly confirm: string;
  readonly cancel: string;
  readonly dialog: string;
  readonly actions: string;
};

export const POLICY_WORDS: Words<PolicyWords> = {
  en: {
    title: 'Policy',
    lead: 'What this relay does. A change is checked, shown as a difference, and in force as soon as it is saved; a bad one changes nothing.',
    settings: 'Simple form',
    wizard: 'Wizard',
    text: 'Text of the policy file',
    keys: 'Ctrl+Space offers what may be written at the caret, the arrow keys choose, Enter takes it, Escape closes the list. Ctrl+S saves.',
    completions: 'What may be written here',
    inForce: (version) => `In force: ${version}`,
    notInForce: 'The file as it is now is not in force: the one before it stays.',
    notWritable: 'Not changed from here:',
    save: 'Compare and save …',
    simulate: 'Simulate',
    hours: 'with the mail of the last',
    simulation: 'What it would have made of recent mail',
    versions: 'Versions',
    versionsLead: 'Every policy that came into force on this node, the last 100.',
    version: 'Version',
    from: 'In force from',
    who: 'Who',
    what: 'What',
    comment: 'Comment',
    done: (what) => what,
    byHand: 'by hand',
    user: 'user',
    token: 'token',
    cli: 'command line',
    current: 'now',
    compare: 'Compare',
    rollback: 'Roll back',
    none: 'None is kept yet.',
    commentHint: 'Comment, for the list of versions',
    confirm: 'Put it in force',
    cancel: 'Close',
    dialog: 'What changes',
    actions: 'Actions',
  },
  es: {
    title: 'Política',
    lead: 'Lo que hace este relay. Un cambio se comprueba, se muestra como diferencia y rige en cuanto se guarda; uno erróneo no cambia nada.',
    settings: 'Formulario sencillo',
    wizard: 'Asistente',
    text: 'Texto del archivo de política',
    keys: 'Ctrl+Espacio muestra lo que se puede escribir en el cursor, las flechas eligen, Intro lo acepta, Escape cierra la lista. Ctrl+S guarda.',
    completions: 'Lo que se puede escribir aquí',
    inForce: (version) => `Vigente: ${version}`,
    notInForce: 'El archivo, tal como está, no rige: sigue vigente el anterior.',
    notWritable: 'No se puede cambiar desde aquí:',
    save: 'Comparar y guardar …',
    simulate: 'Simular',
    hours: 'con el correo de las últimas',
    simulation: 'Qué habría hecho con el correo reciente',
    versions: 'Versiones',
    versionsLead: 'Todas las políticas que han regido en este nodo, las 100 últimas.',
    version: 'Versión',
    from: 'Vigente desde',
    who: 'Quién',
    what: 'Qué',
    comment: 'Comentario',
    done: (what) =>
      what
        .replace(/^edit$/, 'edición')
        .replace(/^rollback to /, 'vuelta a la ')
        .replace(/^settings$/, 'formulario')
        .replace(/^wizard$/, 'asistente')
        .replace(/^client /, 'cliente '),
    byHand: 'a mano',
    user: 'usuario',
    token: 'token',
    cli: 'línea de comandos',
    current: 'ahora',
    compare: 'Comparar',
    rollback: 'Restaurar',
    none: 'Aún no se guarda ninguna.',
    commentHint: 'Comentario, para la lista de versiones',
    confirm: 'Ponerla en vigor',
    cancel: 'Cerrar',
    dialog: 'Qué cambia',
    actions: 'Acciones',
  },
};

/** As `policy.js` looks them up. */
export const EDITOR_WORDS: Words<Readonly<Record<string, string>>> = {
  en: {
    line: 'Line',
    problems: '{count} to put right',
    sound: 'sound',
    unsaved: 'not saved',
    offers: '{count} offers',
    same: 'Nothing differs.',
    unset: 'not set',
    review: 'What this changes',
    compare: 'From version {id} to the text in the editor',
    rollback: 'Back to version {id}',
    inForce: 'Saved, and in force.',
    staleTitle: 'Somebody else changed the policy meanwhile',
    stale: 'Nothing was saved. Saving now replaces what is there by the text in the editor.',
    theirs: 'What they changed',
    mine: 'What saving would change now',
    unreachable: 'The relay does not answer. Nothing may have changed: look again in a moment.',
    simulating: 'Replaying …',
    simulated: '{messages} messages, by exit:',
    recorded: 'Recorded',
    now: 'In force',
    candidate: 'Editor',
    refused: 'refused',
    waiting: 'not sent by the end',
    delay: 'mean delay',
    cost: 'cost',
  },
  es: {
    line: 'Línea',
    problems: '{count} por corregir',
    sound: 'correcta',
    unsaved: 'sin guardar',
    offers: '{count} sugerencias',
    same: 'No hay diferencias.',
    unset: 'sin definir',
    review: 'Qué cambia',
    compare: 'De la versión {id} al texto del editor',
    rollback: 'Volver a la versión {id}',
    inForce: 'Guardada y vigente.',
    staleTitle: 'Otra persona ha cambiado la política entretanto',
    stale: 'No se ha guardado nada. Si guarda ahora, el texto del editor sustituye a lo que hay.',
    theirs: 'Lo que ha cambiado la otra persona',
    mine: 'Lo que cambiaría al guardar ahora',
    unreachable: 'El relay no responde. Puede que nada haya cambiado: compruébelo en un momento.',
    simulating: 'Reproduciendo …',
    simulated: '{messages} mensajes, por salida:',
    recorded: 'Registrado',
    now: 'Vigente',
    candidate: 'Editor',
    refused: 'rechazados',
    waiting: 'sin enviar al final',
    delay: 'demora media',
    cost: 'coste',
  },
};
