/* The page to sign in: goes on to the code where one is wanted, and to where one wanted to be; says in its own words what was wrong. */
(() => {
  'use strict';
  const byPassword = document.getElementById('by-password');
  const byCode = document.getElementById('by-code');
  const token = document.getElementById('token');

  function show(isCode) {
    byPassword.hidden = isCode;
    byCode.hidden = !isCode;
    token.hidden = isCode;
    const field = (isCode ? byCode : byPassword).elements[isCode ? 'code' : 'password'];
    field.value = '';
    field.focus();
  }

  document.addEventListener('relevo:answer', ({ target: form, detail: { ok, status, value } }) => {
    if (ok && value.kind === 'signed-in') location.assign(value.next);
    if (ok && value.kind === 'code-wanted') {
      byCode.elements.ticket.value = value.ticket;
      show(true);
    }
    if (ok) return;
    const said = form.getAttribute(`data-said-${status}`);
    // What all pages do with an answer comes first.
    queueMicrotask(() => {
      if (status === 410) show(false);
      if (said === null) return;
      const place = status === 410 ? document.createElement('p') : form.querySelector('.fault');
      if (status === 410) {
        place.className = 'fault';
        byPassword.append(place);
      }
      if (place !== null) place.textContent = said;
      const outcome = document.getElementById('outcome');
      if (outcome !== null) outcome.textContent = said;
    });
  });
})();
