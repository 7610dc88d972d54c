/** What of a message waits, why, and what can be done with it. */
import { html } from 'hono/html';
import type { Explanation } from '../../operations/operations.ts';
import type { MessageStory } from '../../spool/spool.ts';
import type { Html } from '../page.ts';
import { ago, count } from './format.ts';
import { MESSAGE_WORDS } from './message-words.ts';
import { IDS_FIELD, queueApi, RESCHEDULE_API, RESCHEDULE_TIME } from './queue-api.ts';
import { type RecordTold, stateTag } from './record-parts.ts';
import { said } from './spanish.ts';

type Waiting = {
  readonly story: MessageStory;
  /** null: not known yet. */
  readonly explanations: readonly Explanation[] | null;
};

export function waitingOf({ story, explanations }: Waiting, told: RecordTold): Html {
  const words = MESSAGE_WORDS[told.language];
  const { queued, message } = story;
  if (queued.length === 0) return html`<div data-live="waiting"></div>`;
  const isScheduled = (message.sendAtMs ?? 0) > told.nowMs;
  return html`<section class="card" data-live="waiting" aria-labelledby="waiting">
    <h2 id="waiting">${words.waits}</h2>
    ${explanations === null ? html`<p aria-busy="true">${words.looking}</p>` : reasonsOf(explanations, { story, told, isScheduled })}
    ${told.mayChange ? allActions(message.id, { told, isScheduled, isMany: queued.length > 1 || explanations === null }) : ''}
  </section>`;
}

type Shown = { readonly told: RecordTold; readonly isScheduled: boolean };

function reasonsOf(
  explanations: readonly Explanation[],
  { story, ...shown }: Shown & { readonly story: MessageStory },
): Html {
  const left = story.queued.length - explanations.length;
  return html`${explanations.map((one) => explanationOf(one, shown))}
  ${left > 0 ? html`<p class="soft">+ ${count(left, shown.told.language)}</p>` : ''}`;
}

function explanationOf(one: Explanation, { told, isScheduled }: Shown): Html {
  const words = MESSAGE_WORDS[told.language];
  const isUnderway = one.leasedUntilMs !== null && one.leasedUntilMs >= told.nowMs;
  return html`<div class="waits">
    <h3>.${one.deliveryId.slice(27)} ${one.domain} ${stateTag(one.state, told.language)}</h3>
    <p class="soft">${isUnderway ? words.underway : html`${words.due} ${ago(one.dueAtMs, told)}`}</p>
    <ul>
      ${one.reasons.map((reason) => html`<li>${said(reason, told.language)}</li>`)}
    </ul>
    ${told.mayChange ? actionsOf(one.deliveryId, { told, isHeld: one.state !== 'queued', isScheduled }) : ''}
  </div>`;
}

/** @param id of a delivery, or of a message for all of its deliveries */
function actionsOf(id: string, { told, isHeld, isScheduled }: Shown & { readonly isHeld: boolean }): Html {
  const words = MESSAGE_WORDS[told.language];
  const mild = isHeld ? (['release'] as const) : (['retry', 'hold'] as const);
  const grave = isScheduled ? (['cancel'] as const) : (['bounce', 'discard'] as const);
  return html`<form class="buttons" data-done="${words.done}">
    <input type="hidden" name="${IDS_FIELD}" value="${id}" data-as="list" />
    ${mild.map((action) => html`<button data-api="${queueApi(action)}">${words.actions[action]}</button>`)}
    ${grave.map(
      (action) =>
        html`<button class="danger" data-api="${queueApi(action)}" data-confirm="${words.sure[action]}">
          ${words.actions[action]}
        </button>`,
    )}
  </form>`;
}

function allActions(id: string, { told, isScheduled, isMany }: Shown & { readonly isMany: boolean }): Html {
  const words = MESSAGE_WORDS[told.language];
  const reschedule = html`<form class="filters" data-api="${RESCHEDULE_API}" data-done="${words.done}">
    <input type="hidden" name="ids" value="${id}" data-as="list" />
    <label>${words.newTime} (${told.zone}) <input name="${RESCHEDULE_TIME}" type="datetime-local" required /></label>
    <button>${words.reschedule}</button>
  </form>`;
  const all = html`<h3>${words.recipients}</h3>
    ${actionsOf(id, { told, isHeld: false, isScheduled })}`;
  return html`${isMany ? all : ''} ${isScheduled ? reschedule : ''}`;
}
