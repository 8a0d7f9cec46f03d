// Run history: filters that are part of the address, counts over time, pages, and doing something with many.

import { fill, h, later } from './dom.js';
import { get, may, optional, query as asQuery } from './api.js';
import { bulk } from './bulk.js';
import { bars } from './chart.js';
import { ago, brief, moment, number, shortMoment, took } from './format.js';
import { icon } from './icons.js';
import { button, complain, dialog, empty, field, menu, select, skeleton } from './parts.js';
import { go, rename, runPage, to } from './router.js';
import { openFile } from './source.js';
import { badge } from './status.js';

const NAMES = ['flow', 'status', 'handled', 'text', 'key', 'error', 'trigger', 'since', 'until', 'parent', 'resubmitOf'];
/** Statuses, and behind `|` whether somebody has marked the runs as handled. */
const STATUSES = [['|', 'All statuses'], ['Running|', 'Running'], ['Paused|', 'Paused'], ['Succeeded|', 'Succeeded'], ['Failed,TimedOut|', 'Failed'], ['Failed,TimedOut|false', 'Failed, not handled'],
  ['Failed,TimedOut|true', 'Failed, handled'], ['Cancelled|', 'Cancelled']];
const TIMES = [['', 'Any time'], ['PT1H', 'Last hour'], ['PT24H', 'Last 24 hours'], ['P7D', 'Last 7 days'], ['P28D', 'Last 28 days']];
const BETWEEN = 'between';

export async function render(root, { query, signal }) {
  const state = { filter: Object.fromEntries(NAMES.filter((it) => query[it]).map((it) => [it, query[it]])), page: null, signal };
  const chart = h('div', { class: 'chart-place' });
  const list = h('div', {}, skeleton(8));
  const [flows, operator] = await Promise.all([get('/api/v1/flows', signal), may('operator')]);
  const filters = h('div', { class: 'filters', role: 'search' });
  const change = (members) => {
    Object.assign(state.filter, members);
    state.page = null;
    rename(to('/runs', state.filter));
    show();
  };
  const show = () => {
    drawFilters(filters, state, flows.value, change);
    refresh(state, chart, list, change).catch((error) => complain(error));
  };
  fill(root, h('header', { class: 'page-head' }, h('h1', {}, 'Run history'), h('span', { class: 'grow' }),
    operator ? actions(state) : null, openButton()), filters, chart, list);
  show();
  // What somebody is about to press is not taken away.
  const isBusy = () => document.hidden || chart.contains(document.activeElement) || list.contains(document.activeElement);
  const timer = setInterval(() => { if (!isBusy() && !state.page) refresh(state, chart, list, change).catch(() => null); }, 5_000);
  signal.addEventListener('abort', () => clearInterval(timer));
}

const actions = (state) => h('div', { class: 'button-row' },
  button('Retry…', 'refresh', () => bulk('retry', state.filter)), button('Resubmit…', 'history', () => bulk('resubmit', state.filter)),
  menu('More', [['Pause…', 'pause', () => bulk('pause', state.filter)], ['Resume…', 'play', () => bulk('resume', state.filter)], ['Cancel…', 'ban', () => bulk('cancel', state.filter)], ['Mark as handled…', 'check', () => bulk('handle', state.filter)]]));

/** A run that was downloaded, here or elsewhere. */
function openButton() {
  const input = h('input', { type: 'file', accept: '.json,application/json', class: 'hidden', tabindex: '-1', 'aria-hidden': 'true', onchange: async () => {
    try {
      if (input.files[0]) {
        await openFile(input.files[0]);
        go('#/runs/file');
      }
    } catch (error) {
      complain(error);
    }
  } });
  const node = h('button', { type: 'button', class: 'icon-button', title: 'Open a downloaded run', 'aria-label': 'Open a downloaded run', onclick: () => input.click() }, icon('folder', 18));
  return [node, input];
}

function drawFilters(place, { filter }, flows, change) {
  if (place.contains(document.activeElement) && document.activeElement.tagName === 'INPUT') return;
  const typed = (name, title, style) => h('input', { type: 'search', class: style, placeholder: title, 'aria-label': title, value: filter[name] ?? '',
    oninput: later(400, (event) => change({ [name]: event.target.value.trim() })) });
  const choice = (title, present, options, onchange) => {
    const node = select(options.some(([value]) => value === present) ? options : [...options, [present, present]], present, onchange);
    node.setAttribute('aria-label', title);
    return node;
  };
  const flow = choice('Flow', filter.flow ?? '', [['', 'All flows'], ...flows.map((it) => [it.flow, it.name])], (value) => change({ flow: value, trigger: '' }));
  // They are called in runs as in expressions.
  const triggers = (flows.find((it) => it.flow === filter.flow)?.triggers ?? []).map((it) => [it.replaceAll(' ', '_'), it]);
  const trigger = triggers.length < 2 ? null : choice('Trigger', filter.trigger ?? '', [['', 'All triggers'], ...triggers], (value) => change({ trigger: value }));
  const status = choice('Status', `${filter.status ?? ''}|${filter.handled ?? ''}`, STATUSES, (value) => {
    const [statuses, handled] = value.split('|');
    change({ status: statuses, handled });
  });
  fill(place, flow, trigger, status, times(filter, change), typed('text', 'Search id, key, error…', 'wide-input'), typed('key', 'Key'), typed('error', 'Error code'),
    ['until', ...(trigger ? [] : ['trigger']), 'parent', 'resubmitOf'].filter((it) => filter[it]).map((name) => chip(name, filter[name], () => change({ [name]: '' }))),
    saved(filter));
}

/** Since when; or between two instants that somebody chooses. */
function times(filter, change) {
  const present = filter.since ?? '';
  const known = TIMES.some(([value]) => value === present);
  const options = [...TIMES, ...(known ? [] : [[present, `Since ${shortMoment(present)}`]]), [BETWEEN, 'Between…']];
  const node = select(options, present, (value) => {
    if (value !== BETWEEN) {
      change({ since: value, until: '' });
      return;
    }
    node.value = present;
    between(filter, change);
  });
  node.setAttribute('aria-label', 'Since');
  return node;
}

function between(filter, change) {
  // Such fields take local times without a zone.
  const local = (text) => (Number.isNaN(Date.parse(text ?? '')) ? '' : new Date(Date.parse(text) - new Date(text).getTimezoneOffset() * 60_000).toISOString().slice(0, 16));
  const fields = ['since', 'until'].map((name) => h('input', { type: 'datetime-local', value: local(filter[name]) }));
  dialog({ title: 'Between two times' }, ({ show, close }) => {
    const [since, until] = fields.map((it) => () => (it.value ? new Date(it.value).toISOString() : ''));
    const use = button('Show', null, () => { close(); change({ since: since(), until: until() }); }, 'primary');
    show(h('form', { onsubmit: (event) => { event.preventDefault(); use.click(); } }, field('From', fields[0]), field('To', fields[1])), [button('Cancel', null, close), use]);
  });
}

const TITLES = { until: 'Until', trigger: 'Trigger', parent: 'Called by', resubmitOf: 'Resubmits of' };
const chip = (name, value, drop) => h('span', { class: 'chip' }, `${TITLES[name]}: ${name === 'until' ? moment(value) : brief(value, 24)}`,
  h('button', { type: 'button', class: 'icon-button', 'aria-label': `Remove ${TITLES[name]}`, onclick: drop }, icon('close', 14)));

/** Filters that somebody keeps in this browser. */
function saved(filter) {
  const read = () => JSON.parse(localStorage.getItem('filters') ?? '{}');
  const all = Object.keys(read());
  const choose = all.length ? select([['', 'Saved filters'], ...all.map((it) => [it, it])], '', (name) => { if (name) go(to('/runs', read()[name])); }) : null;
  choose?.setAttribute('aria-label', 'Saved filters');
  const keep = h('button', { type: 'button', class: 'icon-button', title: 'Save this filter', 'aria-label': 'Save this filter', onclick: () => {
    const name = h('input', { type: 'text' });
    dialog({ title: 'Save this filter' }, ({ show, close }) => show(h('div', {}, field('Name', name, { help: 'An empty filter under a known name removes it' })),
      [button('Cancel', null, close), button('Save', null, () => {
        const kept = read();
        const given = Object.fromEntries(Object.entries(filter).filter(([, it]) => it));
        if (Object.keys(given).length) kept[name.value.trim() || 'Filter'] = given;
        else delete kept[name.value.trim()];
        localStorage.setItem('filters', JSON.stringify(kept));
        close();
      }, 'primary')]));
  } }, icon('star', 18));
  return [choose, keep];
}

async function refresh(state, chart, list, change) {
  const { filter, signal } = state;
  const { flow, trigger, key, error, since, until } = filter;
  // What only a look at each run can tell is not counted.
  const looks = Boolean(filter.text || filter.handled);
  const address = state.page ?? `/api/v1/runs${asQuery({ ...filter, limit: 50, count: !looks })}`;
  const [answer, counts] = await Promise.all([get(address, signal),
    state.page || looks ? null : optional(get(`/api/v1/runs/counts${asQuery({ flow, trigger, key, error, since, until })}`, signal))]);
  if (signal.aborted || filter !== state.filter) return;
  chart.hidden = looks;
  if (counts) fill(chart, bars(counts, (from, end) => change({ since: from, until: end })));
  const turn = (page) => () => { state.page = page; refresh(state, chart, list, change).catch(complain); window.scrollTo(0, 0); };
  fill(list, answer.value.length ? table(answer.value) : none(filter, answer),
    h('footer', { class: 'pages' }, answer.count === undefined ? null : h('span', { class: 'muted' }, `${number(answer.count)}${answer.hasMore ? '+' : ''} runs`), h('span', { class: 'grow' }),
      answer.previousLink ? button('Newer', 'back', turn(answer.previousLink)) : null, answer.nextLink ? button('Older', 'chevron', turn(answer.nextLink)) : null));
}

function none(filter, { nextLink }) {
  if (nextLink) return empty('search', 'Nothing so far', 'The newest runs were looked through. Go on with older ones.');
  return empty('runs', 'No runs', Object.values(filter).some(Boolean) ? 'No run is as the filter says.' : 'Runs appear here as soon as a flow is started.');
}

function table(runs) {
  return h('table', { class: 'list runs' },
    h('thead', {}, h('tr', {}, ['Start', 'Duration', 'Status', 'Flow', 'Key', 'Error'].map((it) => h('th', { scope: 'col' }, it)))),
    h('tbody', {}, runs.map((run) => h('tr', {},
      h('td', { class: 'main-cell' }, h('a', { href: runPage(run.id), class: 'strong', title: moment(run.startTime) }, ago(run.startTime)),
        h('span', { class: 'muted small' }, run.trigger.replaceAll('_', ' ')), run.resubmitOf ? h('a', { class: 'chip small again', href: runPage(run.resubmitOf) }, 'done again') : null),
      h('td', { 'data-label': 'Duration', class: 'numeric' }, took(run.startTime, run.endTime)),
      h('td', { 'data-label': 'Status' }, h('span', { class: 'marks' }, badge(run.status), run.handled ? h('span', { class: 'chip', title: `${run.handled.who}, ${moment(run.handled.time)}${run.handled.note ? `: ${run.handled.note}` : ''}` }, 'handled') : null)),
      h('td', { 'data-label': 'Flow' }, h('span', {}, run.flow, ' ', h('code', { class: 'muted small', title: `Version ${run.version}` }, brief(run.version, 7)))),
      h('td', { 'data-label': 'Key' }, run.key ? h('a', { class: 'plain', href: to('/runs', { key: run.key }) }, h('code', {}, brief(run.key, 24))) : h('span', { class: 'muted' }, '–')),
      h('td', { 'data-label': 'Error', class: 'error-cell' }, run.errorCode ? h('span', { title: run.error?.message }, h('code', {}, run.errorCode), ' ', h('span', { class: 'muted small' }, brief(run.error?.message ?? '', 80))) : h('span', { class: 'muted' }, '–'))))));
}
