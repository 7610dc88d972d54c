import type { Handoff } from './spool/handoff.ts';

/** Fresh mail for which there is no room here goes to whoever claims it first. @param others that may claim it; default: there are none */
export function sharedHandoff(handoff: Handoff, others: { wake(): void } | undefined): Handoff {
  if (others === undefined) return handoff;
  return {
    reserve: (delivery) => handoff.reserve(delivery),
    take: (leased, content) => handoff.take(leased, content),
    cancel: (ids) => handoff.cancel(ids),
    wake: () => {
      handoff.wake();
      others.wake();
    },
  };
}
