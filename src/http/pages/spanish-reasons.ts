/** Why exits are closed and mail waits, and what might be done, with their translations: see `spanish.ts`. */
import type { Sentence } from './spanish.ts';

const CLOSURES: readonly Sentence[] = [
  ['in the policy', 'en la política'],
  ['paused by an operator', 'en pausa por un operador'],
  ['paused by an operator: {reason}', 'en pausa por un operador: {reason}'],
  ['1 check failed: {cause}', 'falló 1 comprobación: {cause}'],
  ['{n} checks failed: {cause}', 'fallaron {n} comprobaciones: {cause}'],
  ['{address} is listed in {zones}', '{address} figura en {zones}'],
  ['{score*}, paused below {n}', '{score*}, en pausa por debajo de {n}'],
  ['score {n} of 100', 'puntuación {n} de 100'],
  ['score {n} of 100 ({losses*})', 'puntuación {n} de 100 ({losses*})'],
  ['is on node {node}', 'está en el nodo {node}'],
  ['is on node {node}, which cannot use it now', 'está en el nodo {node}, que ahora no puede usarla'],
  ['is for node {node}, which is not up', 'es para el nodo {node}, que no está en marcha'],
  ['this machine does not have {address}', 'esta máquina no tiene {address}'],
  ['no node that is up has {address}', 'ningún nodo en marcha tiene {address}'],
  ['warm-up starts on {day}', 'el calentamiento empieza el {day}'],
  ['daily limit {used}', 'límite diario {used}'],
  ['hourly limit {used}', 'límite por hora {used}'],
  ['warm-up {used}', 'calentamiento {used}'],
  ['{used} of {amount} used this month', '{used} de {amount} usados este mes'],
  ['streams that go on: {streams}', 'flujos que siguen: {streams}'],
];

const GATES: readonly Sentence[] = [
  ['{exit} may send now', '{exit} puede enviar ahora'],
  ['{exit} is disabled in the policy', '{exit} está desactivada en la política'],
  ['{exit} does not carry this stream', '{exit} no lleva este flujo'],
  ['{exit} is not running', '{exit} no está en marcha'],
  ['{exit} failed a moment ago: {cause*}', '{exit} ha fallado hace un momento: {cause*}'],
  ['{exit} is paused: {cause*}', '{exit} está en pausa: {cause*}'],
  ['{exit} is down: {cause*}', '{exit} está caída: {cause*}'],
  ['{exit} is in a blocklist: {cause*}', '{exit} está en una lista negra: {cause*}'],
  ['{exit} rests for its reputation: {cause*}', '{exit} descansa por su reputación: {cause*}'],
  ['{exit} has used up its budget: {cause*}', '{exit} ha agotado su presupuesto: {cause*}'],
  ['{exit} rests after a failure: {cause*}', '{exit} descansa tras un fallo: {cause*}'],
  ['{exit} waits, as its provider asks: {cause*}', '{exit} espera, como pide su proveedor: {cause*}'],
  ['{exit} is being tried after a rest: {cause*}', '{exit} se prueba tras un descanso: {cause*}'],
  ['{exit} waits a moment, as its rate has it', '{exit} espera un momento, según su ritmo'],
  ['{exit} waits for its {rate}, for {time} more', '{exit} espera por su {rate}, {time} más'],
  ['{exit} is about to know what is left of its limit', '{exit} está por saber qué queda de su límite'],
  ['{exit} has no free connection: {cause*}', '{exit} no tiene ninguna conexión libre: {cause*}'],
  ['{exit}: {cause*}, resets in {time}', '{exit}: {cause*}, se renueva en {time}'],
  ['{exit}: {cause*}, month turns in {time}', '{exit}: {cause*}, el mes cambia en {time}'],
  ['{exit}: {cause*}, for {time} more', '{exit}: {cause*}, {time} más'],
  ['{cause*}, looked at again in {time}', '{cause*}, se vuelve a comprobar en {time}'],
  ['{cause*}, looked at again now', '{cause*}, se vuelve a comprobar ahora'],
  ['all {n} are in use', 'las {n} están en uso'],
  ['its one is in use', 'la única está en uso'],
];

/** As the store alone tells. */
const STORED: readonly Sentence[] = [
  ['held; {command} lets it go', 'retenido; {command} lo libera'],
  ['held: {reason*}; {command} lets it go', 'retenido: {reason*}; {command} lo libera'],
  ['quarantined; {command} lets it go', 'en cuarentena; {command} lo libera'],
  ['quarantined: {reason*}; {command} lets it go', 'en cuarentena: {reason*}; {command} lo libera'],
  ['an operator held it', 'lo retuvo un operador'],
  [
    'over its quota of {rate}: it goes by itself, in its turn, as soon as there is room',
    'supera la cuota de {rate}: sale por sí solo, en su turno, en cuanto haya sitio',
  ],
  ['its quota has room', 'su cuota tiene sitio'],
  ['scheduled: not to be sent before {time}', 'programado: no se envía antes de {time}'],
  ['waits until {time} ({after*})', 'espera hasta {time} ({after*})'],
  [
    'waits for an exit ({after*}), looked at again at {time} or sooner',
    'espera una salida ({after*}), se vuelve a comprobar a las {time} o antes',
  ],
  ['not tried yet', 'aún sin intentos'],
  ['no attempt counts yet', 'aún no cuenta ningún intento'],
  ['after attempt {n}', 'tras el intento {n}'],
  ['expires at {time}: not sent after that', 'caduca el {time}: después no se envía'],
  ['is returned when not delivered by {time}', 'se devuelve si no se entrega antes de {time}'],
  ['its sender is told when it is not delivered by {time}', 'se avisa al remitente si no se entrega antes de {time}'],
  ['put off: {reply*}', 'aplazado: {reply*}'],
  ['the last attempt by {exit} got: {reply}', 'el último intento por {exit} recibió: {reply}'],
  ['route {route}', 'ruta {route}'],
  ['{exit} may send now ({figures})', '{exit} puede enviar ahora ({figures})'],
];

const WAITING: readonly Sentence[] = [
  ['no route takes it', 'ninguna ruta lo toma'],
  ['held until an operator releases it', 'retenido hasta que un operador lo libere'],
  ['held: {reason}', 'retenido: {reason}'],
  ['set aside: its content cannot be trusted', 'apartado: su contenido no es de fiar'],
  [
    'waits for node {node}, which has the address of its exit',
    'espera al nodo {node}, que tiene la dirección de su salida',
  ],
  ['under the lease of another node, or of one that is gone', 'en manos de otro nodo, o de uno que se ha ido'],
  [
    '{domain} did not answer several times: its lane rests for {time} more',
    '{domain} no respondió varias veces: su carril descansa {time} más',
  ],
  ['waits for its next try, in {time}', 'espera su próximo intento, en {time}'],
  ['not to be sent before its time, in {time}', 'no se envía antes de su hora, en {time}'],
  ['due: {why*}', 'previsto ya: {why*}'],
  ['waits for an exit, looked at again in {time}', 'espera una salida, se vuelve a comprobar en {time}'],
  [
    'waits for an exit: {exit} opens in {time} (looked at again in {again})',
    'espera una salida: {exit} se abre en {time} (se vuelve a comprobar en {again})',
  ],
  ['waits in the store for an exit', 'espera una salida en el almacén'],
  [
    'waits in the store, {n} deliveries to {domain} come first',
    'espera en el almacén, antes van {n} entregas a {domain}',
  ],
  ['waits in the store until there is room in memory', 'espera en el almacén hasta que haya sitio en memoria'],
  ['about to be taken out of the store', 'a punto de salir del almacén'],
  ['being tried for {time}', 'se intenta desde hace {time}'],
  ['under way by {exit} for {time}', 'en curso por {exit} desde hace {time}'],
  ['what came of it is being written', 'se está anotando el resultado'],
  ['waits for its turn: {n} deliveries wait in its lane', 'espera su turno: {n} entregas esperan en su carril'],
  [
    'its lane has {n} of {most} connections open, and {many} deliveries wait',
    'su carril tiene abiertas {n} de {most} conexiones, y esperan {many} entregas',
  ],
];

const ADVICE: readonly Sentence[] = [
  [
    '{n} server down: {names}; the others carry the mail meanwhile',
    '{n} servidor caído: {names}; los demás llevan el correo entretanto',
  ],
  [
    '{n} servers down: {names}; the others carry the mail meanwhile',
    '{n} servidores caídos: {names}; los demás llevan el correo entretanto',
  ],
  [
    'average reputation {n} %, below {least} %: slow down, and look at who is written to (the worst: {names})',
    'reputación media {n} %, por debajo de {least} %: envíe más despacio y revise a quién se escribe (las peores: {names})',
  ],
  [
    '{n} server warming up: {names*}; leave them their time',
    '{n} servidor en calentamiento: {names*}; déjele su tiempo',
  ],
  [
    '{n} servers warming up: {names*}; leave them their time',
    '{n} servidores en calentamiento: {names*}; déjeles su tiempo',
  ],
  ['{exit} on day {n} of {days}', '{exit} en el día {n} de {days}'],
  [
    "{n} % of today's capacity used ({used}), over 80 %: consider more servers",
    'usado el {n} % de la capacidad de hoy ({used}), más del 80 %: piense en más servidores',
  ],
  [
    "{n} % of today's capacity used ({used}), over 80 %: consider the next preset, {preset*}",
    'usado el {n} % de la capacidad de hoy ({used}), más del 80 %: piense en el siguiente preajuste, {preset*}',
  ],
  [
    '{n} of the last {days} days took over 80 % of what {preset*} carries (the busiest: {most}): go up to {next*}',
    '{n} de los últimos {days} días superaron el 80 % de lo que lleva {preset*} (el mayor: {most}): suba a {next*}',
  ],
  [
    'the busiest of the last {days} days took {n} messages, {share} % of what {preset*} carries: {enough*} would do',
    'el día mayor de los últimos {days} tuvo {n} mensajes, el {share} % de lo que lleva {preset*}: bastaría {enough*}',
  ],
  ['{name} ({n} messages a day)', '{name} ({n} mensajes al día)'],
  ['{name} ({n} messages a day, {cost} USD a month)', '{name} ({n} mensajes al día, {cost} USD al mes)'],
  [
    '{budgets*}: raise it, send less by it, or leave it: then its mail takes the next exit of its route, or waits',
    '{budgets*}: súbalo, envíe menos por ella, o déjelo: entonces su correo toma la siguiente salida de su ruta, o espera',
  ],
  ['the budget of {exit} is used up ({share})', 'el presupuesto de {exit} está agotado ({share})'],
  [
    'the budget of {exit} ({share} used) will be used up about {day} at the pace of the last days',
    'el presupuesto de {exit} ({share} usado) se agotará hacia el {day} al ritmo de los últimos días',
  ],
  [
    'the budget of {exit} ({share} used) will be used up about {day} at the pace of the last days, the month would come to {sum}',
    'el presupuesto de {exit} ({share} usado) se agotará hacia el {day} al ritmo de los últimos días, el mes llegaría a {sum}',
  ],
];

export const REASON_SENTENCES: readonly Sentence[] = [...CLOSURES, ...GATES, ...STORED, ...WAITING, ...ADVICE];
