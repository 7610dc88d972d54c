/*
 * Elements with data-live="name" are replaced by themselves as they are later, for as long as the page is open and looked at. Each tells
 * `relevo:replaced`, from the fresh one. What somebody is using stays as it is until they are done.
 */
(() => {
  'use strict';
  const { announce, words } = window.relevo;

  /** What somebody is about to change there is not taken from under the hand. */
  function isInUse(region) {
    const focused = document.activeElement;
    if (region.querySelector('dialog[open], form[aria-busy=true], .fault') !== null) return true;
    if (focused === null || !region.contains(focused)) return false;
    return (
      focused.matches('input:not([type=checkbox], [type=radio]), textarea, select') || String(getSelection()) !== ''
    );
  }

  function replace(region, fresh) {
    if (isInUse(region) || region.outerHTML === fresh.outerHTML) return;
    const active = region.contains(document.activeElement) ? document.activeElement : null;
    const focused = active === null ? null : { id: active.id, path: placesTo(region, active) };
    const open = [...region.querySelectorAll('details[open]')].map((one) => pathTo(region, one));
    const checked = [...region.querySelectorAll('input:checked')].map((one) => one.id).filter((id) => id !== '');
    if (region.open === true) fresh.open = true;
    region.replaceWith(fresh);
    for (const path of open) at(fresh, path)?.setAttribute('open', '');
    for (const id of checked) {
      const box = fresh.querySelector(`#${CSS.escape(id)}`);
      if (box !== null) box.checked = true;
    }
    if (focused !== null) focus(fresh, focused);
    fresh.dispatchEvent(new CustomEvent('relevo:replaced', { bubbles: true }));
  }

  /** By id, or by place. */
  function pathTo(region, element) {
    return element !== region && element.id !== '' ? element.id : placesTo(region, element);
  }

  function placesTo(region, element) {
    const path = [];
    for (let one = element; one !== region; one = one.parentElement)
      path.unshift([...one.parentElement.children].indexOf(one));
    return path;
  }

  function at(region, path) {
    if (typeof path === 'string') return region.querySelector(`#${CSS.escape(path)}`);
    return path.reduce((one, place) => one?.children[place], region);
  }

  const FOCUSABLE = 'a[href], button, input, select, textarea, summary';

  /** Where there is nothing any more, what took its place: who paused something with the keyboard stands before what resumes it. */
  function focus(region, { id, path }) {
    let place = id === '' ? null : region.querySelector(`#${CSS.escape(id)}`);
    if (place === null) {
      place = region;
      for (const step of path) place = place.children[step] ?? place;
    }
    (place.matches(FOCUSABLE) ? place : place.querySelector(FOCUSABLE))?.focus();
  }

  function elementOf(html) {
    const template = document.createElement('template');
    template.innerHTML = html;
    return template.content.firstElementChild;
  }

  const regionNamed = (name) => document.querySelector(`[data-live="${CSS.escape(name)}"]`);

  /** It is being read still: what is there stays, and what changed of it comes by itself. */
  function isLooking(region) {
    return region.matches('[aria-busy=true]') || region.querySelector('[aria-busy=true]') !== null;
  }

  /** Looks at the page again, and replaces what is live of it. */
  async function refresh() {
    try {
      const response = await fetch(location.href, { credentials: 'same-origin', headers: { accept: 'text/html' } });
      // A relay that is busy for a moment does not take away what is there.
      if (response.status >= 429) return announce(words.unreachable, 'bad');
      if (!response.ok || response.redirected) return location.reload();
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      for (const fresh of page.querySelectorAll('[data-live]')) {
        const region = regionNamed(fresh.dataset.live);
        if (region !== null && !isLooking(fresh)) replace(region, document.adoptNode(fresh));
      }
    } catch {
      announce(words.unreachable, 'bad');
    }
  }

  const SILENCE_MS = 30_000;
  let source = null;
  let silence = 0;
  let isLost = false;

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(lost, SILENCE_MS);
    document.documentElement.dataset.state = 'live';
    if (isLost) announce(words.back);
    isLost = false;
  }

  function lost() {
    if (!isLost) announce(words.lost, 'bad');
    isLost = true;
    document.documentElement.dataset.state = 'lost';
  }

  function watch() {
    if (
      source !== null ||
      document.hidden ||
      document.body.classList.contains('bare') ||
      document.querySelector('[data-live]') === null
    )
      return;
    source = new EventSource(`/live?path=${encodeURIComponent(location.pathname + location.search)}`);
    source.addEventListener('region', ({ data }) => {
      heard();
      const { name, html } = JSON.parse(data);
      const region = regionNamed(name);
      if (region !== null) replace(region, elementOf(html));
    });
    source.addEventListener('beat', heard);
    source.addEventListener('error', () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      // Refused: the browser would not ask again by itself.
      unwatch();
      void refused();
    });
  }

  /** Nobody is signed in any more, or as many watch as may. */
  async function refused() {
    const response = await fetch(location.href, { redirect: 'manual' }).catch(() => null);
    if (response?.type === 'opaqueredirect') {
      document.documentElement.dataset.state = 'signed-out';
      announce(words.signedOut, 'bad');
      return;
    }
    lost();
    setTimeout(watch, SILENCE_MS);
  }

  function unwatch() {
    source?.close();
    source = null;
    clearTimeout(silence);
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? unwatch() : watch()));
  window.addEventListener('pageshow', (event) => {
    // What the browser had kept is old.
    if (event.persisted) void refresh();
    watch();
  });
  window.addEventListener('pagehide', unwatch);

  window.relevo.refresh = refresh;
})();
