/** What alerts say, with its translation, by where it is said: see `spanish.ts`. */
import type { Sentence } from './spanish.ts';

const EXITS: readonly Sentence[] = [
  [
    '{exit} is down: a check failed: {cause}. Nothing goes out by it; it is checked again in {time}, and comes back by itself',
    '{exit} está caída: falló una comprobación: {cause}. No sale nada por ella; se comprueba de nuevo en {time} y vuelve por sí sola',
  ],
  [
    '{exit} is down: {n} checks failed: {cause}. Nothing goes out by it; it is checked again in {time}, and comes back by itself',
    '{exit} está caída: fallaron {n} comprobaciones: {cause}. No sale nada por ella; se comprueba de nuevo en {time} y vuelve por sí sola',
  ],
  ['{exit} works again', '{exit} funciona de nuevo'],
  ['{exit} works again after {time}', '{exit} funciona de nuevo tras {time}'],
  ['{exit} rests for {n} s: {cause}', '{exit} descansa {n} s: {cause}'],
  [
    '{exit} rests for {n} s, as its provider asks: {cause}. No try is used up.',
    '{exit} descansa {n} s, como pide su proveedor: {cause}. No se gasta ningún intento.',
  ],
  ['{exit} has new settings, and is tried again', '{exit} tiene otros ajustes, y se prueba de nuevo'],
  [
    '{exit} is paused by an operator: no new mail goes out by it until `{command}`',
    '{exit} está en pausa por un operador: no sale correo nuevo por ella hasta `{command}`',
  ],
  [
    '{exit} is paused by an operator ({reason}): no new mail goes out by it until `{command}`',
    '{exit} está en pausa por un operador ({reason}): no sale correo nuevo por ella hasta `{command}`',
  ],
  ['{exit} is not paused any more', '{exit} ya no está en pausa'],
  ['{exit} is not in use any more', '{exit} ya no se usa'],
  ['{exit}: it is not in use any more', '{exit}: ya no se usa'],
  [
    'no exit is open: mail is taken and waits ({gates})',
    'ninguna salida está abierta: el correo se acepta y espera ({gates})',
  ],
  ['an exit is open again', 'hay de nuevo una salida abierta'],
  [
    'mail waits: every exit of route {route} is closed: {why}',
    'hay correo que espera: todas las salidas de la ruta {route} están cerradas: {why}',
  ],
  [
    'an exit of route {route} is open again, or the route is gone',
    'hay de nuevo una salida abierta en la ruta {route}, o la ruta ya no existe',
  ],
  ['{exit} has {score*}: it sends at its full pace again', '{exit} tiene {score*}: envía de nuevo a todo su ritmo'],
  [
    '{exit} has {score*}, below {n}: it sends at half its pace until it is at {most}',
    '{exit} tiene {score*}, por debajo de {n}: envía a la mitad de su ritmo hasta llegar a {most}',
  ],
  [
    '{exit} has {score*}, below {n}: paused until it is at {most}; every {min} min some transactional mail tries it, and what is a day older weighs half',
    '{exit} tiene {score*}, por debajo de {n}: en pausa hasta llegar a {most}; cada {min} min la prueba algo de correo transaccional, y lo que es un día más antiguo pesa la mitad',
  ],
  [
    '{exit}: its last {n} connections, for {domains} domains, were not answered, while {others} reached {reached}: mail that tries it loses that time and a try. Look at the address, its routes and the firewall; {command} takes it out of use. Over with the first server that answers it',
    '{exit}: sus últimas {n} conexiones, a {domains} dominios, no tuvieron respuesta, mientras {others} llegó a {reached}: el correo que la prueba pierde ese tiempo y un intento. Revise la dirección, sus rutas y el cortafuegos; {command} la deja fuera de uso. Termina con el primer servidor que le responda',
  ],
  ['{exit}: {domain} answers it again', '{exit}: {domain} le responde de nuevo'],
  [
    '{who} is listed in {zones}. Nothing goes out by it: other mail takes other exits{more}. Find the cause, then ask {ask} to take it off. It is looked at again every {time}',
    '{who} figura en {zones}. No sale nada por ella: el resto del correo toma otras salidas{more}. Busque la causa y pida después a {ask} que la retire. Se comprueba de nuevo cada {time}',
  ],
  ['{who} is not listed any more', '{who} ya no figura en ninguna lista'],
  [
    '{who} is not listed any more: it sends at {n} % of its pace, and at more with each clean look, every {time}',
    '{who} ya no figura en ninguna lista: envía al {n} % de su ritmo, y a más con cada comprobación limpia, cada {time}',
  ],
  [
    '{who} is in {zones}: some servers refuse its mail for that. It goes on sending. Have it taken off: {ask}',
    '{who} está en {zones}: algunos servidores rechazan su correo por ello. Sigue enviando. Pida que la retiren: {ask}',
  ],
  [
    'the blocklist {zone} cannot be asked: {cause}. Whether own addresses are in it is not known, and nothing is closed or opened for it. Give `dns.servers` a resolver of your own, or ask the list for a key and name the zone that comes with it in `blocklists.zones`',
    'no se puede preguntar a la lista {zone}: {cause}. No se sabe si hay direcciones propias en ella, y por ella no se cierra ni se abre nada. Ponga en `dns.servers` un servidor DNS propio, o pida una clave a la lista y ponga en `blocklists.zones` la zona que viene con ella',
  ],
  ['{zone} answers again', '{zone} responde de nuevo'],
  ['{place*}: exits that are bound to it are passed over', '{place*}: las salidas ligadas a ella se saltan'],
  ['{address} is there again, or is not needed any more', '{address} está de nuevo, o ya no hace falta'],
  [
    '{who}: {why}: its warm-up is back at day {n} of {days}, {cap} messages; today does not count, tomorrow has the same again',
    '{who}: {why}: su calentamiento vuelve al día {n} de {days}, {cap} mensajes; hoy no cuenta, mañana tiene otra vez lo mismo',
  ],
  [
    '{who}: its warm-up goes on with day {n} of {days}, {cap} messages',
    '{who}: su calentamiento sigue con el día {n} de {days}, {cap} mensajes',
  ],
  ['{who}: its warm-up is over', '{who}: su calentamiento ha terminado'],
  ['it is not warmed up any more', 'ya no está en calentamiento'],
  [
    '{n} % of the budget of {exit} is used ({share}): at 100 % its mail takes the next exit of its route, or waits; the month turns at {time}',
    'usado el {n} % del presupuesto de {exit} ({share}): al 100 % su correo toma la siguiente salida de su ruta, o espera; el mes cambia el {time}',
  ],
  [
    'the budget of {exit} is used up ({share}): it is closed for all mail, and opens by itself as the month turns at {time}',
    'el presupuesto de {exit} está agotado ({share}): está cerrada para todo el correo, y se abre por sí sola al cambiar el mes, el {time}',
  ],
  [
    'the budget of {exit} is used up ({share}): it is closed for all mail but the streams {streams}, and opens by itself as the month turns at {time}',
    'el presupuesto de {exit} está agotado ({share}): está cerrada para todo el correo salvo los flujos {streams}, y se abre por sí sola al cambiar el mes, el {time}',
  ],
  [
    '{exit} costs {share} of its budget this month, whatever it sends: it goes on sending; the month turns at {time}',
    '{exit} cuesta {share} de su presupuesto este mes, envíe lo que envíe: sigue enviando; el mes cambia el {time}',
  ],
  ['{exit} has no budget any more', '{exit} ya no tiene presupuesto'],
  [
    '{exit} has {share} of its budget used: the month turned, or the budget is a higher one',
    '{exit} ha usado {share} de su presupuesto: el mes ha cambiado, o el presupuesto es mayor',
  ],
  ['{exit}: every key is taken again', '{exit}: se aceptan de nuevo todas las claves'],
  [
    '{exit}: the provider refuses {each}. {then*} Put a new key into the policy: it is used at once.',
    '{exit}: el proveedor rechaza {each}. {then*} Ponga una clave nueva en la política: se usa enseguida.',
  ],
  [
    'No other is left: the exit rests, and its mail takes the route’s other exits or waits.',
    'No queda otra: la salida descansa, y su correo toma las otras salidas de la ruta o espera.',
  ],
  [
    'Mail goes on with the other one; tried again every {n} min.',
    'El correo sigue con la otra; se prueba de nuevo cada {n} min.',
  ],
  [
    'Mail goes on with the other {n}; tried again every {min} min.',
    'El correo sigue con las otras {n}; se prueba de nuevo cada {min} min.',
  ],
];

const MAIL: readonly Sentence[] = [
  [
    '{share} of the attempts by {exit} failed in the last hour ({n} of {all}; {most} are allowed). Mail is tried again as the policy says',
    '{share} de los intentos por {exit} fallaron en la última hora ({n} de {all}; se permite {most}). El correo se reintenta como dice la política',
  ],
  [
    '{exit}: no more than {most} of the attempts of the last hour failed',
    '{exit}: no falló más del {most} de los intentos de la última hora',
  ],
  [
    '{share} of the attempts of the last hour are in doubt ({n} of {all}; {most} are allowed): as many copies may be out',
    '{share} de los intentos de la última hora son dudosos ({n} de {all}; se permite {most}): puede haber otras tantas copias fuera',
  ],
  [
    'no more than {most} of the attempts of the last hour are in doubt',
    'no es dudoso más del {most} de los intentos de la última hora',
  ],
  ['{n} delivery waits for more than {time}: {where}', '{n} entrega espera más de {time}: {where}'],
  ['{n} deliveries wait for more than {time}: {where}', '{n} entregas esperan más de {time}: {where}'],
  [
    'at least {n} deliveries wait for more than {time}: {where}',
    'al menos {n} entregas esperan más de {time}: {where}',
  ],
  ['no mail waits for longer than it may', 'ningún correo espera más de lo que debe'],
  [
    'mail waits and nothing moves for {n} minutes: {domains}',
    'hay correo que espera y nada se mueve desde hace {n} minutos: {domains}',
  ],
  ['every lane with work moves again', 'todos los carriles con trabajo se mueven de nuevo'],
  [
    'mail by route {route} is held: none of its exits can carry it as it is. {why}',
    'el correo de la ruta {route} está retenido: ninguna de sus salidas puede llevarlo tal como es. {why}',
  ],
  [
    'another policy is in force: mail by route {route} that was held for want of an exit can be released',
    'hay otra política en vigor: el correo de la ruta {route} retenido por falta de salida se puede liberar',
  ],
  [
    '{n} sites refuse the address of {exit}: {sites}; nothing goes there by it for half an hour to 4 hours, then one message to each finds out. What they said is in the events of their mail',
    '{n} destinos rechazan la dirección de {exit}: {sites}; por ella no va nada allí entre media hora y 4 horas, después lo averigua un mensaje a cada uno. Lo que dijeron está en los eventos de su correo',
  ],
  [
    '{client}: {why*}. Its bulk mail is held, all other mail of it goes on. {command} lets it go',
    '{client}: {why*}. Su correo masivo está retenido, el resto de su correo sigue. {command} lo deja salir',
  ],
  ['{client}: its mail is not held any more', '{client}: su correo ya no está retenido'],
  [
    '{n} recipients in this hour, where {usual} are usual and {most} were the most in weeks',
    '{n} destinatarios en esta hora, donde lo habitual son {usual} y el máximo en semanas fueron {most}',
  ],
  [
    '{n} % of {all} recipients in this hour are such as it never wrote to, where {usual} % are usual',
    'al {n} % de {all} destinatarios en esta hora no había escrito nunca, donde lo habitual es el {usual} %',
  ],
  [
    '{n} of {all} recipients in this hour bounced, where {usual} % are usual',
    'rebotaron {n} de {all} destinatarios en esta hora, donde lo habitual es el {usual} %',
  ],
  [
    'the subscription of {exit} to {topics} was ended at Amazon: its bounces and complaints are not told any more; subscribe {path} to it again',
    'la suscripción de {exit} a {topics} terminó en Amazon: ya no avisa de rebotes ni quejas; suscriba de nuevo {path}',
  ],
  ['{exit} is subscribed to {topics}', '{exit} está suscrita a {topics}'],
  ['it takes events again', 'acepta eventos de nuevo'],
  ['it is gone (410), last: {cause*}. {then*}', 'ya no existe (410), último: {cause*}. {then*}'],
  [
    'it has taken nothing since {time}, last: {cause*}. {then*}',
    'no ha aceptado nada desde {time}, último: {cause*}. {then*}',
  ],
  ['it was given up at {time}, last: {cause*}. {then*}', 'se dio por perdido a las {time}, último: {cause*}. {then*}'],
  [
    'It is not told any more; what it missed is kept with the history: {command}',
    'Ya no se le avisa; lo que se perdió se guarda con el historial: {command}',
  ],
  ['it answers {status}', 'responde {status}'],
  ['it cannot be reached: {code}', 'no se alcanza: {code}'],
  [
    '{client}: it is over its quota of {rate}; its mail waits, and goes by itself, the oldest first, as there is room',
    '{client}: supera su cuota de {rate}; su correo espera, y sale por sí solo, primero el más antiguo, según haya sitio',
  ],
  [
    '{client}: it is over its quota; its mail waits, and goes by itself, the oldest first, as there is room',
    '{client}: supera su cuota; su correo espera, y sale por sí solo, primero el más antiguo, según haya sitio',
  ],
  [
    '{client}: it is not in the policy any more; its mail that was over its quota waits until an operator releases or bounces it',
    '{client}: ya no está en la política; su correo por encima de la cuota espera hasta que un operador lo libere o lo devuelva',
  ],
  ['{client}: none of its mail waits for its quota any more', '{client}: ya nada de su correo espera por su cuota'],
];

const RELAY: readonly Sentence[] = [
  ['no mail is taken (451 or 452): {why}', 'no se acepta correo (451 o 452): {why}'],
  ['the spool takes mail again', 'la cola acepta correo de nuevo'],
  ['redis keeps mail again', 'Redis guarda correo de nuevo'],
  ['the spool can be read again', 'la cola se puede leer de nuevo'],
  [
    'nothing could be claimed from the spool for a minute: {cause}',
    'desde hace un minuto no se puede sacar nada de la cola: {cause}',
  ],
  ['what became of {id} cannot be written: {cause}', 'no se puede anotar qué fue de {id}: {cause}'],
  [
    'spool.durability is relaxed: mail that was answered 250 a moment before the power fails may be lost',
    'spool.durability es relaxed: el correo contestado con 250 un momento antes de un corte de luz puede perderse',
  ],
  [
    'history cut short because the spool is full: give it more memory, or shorten history in the policy',
    'historial recortado porque la cola está llena: dele más memoria, o acorte history en la política',
  ],
  ['history is kept as long as the policy says again', 'el historial se guarda de nuevo tanto como dice la política'],
  [
    'cannot use certificate {cert} with key {key}: {cause}',
    'no se puede usar el certificado {cert} con la clave {key}: {cause}',
  ],
  ['certificate {cert} is in use', 'el certificado {cert} está en uso'],
  [
    'the certificate {path} ({what}) ends at {time}, in {n} days',
    'el certificado {path} ({what}) termina el {time}, en {n} días',
  ],
  [
    'the certificate {path} ({what}) ended at {time}: clients that check it send nothing',
    'el certificado {path} ({what}) terminó el {time}: los clientes que lo comprueban no envían nada',
  ],
  ['the certificate {path} ({what}) is good until {time}', 'el certificado {path} ({what}) vale hasta el {time}'],
  ['{domain}: DNS has the record', '{domain}: el DNS tiene el registro'],
  [
    'the policy file is not in force, the one before is: {why}',
    'el archivo de política no está en vigor, sigue el anterior: {why}',
  ],
  ['policy {version} is in force', 'la política {version} está en vigor'],
  ['worker {n} ends again and again: {cause}', 'el trabajador {n} termina una y otra vez: {cause}'],
  ['worker {n} is well again', 'el trabajador {n} está bien de nuevo'],
  [
    'node {node} on {host} is gone since {time}, and did not leave: the others take over its mail',
    'el nodo {node} en {host} no da señales desde {time}, y no se despidió: los demás se hacen cargo de su correo',
  ],
  ['node {node} is back', 'el nodo {node} ha vuelto'],
  ['node {node} is not expected any more', 'ya no se espera al nodo {node}'],
  ['the clocks of all nodes agree', 'los relojes de todos los nodos coinciden'],
  ['not so any more since the relay was started again', 'ya no es así desde que se reinició el relevo'],
];

export const ALERT_SENTENCES: readonly Sentence[] = [...EXITS, ...MAIL, ...RELAY];
