/** What the header of a mail that came back says it is: a bounce, a notice of delay, an automatic reply. Pure. */
import { bodyOffsetOf, type HeaderField, parseHeaderBlock } from '../message/header.ts';
import { textOfField } from './part-text.ts';

/**
 * `bounce`: a mail system reports, or passes for one. `delayed`: it is still trying. `challenge`: a person is to prove that it is
 * one. `vacation`: somebody is away. `auto-reply`: any other answer by a program.
 */
export type Nature = 'bounce' | 'delayed' | 'challenge' | 'vacation' | 'auto-reply' | 'other';

/** Fields that tell are among the first; a header as large as a message is none of theirs. */
const MOST_HEADER_BYTES = 64 * 1024;

/** The fields of a mail's header, as far as they are looked at. */
export function headerOf(content: Buffer): readonly HeaderField[] {
  return parseHeaderBlock(content.subarray(0, Math.min(bodyOffsetOf(content), MOST_HEADER_BYTES))).fields;
}

const MAIL_SYSTEM =
  /(?:mailer.?daemon|^post-?master|postmaster@|mail ?(?:er)? ?delivery|delivery ?(?:sub)?system|mail ?(?:administrator|system|daemon)|\bmdaemon\b|no-?reply.{0,10}(?:bounce|daemon)|microsoftexchange[0-9a-f]{8,}|symantec_?(?:mail)?|interscan|antivirus|bounces?@)/iu;

const FAILURE =
  /undeliver|un-?deliverable|error (?:sending|delivering)|not (?:be )?delivered|non-?delivery|delivery (?:status notification ?\(failure|failure|failed|error|report|problem|has failed|incomplete)|deliver(?:y|ing)? .{0,20}fail|fail(?:ed|ure)? (?:notice|to deliver|mail|delivery|permanently)|return(?:ed|ing) (?:mail|message|to sender|e-?mail)|mail (?:returned|rejected|system error|delivery (?:failed|error|problem))|(?:could|can)(?:n't|not| not) (?:be )?(?:deliver|send|sent)|rejected mail|message (?:rejected|bounced|not delivered|.{0,20}blocked)|bounced? (?:mail|message|action)|user unknown|nondeliverable|unzustellbar|nicht zu(?:ge)?stell|unzustellbarkeit|zustellung .{0,30}fehl|no (?:se )?(?:ha )?(?:podido |pudo )?(?:ser )?(?:entreg|enviad|enviar)|mensaje (?:devuelto|no entregado)|devuel(?:to|ta)|correo devuelto|error (?:de|en la) entrega|fallo (?:de|en la) entrega|non (?:remis|distribu|délivr|recapit|consegn)|(?:échec|echec) de .{0,20}(?:remise|livraison|distribution)|retourné|não (?:foi |pôde ser )?(?:entreg|enviad)|mensagem devolvida|falha (?:na|de) entrega|devolvid|impossibile .{0,20}(?:recapit|consegn)|mancat[ao] (?:recapito|consegna)|niet (?:bezorgd|afgeleverd)|onbestelbaar|не доставлен|недоставлен|配信(?:不能|エラー|失敗|できません)|配送(?:不能|エラー|失敗)|送信(?:エラー|失敗|できません)|届きません|配信状態通知|退信|投递失败|无法投递/iu;

const DELAY =
  /delay|(?:could not|not) .{0,30}(?:yet|so far)|still (?:trying|being)|will (?:be )?retr(?:y|ied)|^warning\b|verzöger|retras(?:o|ad)|demora|retardé|différé|atras(?:o|ad)|ritard|vertrag(?:ing|d)|задерж|遅延|遅れて/iu;

const VACATION =
  /out of (?:the )?office|vacation|on (?:annual )?(?:leave|holiday)|away from (?:my|the)|abwesen|urlaub|nicht im (?:büro|haus)|fuera de (?:la )?oficina|ausen(?:te|cia)|vacaciones|absen(?:ce|t)|en congés?|férias|ausência|fora do escritório|fuori sede|in ferie|afwezig|в отпуске|отсутств|不在|休暇|外出/iu;

const AUTOMATIC =
  /^(?:automatic (?:re(?:ply|sponse)|answer)|auto(?:matic|mated)?[ -]?(?:re(?:ply|sponse|sponder)|answer)|automatische antwort|respuesta autom|réponse automat|resposta autom|risposta automat|automatisch antwoord|автоответ|автоматический ответ)|自動(?:返信|応答)|自动(?:回复|答复)/iu;

const CHALLENGE =
  /(?:please )?(?:confirm|verify|authenticat|validat)\w* .{0,40}(?:e-?mail|message|mail|sender|address|delivery|yourself|human)|(?:your )?(?:e-?mail|message|mail) .{0,40}(?:requires? (?:verification|confirmation|authorization)|awaits? approval|is (?:being held|waiting))|sender (?:verification|confirmation|authentication)|challenge.{0,10}response|confirma(?:ção|ci[oó]n) .{0,40}(?:e-?mail|mensa|correo|remetente)|anti-?spam .{0,40}(?:confirm|autenti|verif)|spamarrest|boxbe|送信者.{0,10}確認/iu;

const CHALLENGE_BODY =
  /(?:click|follow|visit|reply|use|open|acesse|clique|haga clic|cliquez).{0,160}(?:confirm|verify|prove|approve|authenticat|release|human|person|autoriz|confirme)|(?:confirm|verify|prove).{0,60}(?:you are (?:a )?(?:human|person|real)|not (?:a )?(?:robot|spam|machine))/iu;

/** @param text the beginning of what it says, '' where nothing can be read */
export function natureOf(fields: readonly HeaderField[], text: string): Nature {
  const subject = textOfField(fields, 'subject').slice(0, 300);
  const from = textOfField(fields, 'from').slice(0, 300);
  const has = (name: string): boolean => fields.some((field) => field.name === name);
  const type = textOfField(fields, 'content-type').toLowerCase();
  const isReport = type.startsWith('multipart/report') || has('x-failed-recipients');
  const start = text.slice(0, 1_500);
  if (!isReport && isChallenge({ subject, start, has })) return 'challenge';
  const isAutomatic = saysAutomatic(fields) || AUTOMATIC.test(subject);
  const isFromSystem = MAIL_SYSTEM.test(from) || isReport || QSBMF.test(start);
  if (!isFromSystem && VACATION.test(subject)) return 'vacation';
  if (!isFromSystem && isAutomatic && !FAILURE.test(subject)) return VACATION.test(start) ? 'vacation' : 'auto-reply';
  const isFailure = FAILURE.test(subject);
  if (DELAY.test(subject) && (isFromSystem || isAutomatic) && !/fail|undeliver/iu.test(subject)) return 'delayed';
  if (isFromSystem && !isFailure && DELAYED_BODY.test(start)) return 'delayed';
  // Mail systems send digests and notices, too.
  if (isFromSystem && (isFailure || isReport || FAILURE.test(start) || QSBMF.test(start))) return 'bounce';
  if (isFailure && !/^(?:re|aw|sv|antw|rv|fwd?|wg):/iu.test(subject)) return 'bounce';
  return isAutomatic ? 'auto-reply' : 'other';
}

/** The opening of qmail's bounces (https://cr.yp.to/proto/qsbmf.txt). */
const QSBMF = /^\s*Hi\. This is the/u;

const DELAYED_BODY =
  /(?:you do not need|no need) to (?:re-?send|resend|do anything)|warning message only|will (?:keep|continue|be) (?:trying|retr|to try)|will be retried|has not (?:yet )?been delivered|no action is required/iu;

function isChallenge({
  subject,
  start,
  has,
}: {
  readonly subject: string;
  readonly start: string;
  readonly has: (name: string) => boolean;
}): boolean {
  if (has('x-tmda-confirm') || has('x-challenge-response') || has('x-spamarrest-noauth')) return true;
  return CHALLENGE.test(subject) && CHALLENGE_BODY.test(start);
}

/** RFC 3834 §5, and what was used before it. */
function saysAutomatic(fields: readonly HeaderField[]): boolean {
  const says = (name: string, meant: (value: string) => boolean): boolean =>
    fields.some((field) => field.name === name && meant(textOfField([field], name).toLowerCase()));
  return (
    says('auto-submitted', (value) => value !== '' && !/^no\b/.test(value)) ||
    says('x-autoreply', (value) => value !== 'no') ||
    says('x-autorespond', (value) => value !== 'no') ||
    says('x-autoresponder', (value) => value !== 'no') ||
    says('x-auto-response-suppress', (value) => value === 'all') ||
    says('precedence', (value) => value === 'auto_reply')
  );
}
