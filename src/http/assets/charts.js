/*
 * Charts of figures over time, and the same as a table.
 *
 *   <section data-charts data-egress="one">      of that exit; without: of the whole relay; with <button data-range="1h">
 *     <figure data-what="delivered,bounced" data-labels='["…"]' data-scale="1" data-unit="%" data-per="minute">
 *                                                its places: .plot, and <details><div class="scroll">
 *
 * The figures are GET /api/v1/stats/series?what=…: { stepMs, times: [seconds], series: [{ figure, values: [number|null] }] }.
 */
(() => {
  'use strict';
  const { call, words } = window.relevo;
  /** A call asks for no more. */
  const MOST_FIGURES = 8;
  const AGAIN_MS = { '1h': 60_000, '24h': 300_000, '30d': 900_000 };
  const language = document.documentElement.lang;
  /** As it is written where 24 hours are. */
  const tag = language === 'en' ? 'en-GB' : language;
  const figure = new Intl.NumberFormat(tag, { maximumFractionDigits: 2 });
  const drawn = new Map();

  /** A value without neighbours is no line, and would not be seen. */
  function alone(chart, at) {
    const values = chart.data[at];
    const isThere = (place) => values[place] !== null && values[place] !== undefined;
    return values.flatMap((_, place) => (isThere(place) && !isThere(place - 1) && !isThere(place + 1) ? [place] : []));
  }

  const coloursOf = (place, tones) => {
    const style = getComputedStyle(place);
    const probe = document.createElement('i');
    place.append(probe);
    // A canvas knows no light-dark(): what the browser made of it does.
    const read = (name) => {
      probe.style.color = `var(${name})`;
      return getComputedStyle(probe).color;
    };
    const colours = {
      lines: tones.map((tone) => read(`--${tone}`)),
      axis: read('--axis'),
      net: read('--net'),
      font: `11px ${style.fontFamily}`,
    };
    probe.remove();
    return colours;
  };

  const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  const DAY = { day: '2-digit', month: '2-digit' };
  const moment = new Intl.DateTimeFormat(tag, { ...DAY, ...CLOCK });

  function optionsOf(place, { series, unit, range }) {
    const tones = series.map(({ tone }) => tone);
    const { lines, axis, net, font } = coloursOf(place, tones);
    const short = new Intl.DateTimeFormat(tag, range === '30d' ? DAY : CLOCK);
    const line = { stroke: axis, font, grid: { stroke: net, width: 1 }, ticks: { show: false } };
    const shown = (_, value) => (value === null || value === undefined ? '–' : `${figure.format(value)} ${unit}`);
    const dateOf = (time) => new Date(time * 1_000);
    return {
      width: Math.max(240, place.clientWidth),
      height: 170,
      cursor: { drag: { x: false, y: false } },
      scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.08 : 1] } },
      axes: [
        { ...line, values: (_, times) => times.map((time) => short.format(dateOf(time))), space: 60, size: 30 },
        { ...line, values: (_, values) => values.map((value) => figure.format(value)), size: 52 },
      ],
      series: [
        { label: words.time, value: (_, time) => (time === null ? '–' : moment.format(dateOf(time))) },
        ...series.map(({ name }, at) => ({
          label: name,
          stroke: lines[at],
          width: 1.5,
          points: { size: 5, filter: alone },
          value: shown,
          spanGaps: false,
        })),
      ],
    };
  }

  function draw(figureElement, { times, series }, range) {
    const place = figureElement.querySelector('.plot');
    drawn.get(place)?.destroy();
    drawn.delete(place);
    place.replaceChildren();
    const isEmpty = series.every(({ values }) => values.every((value) => value === null));
    if (times.length === 0 || isEmpty) {
      const note = document.createElement('p');
      note.className = 'soft';
      note.textContent = words.noHistory;
      place.append(note);
    } else {
      const unit = figureElement.dataset.unit ?? '';
      const chart = new window.uPlot(
        optionsOf(place, { series, unit, range }),
        [times, ...series.map(({ values }) => values)],
        place,
      );
      drawn.set(place, chart);
    }
    for (const canvas of place.querySelectorAll('canvas')) canvas.setAttribute('aria-hidden', 'true');
    table(figureElement, { times, series });
  }

  /** The latest first. */
  function table(figureElement, { times, series }) {
    const place = figureElement.querySelector('details .scroll');
    const made = document.createElement('table');
    const head = made.createTHead().insertRow();
    const title = (text, className) => {
      const cell = document.createElement('th');
      cell.scope = 'col';
      cell.textContent = text;
      cell.className = className;
      head.append(cell);
    };
    title(words.time, '');
    for (const { name } of series) title(name, 'num');
    const body = made.createTBody();
    for (let at = times.length - 1; at >= 0; at--) {
      if (series.every(({ values }) => values[at] === null)) continue;
      const row = body.insertRow();
      row.insertCell().textContent = moment.format(new Date(times[at] * 1_000));
      for (const { values } of series) {
        const cell = row.insertCell();
        cell.className = 'num';
        cell.textContent = values[at] === null ? '–' : figure.format(values[at]);
      }
    }
    place.replaceChildren(made);
  }

  /** As they are shown: under their labels, in their unit. */
  function shownOf({ what, labels, tones, scale, per }, { stepMs, times, series }) {
    const names = JSON.parse(labels);
    const colours = tones.split(',');
    const factor = Number(scale) / (per === 'minute' ? stepMs / 60_000 : 1);
    const lines = what.split(',').map((figureName, at) => {
      const known = series.find((one) => one.figure === figureName)?.values;
      // Of two calls one may have begun in the next stretch.
      const values = times.map((_, place) => known?.[place] ?? null);
      return {
        name: names[at],
        tone: colours[at],
        values: values.map((value) => (value === null ? null : value * factor)),
      };
    });
    return { times, series: lines };
  }

  for (const charts of document.querySelectorAll('[data-charts]')) {
    let range = charts.querySelector('[data-range][aria-pressed=true]')?.dataset.range ?? '1h';
    let timer = 0;
    const shown = new Map();

    function queryOf(what) {
      const of = charts.dataset.egress === undefined ? { by: 'all' } : { by: 'exit', names: charts.dataset.egress };
      return new URLSearchParams({
        what,
        ...of,
        from: range,
      });
    }

    /** All figures of the charts, in as few calls as may be: many look, and each call is a look at the store. */
    async function figures() {
      const wanted = new Set([...charts.querySelectorAll('[data-what]')].flatMap((one) => one.dataset.what.split(',')));
      const calls = [];
      for (let rest = [...wanted]; rest.length > 0; rest = rest.slice(MOST_FIGURES))
        calls.push(call('GET', `/api/v1/stats/series?${queryOf(rest.slice(0, MOST_FIGURES).join(','))}`));
      const answers = await Promise.all(calls);
      if (answers.some(({ ok, value }) => !ok || !Array.isArray(value?.times))) return null;
      const [{ value: first }] = answers;
      return { ...first, series: answers.flatMap(({ value }) => value.series) };
    }

    async function show() {
      clearTimeout(timer);
      const asked = range;
      const found = await figures();
      if (asked !== range) return;
      for (const one of charts.querySelectorAll('[data-what]')) {
        shown.set(one, found === null ? { times: [], series: [] } : shownOf(one.dataset, found));
        draw(one, shown.get(one), range);
      }
      charts.dataset.drawn = range;
      if (!document.hidden) timer = setTimeout(show, AGAIN_MS[range] ?? 60_000);
    }

    charts.addEventListener('click', (event) => {
      const button = event.target.closest('[data-range]');
      if (button === null) return;
      for (const one of charts.querySelectorAll('[data-range]'))
        one.setAttribute('aria-pressed', String(one === button));
      range = button.dataset.range;
      void show();
    });
    const again = () => shown.forEach((found, one) => draw(one, found, range));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
    let width = charts.clientWidth;
    new ResizeObserver(() => {
      if (Math.abs(charts.clientWidth - width) < 8) return;
      width = charts.clientWidth;
      again();
    }).observe(charts);
    document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : void show()));
    void show();
  }
})();
