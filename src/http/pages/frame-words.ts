/** The words of the frame, and those that the script of all pages says. */
import type { Words } from '../page.ts';

type FrameWords = {
  readonly skip: string;
  readonly pages: string;
  readonly languages: string;
  readonly signedIn: string;
  readonly signOut: string;
  readonly notReady: string;
  readonly policyRefused: string;
  readonly alerts: (count: number) => string;
  readonly missing: string;
  readonly missingText: string;
  readonly forbidden: string;
  readonly forbiddenText: string;
  readonly away: string;
  readonly awayText: string;
  readonly overview: string;
};

export const FRAME_WORDS: Words<FrameWords> = {
  en: {
    skip: 'Skip to content',
    pages: 'Pages',
    languages: 'Language',
    signedIn: 'signed in',
    signOut: 'Sign out',
    notReady: 'No mail is taken:',
    policyRefused: 'The policy file is refused, the one before it stays in force:',
    alerts: (count) => (count === 1 ? 'Alert:' : `${count} alerts:`),
    missing: 'Nothing is here',
    missingText: 'There is no such page, or what it was about is gone.',
    forbidden: 'Not for this account',
    forbiddenText: 'The account that you signed in with may not see this page.',
    away: 'Not available now',
    awayText: 'The store does not answer. Mail that was taken is safe; try again in a moment.',
    overview: 'Overview',
  },
  es: {
    skip: 'Ir al contenido',
    pages: 'Páginas',
    languages: 'Idioma',
    signedIn: 'sesión iniciada',
    signOut: 'Cerrar sesión',
    notReady: 'No se acepta correo:',
    policyRefused: 'El archivo de política se ha rechazado; sigue vigente la anterior:',
    alerts: (count) => (count === 1 ? 'Alerta:' : `${count} alertas:`),
    missing: 'Aquí no hay nada',
    missingText: 'La página no existe, o ya no existe aquello de lo que trataba.',
    forbidden: 'Sin permiso',
    forbiddenText: 'La cuenta con la que ha iniciado sesión no puede ver esta página.',
    away: 'No disponible en este momento',
    awayText: 'El almacén no responde. El correo aceptado está a salvo; inténtelo de nuevo en un momento.',
    overview: 'Resumen',
  },
};

/** As `page.js` looks them up. */
export const SCRIPT_WORDS: Words<Readonly<Record<string, string>>> = {
  en: {
    done: 'Done.',
    failed: 'That did not work',
    unreachable: 'The relay does not answer. Nothing may have changed: look again in a moment.',
    signedOut: 'You are signed out: sign in again.',
    cancel: 'Cancel',
    confirm: 'Go on',
    counting: 'Counting …',
    matches: '{changed} would change.',
    lost: 'Figures stand still: the relay does not answer. Trying again …',
    back: 'Figures are live again.',
    shown: 'Shown once: copy it now.',
    noHistory: 'Nothing is known of this time yet.',
    time: 'Time',
    table: 'As a table',
  },
  es: {
    done: 'Hecho.',
    failed: 'No ha funcionado',
    unreachable: 'El relay no responde. Puede que nada haya cambiado: compruébelo en un momento.',
    signedOut: 'La sesión ha terminado: inicie sesión de nuevo.',
    cancel: 'Cancelar',
    confirm: 'Continuar',
    counting: 'Contando …',
    matches: 'Cambiarían {changed}.',
    lost: 'Las cifras no se actualizan: el relay no responde. Reintentando …',
    back: 'Las cifras vuelven a actualizarse.',
    shown: 'Solo se muestra una vez: cópielo ahora.',
    noHistory: 'Aún no se sabe nada de este periodo.',
    time: 'Hora',
    table: 'Como tabla',
  },
};
