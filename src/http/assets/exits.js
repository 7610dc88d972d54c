/* What came of trying an exit, step by step, in a dialog. */
(() => {
  'use strict';
  const { show, words } = window.relevo;

  const make = (tag, text, className) => {
    const one = document.createElement(tag);
    if (text !== undefined) one.textContent = text;
    if (className !== undefined) one.className = className;
    return one;
  };

  function linesOf({ result, lists }) {
    const steps = result.steps.map(({ stage, found, isTrouble }) => [
      `${stage}: ${found}`,
      isTrouble === true ? 'warn' : 'good',
    ]);
    const failed = result.kind === 'failed' ? [[`${result.stage}: ${result.cause}`, 'bad']] : [];
    const zones = lists.map(({ zone, verdict }) => [
      `${zone}: ${verdict.kind}`,
      verdict.kind === 'listed' ? 'bad' : 'good',
    ]);
    return [...steps, ...failed, ...zones];
  }

  document.addEventListener('relevo:answer', (event) => {
    const { ok, value } = event.detail;
    const { good, bad, close } = event.target.dataset;
    if (!ok || good === undefined || value?.result === undefined) return;
    const lines = linesOf(value);
    const isWell = lines.every(([, tone]) => tone === 'good');
    const dialog = make('dialog');
    const title = make('h2', `${value.egress}: ${value.result.kind === 'ok' ? good : bad}`);
    title.id = 'tried';
    dialog.setAttribute('aria-labelledby', title.id);
    const list = make('ul', undefined, 'plain');
    for (const [text, tone] of lines) {
      const line = make('li');
      line.append(make('span', tone === 'good' ? '✓' : '!', `tag ${tone}`), ` ${text}`);
      list.append(line);
    }
    const form = make('form');
    form.method = 'dialog';
    const row = make('div', undefined, 'buttons');
    row.append(make('button', close ?? words.cancel));
    form.append(row);
    dialog.append(title, list, form);
    dialog.dataset.tried = isWell ? 'well' : 'badly';
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    show(dialog);
  });
})();
