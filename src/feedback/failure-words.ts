/** Why mail failed, in the words that servers use where they give no code: the RFC 3463 detail that they stand for. Pure. */

export type FailureWords = {
  /** Subject and detail of RFC 3463: `1.1`. */
  readonly detail: string;
  /** It may pass. */
  readonly isTemporary: boolean;
};

type Row = { readonly detail: string; readonly isTemporary?: true; readonly words: readonly RegExp[] };

/**
 * In the order of trying, each by language: English, German, Spanish, French, Portuguese, Italian, Dutch, Russian, Japanese,
 * Chinese. Repeats are bounded, so that a text is read in time that grows with its length alone.
 */
const ROWS: readonly Row[] = [
  {
    detail: '2.2',
    words: [
      /over ?-?quota|quota.{0,20}exceed|exceed\w{0,3} .{0,40}quota|(?:mailbox|inbox|mail ?box|account|mailfolder|maildrop).{0,30}\bfull\b|out of (?:storage|disk) space|insufficient (?:disk|storage|mailbox) ?\w{0,8}|(?:mailbox|storage) .{0,30}(?:size |storage )?limit .{0,20}exceed|(?:mailbox|storage|disk).{0,20} exceed\w{0,3} .{0,30}(?:limit|size|space)|exceed\w{0,3} .{0,30}(?:mailbox|storage|disk) .{0,20}(?:limit|size|space)|no (?:more )?(?:space|room) (?:left )?(?:in|for) (?:the )?(?:mailbox|recipient|user)|not enough (?:disk|storage|mailbox) space/iu,
      /(?:postfach|mailbox).{0,40}(?:\bvoll\b|überfüllt|überschritten)|speicherplatz.{0,40}(?:erschöpft|überschritten|voll)|kontingent.{0,30}überschritten/iu,
      /(?:buz[oó]n|casilla).{0,60}(?:llen[oa]|superado|excedid)|cuota.{0,40}(?:superad|excedid|sobrepasad)|(?:superado|excedido|excede).{0,30}cuota/iu,
      /bo[iî]te.{0,60}(?:pleine|satur)|quota.{0,30}(?:dépass|atteint)|espace .{0,40}insuffisant/iu,
      /caixa.{0,60}(?:cheia|lotada|esgotad)|(?:cota|quota).{0,40}(?:excedid|ultrapassad|esgotad)/iu,
      /casella.{0,40}(?:piena|esaurit)|postvak.{0,30}vol\b|переполнен|квот.{0,20}превышен|превышен.{0,20}квот/iu,
      /メールボックス.{0,30}(?:一杯|いっぱい|満杯|容量|空き)|容量.{0,20}(?:超|オーバー|一杯|不足)|(?:邮箱|信箱|郵箱).{0,10}(?:满|滿)|空间不足/u,
    ],
  },
  {
    detail: '3.4',
    words: [
      /(?:message|e?-?mail|attachment)s?.{0,40}(?:too (?:large|big)|size limit|exceeds? .{0,30}(?:maximum|max|limit|size))|size .{0,40}exceed/iu,
      /(?:nachricht|mail|anhang).{0,40}zu groß|demasiado grande|supera el tamaño|trop (?:volumineux|grand|gros)|muito grande|excede o tamanho|サイズ.{0,30}(?:制限|上限|超)/iu,
    ],
  },
  {
    detail: '1.2',
    words: [
      /(?:host|domain|system)(?: name)?(?: or domain)? ?(?:name )?(?:is )?(?:unknown|not found|does not exist|doesn't exist|invalid|could(?: not|n't) be (?:found|resolved))|(?:unknown|no such|non-?existent|unresolvable|bad destination|invalid) (?:host|domain|system)|find any host named|(?:unrouteable|unroutable) mail domain|nxdomain|name or service not known|dns .{0,30}(?:non-?existent|no such)|domain .{0,80}(?:does(?: not|n't) exist|couldn't be found|could not be found)|no (?:valid )?mx/iu,
      /(?:domain|domäne|rechner).{0,80}(?:existiert nicht|nicht gefunden|unbekannt)|dominio.{0,60}(?:no existe|no (?:se )?(?:ha )?encontr|inexistente)|domaine.{0,60}(?:n.existe pas|introuvable|inconnu)|dom[ií]nio.{0,60}(?:não existe|inexistente|não (?:foi )?encontrad|inesistente)/iu,
      /ドメイン.{0,40}(?:存在し|見つかりません|不明)|域名.{0,10}不存在/u,
    ],
  },
  {
    detail: '4.6',
    words: [/too many hops|mail loop|loops? back to (?:my|it)self|hop count|mail forwarding loop|message is looping/iu],
  },
  {
    detail: '4.7',
    isTemporary: true,
    words: [
      /(?:retry|delivery|queue) ?(?:time|timeout|period)?.{0,20}(?:exceeded|expired|timed out)|(?:message|mail) .{0,30}(?:expired|too old|too long in)|in the queue too long|could not be delivered for (?:more than )?\d|unable to deliver .{0,30}(?:for|after|within) \d|giving up after \d+ (?:hours|days)|timed? ?out/iu,
      /zeitüberschreitung|innerhalb von \d+ (?:stunden|tagen)|tiempo de (?:espera|entrega).{0,30}(?:agotado|expir|super)|délai.{0,40}(?:dépassé|expiré)|tempo.{0,30}(?:esgotado|expirou|limite)/iu,
      /時間内に|タイムアウト|期限.{0,10}(?:切れ|超)/u,
    ],
  },
  {
    detail: '2.1',
    words: [
      /(?:account|mailbox|user|address|recipient).{0,60}(?:\bdisabled|deactivated|inactive|suspended|\bclosed|has been locked|not active|no longer (?:active|in use|valid|available|with|exists?|accept))/iu,
      /(?:postfach|konto|adresse|empfänger).{0,60}(?:deaktiviert|gesperrt|nicht mehr)|(?:cuenta|buz[oó]n).{0,60}(?:desactivad|inactiv|suspendid|deshabilitad)|(?:compte|bo[iî]te|adresse).{0,60}(?:désactivé|inacti|fermé|suspendu|n.est plus)|(?:conta|caixa).{0,60}(?:desativad|inativ|suspens|bloquead)/iu,
      /(?:アカウント|メールボックス).{0,30}(?:無効|停止|休止)|已(?:停用|禁用)/u,
    ],
  },
  {
    detail: '1.1',
    words: [
      /(?:user|mailbox|recipient|account|address|alias|login|name|person|destinatary)(?: ?name| address| e-?mail| mailbox)?.{0,60}(?:unknown|not found|not exist|n't exist|no(?:t|n)-?exist|not listed|invalid|not known|not (?:a )?valid|not recogni[sz]ed|couldn't be found|could not be found|cannot be found|wasn't found|not registered|undeliverable|not local)|no (?:such|valid) (?:user|mailbox|recipient|account|person|address|alias|name)|(?:unknown|invalid|nonexistent|non-existent|incorrect|bad) (?:local )?(?:user|recipient|local[ -]part|mailbox|address|account|destination mailbox|destination address)|unrouteable address|no mailbox (?:here )?by that name|not our customer|does(?: not|n't) have an? .{0,40}account|(?:can't|cannot|could not) (?:find|create) .{0,20}(?:user|mailbox|output)|this address no longer|there is no one|not a (?:valid|known) (?:user|mailbox)|don't (?:have|know) .{0,20}(?:user|mailbox)/iu,
      /(?:empfänger|adresse|benutzer|postfach|mailadresse|e-mail-adresse|konto).{0,60}(?:unbekannt|nicht gefunden|existiert nicht|nicht vorhanden|ungültig|nicht bekannt|gibt es nicht)|unbekannte[rns]? (?:empfänger|benutzer|adresse)|kein(?:e|en)? (?:solche[rsn]? )?(?:postfach|benutzer|empfänger)/iu,
      /(?:usuario|destinatari[oa]|direcci[oó]n|cuenta|buz[oó]n|casilla).{0,80}(?:no existe|inexistente|desconocid|no (?:se )?(?:ha |pudo )?(?:sido )?(?:podido )?encontr|no (?:es )?v[aá]lid|inv[aá]lid|no est[aá] registrad)/iu,
      /(?:utilisateur|destinataire|adresse|compte|bo[iî]te).{0,80}(?:n.existe pas|inconnue?|inexistante?|introuvable|invalide|n.a pas (?:été|pu être) trouvé|non valide)/iu,
      /(?:usu[aá]rio|destinat[aá]rio|endere[cç]o|conta|caixa).{0,80}(?:não (?:existe|(?:foi )?(?:encontrad|localizad)|cadastrad|pôde ser)|inexistente|desconhecid|inv[aá]lid)/iu,
      /(?:utente|destinatario|indirizzo|casella).{0,60}(?:non esiste|inesistente|sconosciut|non trovat|non valid)|(?:gebruiker|ontvanger|adres|postvak).{0,60}(?:bestaat niet|onbekend|niet gevonden)|(?:пользовател|адрес|ящик|получател|аккаунт).{0,60}(?:не существует|не найден|неизвест|недействит|отсутствует)|(?:нет такого|неизвестный) (?:пользовател|адрес|получател)/iu,
      /(?:宛先|ユーザー?|アドレス|あて先|受信者|メールボックス).{0,40}(?:存在し|見つかりません|見つからない|不明|ありません|登録されて|無効)|(?:用户|收件人|邮箱|地址|使用者).{0,60}(?:不存在|无效|未找到|找不到)/u,
    ],
  },
  {
    detail: '7.1',
    words: [
      /\bspam\b|\bjunk\b|\bvirus\b|malware|polic(?:y|ies)|blocked|black ?-?list|block ?-?list|content (?:filter|reject)|not (?:allowed|authori[sz]ed|permitted) to (?:send|post|relay|email)|access denied|permission|unsolicited|restricted|prohibited|relay(?:ing)? (?:is )?(?:denied|not)|only accepts/iu,
      /richtlinie|als spam|unerwünscht|abgelehnt|no deseado|política|no deseada|bloquead|indésirable|politique|pourriel|bloqué|indesejad|запрещ|отклонен|спам|迷惑メール|ポリシー|受信拒否|拒否|垃圾邮件|拒收/iu,
    ],
  },
  {
    detail: '4.1',
    isTemporary: true,
    words: [
      /connection (?:was )?(?:refused|dropped|lost|reset|failed)|no answer|unable to connect|(?:did|does) not respond|not responding|could(?: not|n't) (?:connect|establish)|network (?:is )?unreachable|host (?:is )?(?:unreachable|down)|no route to host|temporar/iu,
      /keine verbindung|nicht erreichbar|vorübergehend|no responde|sin respuesta|ne répond pas|não responde|temporair|temporal|temporári|接続でき|応答(?:し|が)/iu,
    ],
  },
];

/** More of a text is not looked at. */
const LONGEST = 4_000;

/** null: it says nothing that is known. */
export function failureInWords(text: string): FailureWords | null {
  const start = text.slice(0, LONGEST);
  const row = ROWS.find(({ words }) => words.some((one) => one.test(start)));
  return row === undefined ? null : { detail: row.detail, isTemporary: row.isTemporary === true };
}
