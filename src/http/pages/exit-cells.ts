/** What is told of an exit, a figure at a time: on the page of all and on its own. */
import { html } from 'hono/html';
import type { Operations } from '../../operations/operations.ts';
import type { ExitTrouble } from '../../report/troubles.ts';
import type { Html, Language } from '../page.ts';
import { EXITS_WORDS } from './exits-words.ts';
import { ago, count, decimal, money, percent } from './format.ts';

export type ExitStatus = Awaited<ReturnType<Operations['exits']>>[number];
export type Stats = Awaited<ReturnType<Operations['stats']>>;
export type ExitStats = Stats['exits'][number];
export type ExitCosts = Stats['costs']['exits'][number];

export type Told = { readonly nowMs: number; readonly zone: string; readonly language: Language };

/** One exit, with all that is known of it; absent: nothing is, as it is not in use. */
export type KnownExit = {
  readonly status: ExitStatus;
  readonly stats: ExitStats | undefined;
  readonly costs: ExitCosts | undefined;
  readonly troubles: readonly ExitTrouble[];
};

type Used = { readonly limit: number; readonly used: number };

/** A bar and the figures in words; the bar says nothing that they do not. */
export function usedCell(used: Used | null | undefined, { language }: Told): Html {
  const words = EXITS_WORDS[language];
  if (used === null || used === undefined) return html`<span class="soft">${words.noLimit}</span>`;
  const text = words.of(count(used.used, language), count(used.limit, language));
  const high = Math.max(1, used.limit * 0.8);
  return html`<span class="used"
    ><meter min="0" max="${Math.max(1, used.limit)}" high="${high}" value="${used.used}" aria-label="${text}"></meter>
    ${text}</span
  >`;
}

/** `day 3 of 20`, or when it begins; a dash where there is none. */
export function warmupText(warmup: NonNullable<ExitStatus['limits']>['warmup'], language: Language): string {
  const words = EXITS_WORDS[language];
  if (warmup === null) return '–';
  return warmup.kind === 'before' ? words.warmupFrom(warmup.start) : words.warmupDay(warmup.day, warmup.days);
}

/** The day of it, or where each provider has one of its own how they are. */
export function warmupCell({ limits }: ExitStatus, { language }: Told): Html {
  if (limits === null) return html`–`;
  const { warmup, providers } = limits;
  if (warmup !== null || providers.length === 0) return html`${warmupText(warmup, language)}`;
  return html`${providers.slice(0, 3).map(({ provider, warmup: of }) => {
    const text = of.kind === 'done' ? EXITS_WORDS[language].warmupOver : warmupText(of, language);
    return html`<div>${provider}: ${text}</div>`;
  })}`;
}

/** Its score, and what that has come to. */
export function reputationCell({ status, stats }: KnownExit, { language }: Told): Html {
  const level = stats?.level ?? 'good';
  const tone = level === 'good' ? 'good' : level === 'slowed' ? 'warn' : 'bad';
  const score = decimal(status.score, Number.isInteger(status.score) ? 0 : 1, language);
  return html`${score} <span class="tag ${tone}">${EXITS_WORDS[language].levels[level] ?? level}</span>`;
}

export function successCell({ stats }: KnownExit, { language }: Told): Html {
  return html`${stats === undefined || stats.successRate === null ? '–' : percent(stats.successRate, language)}`;
}

/** Of this month, what it comes to, and how long the budget lasts. */
export function costCell({ costs }: KnownExit, told: Told): Html {
  const words = EXITS_WORDS[told.language];
  if (costs === undefined) return html`<span class="soft">${words.free}</span>`;
  const { monthToDate, forecast, currency, budget } = costs;
  const sum = (amount: number): string => money({ amount, currency }, told.language);
  return html`<div>${sum(monthToDate)} ${words.month}</div>
    ${forecast === null ? '' : html`<div class="soft">${words.forecast} ${sum(forecast)}</div>`}
    ${
      budget === null
        ? ''
        : html`<div>
            ${words.budget}: ${words.of(sum(budget.used), sum(budget.amount))},
            ${
              budget.isUsedUp
                ? words.usedUp
                : budget.usedUpAtMs === null
                  ? words.lasts
                  : html`${words.usedUp} ${ago(budget.usedUpAtMs, told)}`
            }
          </div>`
    }`;
}

/** The last one. */
export function troubleCell([last]: readonly ExitTrouble[], told: Told): Html {
  if (last === undefined) return html`–`;
  const words = EXITS_WORDS[told.language];
  const often = last.count > 1 ? html`, ${words.times(last.count)}` : '';
  return html`<bdi>${last.reply}</bdi> <span class="soft">(${ago(last.atMs, told)}${often})</span>`;
}
