/** All exits: whether mail goes out by each, what is used of its limits, how it does, what it costs. */
import { html } from 'hono/html';
import type { Operations } from '../../operations/operations.ts';
import type { Troubles } from '../../report/troubles.ts';
import type { RouteNeeds } from '../needs.ts';
import type { Html, Page, PageAsk } from '../page.ts';
import { actionButtons, pauseDialog } from './exit-actions.ts';
import {
  costCell,
  type KnownExit,
  reputationCell,
  successCell,
  type Told,
  troubleCell,
  usedCell,
  warmupCell,
} from './exit-cells.ts';
import { causesOf, stateTags } from './exit-state.ts';
import { EXITS_WORDS } from './exits-words.ts';

export type ExitsNeeds = Pick<RouteNeeds, 'policy'> & {
  readonly operations: Pick<Operations, 'exits' | 'stats'>;
  readonly troubles: Pick<Troubles, 'ofExit'>;
};

export function exitsPage(needs: ExitsNeeds): Page {
  return {
    path: '/exits',
    scope: 'read',
    nav: { order: 20, name: { en: EXITS_WORDS.en.title, es: EXITS_WORDS.es.title } },
    render: async (ask) => {
      const { language } = ask;
      const words = EXITS_WORDS[language];
      const exits = await knownExits(needs);
      const told = { nowMs: ask.nowMs, zone: needs.policy().timeZone, language };
      const dialogs = ask.principal.scopes.includes('operate')
        ? exits.map(({ status }, at) => pauseDialog(status, { at, language }))
        : '';
      const main =
        exits.length === 0
          ? html`<p>${words.noExits}</p>`
          : html`${tableOf(exits, told, ask.principal.scopes)} ${dialogs}`;
      return { title: words.title, main, scripts: ['exits.js'] };
    },
  };
}

/** In the order of the policy. Rejects with `SpoolError`. */
export async function knownExits({ operations, troubles }: ExitsNeeds): Promise<readonly KnownExit[]> {
  const [statuses, stats] = await Promise.all([operations.exits(), operations.stats()]);
  const figures = new Map(stats.exits.map((exit) => [exit.egress, exit]));
  const costs = new Map(stats.costs.exits.map((cost) => [cost.egress, cost]));
  return statuses.map((status) => ({
    status,
    stats: figures.get(status.egress),
    costs: costs.get(status.egress),
    troubles: troubles.ofExit(status.egress),
  }));
}

function tableOf(exits: readonly KnownExit[], told: Told, scopes: PageAsk['principal']['scopes']): Html {
  const words = EXITS_WORDS[told.language];
  const columns = [
    words.exit,
    words.state,
    words.today,
    words.warmup,
    words.reputation,
    words.success,
    words.cost,
    words.errors,
  ];
  const mayAct = scopes.includes('operate');
  const head = html`<tr>
    ${columns.map((name) => html`<th scope="col">${name}</th>`)}
    ${mayAct ? html`<th scope="col">${words.actions}</th>` : ''}
  </tr>`;
  return html`<div class="card" data-live="exits">
    <table class="cards">
      <thead>
        ${head}
      </thead>
      <tbody>
        ${exits.map((exit, at) => rowOf(exit, { told, at, scopes }))}
      </tbody>
    </table>
  </div>`;
}

type Row = { readonly told: Told; readonly at: number; readonly scopes: PageAsk['principal']['scopes'] };

function rowOf(exit: KnownExit, { told, at, scopes }: Row): Html {
  const { status, troubles } = exit;
  const { language } = told;
  const words = EXITS_WORDS[language];
  const { egress, type, target, closures, isRunning, limits } = status;
  const state = stateTags({ closures, part: limits?.part ?? 1, isRunning }, language);
  return html`<tr>
    <th scope="row">
      <div>
        <a href="/exits/${encodeURIComponent(egress)}">${egress}</a>
        <div class="soft">${type}${target === null ? '' : ` ${target}`}</div>
      </div>
    </th>
    <td data-label="${words.state}">
      <div>${state} ${causesOf(closures, told).map((cause) => html`<div>${cause}</div>`)}</div>
    </td>
    <td data-label="${words.today}">${usedCell(limits?.day, told)}</td>
    <td data-label="${words.warmup}"><div>${warmupCell(status, told)}</div></td>
    <td data-label="${words.reputation}"><div>${reputationCell(exit, told)}</div></td>
    <td data-label="${words.success}">${successCell(exit, told)}</td>
    <td data-label="${words.cost}"><div>${costCell(exit, told)}</div></td>
    <td data-label="${words.errors}"><div>${troubleCell(troubles, told)}</div></td>
    ${
      scopes.includes('operate')
        ? html`<td data-label="${words.actions}">${actionButtons(status, { at, language, scopes })}</td>`
        : ''
    }
  </tr>`;
}
