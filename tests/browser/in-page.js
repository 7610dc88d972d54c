/* What the rig asks of a page from within, as `rig`. Not part of what is tested. */
globalThis.rig = {
  /** Hostile words that were run, or became elements. */
  harm: () => {
    const grown = document.querySelectorAll('script:not([src]), [onerror], [onload], main [src="x"], main b, main i');
    const run = globalThis.hostile === undefined ? [] : [`run: ${globalThis.hostile}`];
    return [...run, ...[...grown].map((one) => one.outerHTML.slice(0, 200))];
  },

  isNarrowEnough: () => document.documentElement.scrollWidth <= document.documentElement.clientWidth,

  /** What is wider than the window, for whoever looks for the reason. */
  wide: () =>
    [...document.querySelectorAll('main *')]
      .filter((one) => one.closest('.scroll') === null && one.getBoundingClientRect().right > innerWidth + 1)
      .slice(0, 5)
      .map((one) => one.outerHTML.slice(0, 150)),

  /** Links, buttons and fields that are shown and that the Tab key passes over. */
  passedOver: () =>
    [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
      .filter((one) => one.checkVisibility({ checkVisibilityCSS: true }) && one.tabIndex < 0 && !one.disabled)
      .map((one) => one.outerHTML.slice(0, 120)),

  /** What has the focus, as text; '' where nothing has. */
  focused: () => {
    const one = document.activeElement;
    if (one === null || one === document.body) return '';
    return (one.getAttribute('aria-label') ?? one.textContent ?? one.getAttribute('name') ?? '')
      .trim()
      .replaceAll(/\s+/g, ' ');
  },

  /** What axe finds serious or critical, a line each. */
  serious: async () => {
    const { violations } = await globalThis.axe.run({ resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes
          .slice(0, 3)
          .map(
            ({ target, failureSummary, html }) => `${id}: ${target.join(' ')}: ${html.slice(0, 200)} ${failureSummary}`,
          ),
      );
  },
};
// For the rig, which listens to the console.
/* oxlint-disable no-console */
document.addEventListener('securitypolicyviolation', (event) =>
  console.error(`CSP ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`),
);

/** Buttons and links that do something else than to call the API or to lead somewhere. */
const DOERS = '[data-do], [data-policy], [data-dialog], [data-close], [data-remove], [data-range], a[download]';
const DOES = ['do', 'policy', 'dialog', 'close', 'remove', 'range'];
document.addEventListener(
  'click',
  ({ target }) => {
    const doer = target.closest?.(DOERS);
    if (!doer) return;
    const name = DOES.find((one) => doer.dataset[one] !== undefined);
    globalThis.rigClicked(name === undefined ? 'download' : `${name} ${doer.dataset[name]}`.trim());
  },
  true,
);
