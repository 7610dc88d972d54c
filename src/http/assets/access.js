/* The page Access: the square of a second factor, and recovery codes, both shown once; which of the sign-ins is this one. */
(() => {
  'use strict';
  const at = (id) => document.getElementById(id);

  async function markThis() {
    const { ok, value } = await window.relevo.call('GET', '/api/v1/sessions');
    const here = ok ? value.sessions.find((one) => one.isThis) : undefined;
    const place = here === undefined ? null : document.querySelector(`[data-session="${here.id}"]`);
    if (place === null) return;
    const tag = document.createElement('span');
    tag.className = 'tag good';
    tag.textContent = place.dataset.this;
    place.append(' ', tag);
  }
  void markThis();

  document.addEventListener('relevo:answer', ({ detail: { ok, value } }) => {
    if (!ok) return;
    if (typeof value.image === 'string') {
      at('factor-begin').hidden = true;
      const square = new Image(220, 220);
      square.alt = '';
      square.src = value.image;
      at('factor-image').replaceChildren(square);
      at('factor-seed').textContent = value.seed;
      at('factor-confirm').hidden = false;
      at('factor-confirm').querySelector('input[name=code]').focus();
    }
    if (Array.isArray(value.recoveryCodes)) {
      if (at('factor-confirm') !== null) at('factor-confirm').hidden = true;
      at('recovery-codes').textContent = value.recoveryCodes.join('\n');
      at('recovery').hidden = false;
      at('recovery').focus();
    }
  });
})();
